#include "settings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace peerd::daemon {
namespace {

ErrorText refusal(std::string_view file, const Environment& environment) {
  try {
    load_settings(file, environment);
  } catch (const Error& error) {
    return error.text;
  }
  ADD_FAILURE() << "accepted";
  return {};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Settings, HaveTheirDefaultsWithoutAnything) {
  const Settings settings = load_settings("", {{"PATH", "/bin"}}).settings;
  EXPECT_EQ(settings.listen, "127.0.0.1");
  EXPECT_EQ(settings.sql_port, 9900);
  EXPECT_EQ(settings.http_port, 3000);
  EXPECT_EQ(settings.data_dir, "./peerd-data");
  EXPECT_EQ(settings.catalog, "sqlite:./peerd-data/catalog.db");
  EXPECT_EQ(settings.memory_bytes, 300u << 20);
  EXPECT_EQ(settings.retry_max, std::chrono::milliseconds(60000));
  EXPECT_EQ(settings.log_level, "info");
  EXPECT_EQ(settings.password, "");
}

TEST(Settings, TakeTheEnvironmentBeforeTheFile) {
  const Loaded loaded =
      load_settings("sql_port: 1\nhttp_port: 2\ndata_dir: /d\npassword: '007'\n", {{"PEERD_SQL_PORT", "3"}});
  EXPECT_EQ(loaded.settings.sql_port, 3);
  EXPECT_EQ(loaded.settings.http_port, 2);
  EXPECT_EQ(loaded.settings.catalog, "sqlite:/d/catalog.db");
  EXPECT_EQ(loaded.settings.password, "007");
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST(Settings, TakeAnEmptyVariableForTheDefault) {
  const Settings settings = load_settings("", {{"PEERD_SQL_PORT", ""}, {"PEERD_LISTEN", ""}}).settings;
  EXPECT_EQ(settings.sql_port, 9900);
  EXPECT_EQ(settings.listen, "127.0.0.1");
}

TEST(Settings, RefuseAnUnknownKeyWithASuggestion) {
  const ErrorText error = refusal("sqlport: 1\n", {});
  EXPECT_EQ(error.code, ErrorCode::invalid_option);
  EXPECT_TRUE(contains(error.message, "sqlport")) << error.message;
  EXPECT_TRUE(contains(error.hint, "sql_port")) << error.hint;
}

TEST(Settings, WarnOfAnUnknownVariableWithASuggestionButNotOfTheTests) {
  const Loaded loaded =
      load_settings("", {{"PEERD_SQLPORT", "1"}, {"PEERD_TEST_POSTGRES", "x"}, {"PEERD_BENCH_ROWS", "5"}});
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_TRUE(contains(loaded.warnings[0], "PEERD_SQLPORT"));
  EXPECT_TRUE(contains(loaded.warnings[0], "PEERD_SQL_PORT"));
}

TEST(Settings, RefuseValuesOfAWrongTypeOrOutOfRange) {
  EXPECT_EQ(refusal("", {{"PEERD_SQL_PORT", "psql"}}).field, "sql_port");
  EXPECT_EQ(refusal("", {{"PEERD_SQL_PORT", "65536"}}).field, "sql_port");
  EXPECT_EQ(refusal("", {{"PEERD_MEMORY_MB", "-1"}}).field, "memory_mb");
}

TEST(Settings, RefuseAFileThatIsNoListOfValues) {
  EXPECT_TRUE(contains(refusal("- a\n- b\n", {}).message, "name: value"));
  EXPECT_TRUE(contains(refusal("listen: [a, b]\n", {}).message, "listen"));
  EXPECT_TRUE(contains(refusal("a: b: c\n", {}).message, "YAML"));
}

TEST(Settings, WantAPasswordUnlessTheyListenOnLoopbackOnly) {
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    EXPECT_NO_THROW(load_settings("", {{"PEERD_LISTEN", address}})) << address;
  }
  for (const char* address : {"0.0.0.0", "::", "10.0.0.1"}) {
    const ErrorText error = refusal("", {{"PEERD_LISTEN", address}});
    EXPECT_TRUE(contains(error.message, "password")) << error.message;
    EXPECT_TRUE(contains(error.hint, "PEERD_PASSWORD")) << error.hint;
    EXPECT_NO_THROW(load_settings("", {{"PEERD_LISTEN", address}, {"PEERD_PASSWORD", "x"}})) << address;
  }
}

TEST(Settings, WantCertificateAndKeyTogether) {
  EXPECT_TRUE(contains(refusal("", {{"PEERD_TLS_CERT", "/c"}}).hint, "PEERD_TLS_KEY"));
  EXPECT_TRUE(contains(refusal("", {{"PEERD_TLS_KEY", "/k"}}).hint, "PEERD_TLS_CERT"));
}

TEST(Settings, TakeAReadPasswordBesideAnotherPasswordAlone) {
  const Environment both{{"PEERD_PASSWORD", "all"}, {"PEERD_READ_PASSWORD", "look"}};
  EXPECT_EQ(load_settings("", both).settings.read_password, "look");
  EXPECT_TRUE(contains(refusal("", {{"PEERD_READ_PASSWORD", "look"}}).hint, "PEERD_PASSWORD"));
  const ErrorText same = refusal("", {{"PEERD_PASSWORD", "hunter2"}, {"PEERD_READ_PASSWORD", "hunter2"}});
  EXPECT_TRUE(contains(same.hint, "PEERD_READ_PASSWORD"));
  EXPECT_FALSE(contains(same.message + same.hint + same.detail, "hunter2"));
}

TEST(Settings, NeverShowASecretInAnError) {
  const ErrorText error = refusal("password: [hunter2]\n", {});
  EXPECT_FALSE(contains(error.message + error.detail + error.hint, "hunter2"));
}

TEST(SettingsPage, IsWhatTheDocsHave) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../docs/settings.md";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), settings_page()) << "write the second text to docs/settings.md";
}

TEST(SettingsHelp, NamesEveryVariable) {
  const std::string help = settings_help();
  for (const Option& option : settings_table().options) {
    EXPECT_TRUE(contains(help, option.doc)) << option.name;
    EXPECT_FALSE(option.doc.empty()) << option.name;
  }
  EXPECT_TRUE(contains(help, "PEERD_HTTP_PORT"));
}

}  // namespace
}  // namespace peerd::daemon
