#include "peerd/base/option_table.h"

#include <gtest/gtest.h>

namespace peerd {
namespace {

constexpr Option kOptions[] = {
    {"host", OptionType::text, "", Required::yes, Secret::no, "name or address of the server"},
    {"port", OptionType::integer, "5432", Required::no, Secret::no, "its port", 1, 65535},
    {"password", OptionType::text, "", Required::no, Secret::yes, "of the user"},
    {"disable_tls", OptionType::boolean, "false", Required::no, Secret::no, "talk in the clear"},
    {"max_batch_size", OptionType::integer, "1000", Required::no, Secret::no, "of changes"},
    {"batch_size", OptionType::integer, "", Required::no, Secret::no, "another name", 0, 0, "max_batch_size"},
};
constexpr OptionTable kTable{"TEST peer", kOptions};
constexpr Option kPrefixOptions[] = {
    {"linger", OptionType::integer, "5", Required::no, Secret::no, "how long to wait"},
    {"properties.", OptionType::text, "", Required::no, Secret::yes, "passed on"},
};
constexpr OptionTable kPrefixTable{"TEST peer", kPrefixOptions};

RawOption text(std::string value) { return {RawOption::Kind::text, std::move(value)}; }
RawOption number(std::string value) { return {RawOption::Kind::number, std::move(value)}; }
RawOption boolean(std::string value) { return {RawOption::Kind::boolean, std::move(value)}; }

/// The one problem of `raw` beside a good host.
ErrorText refused(std::string name, RawOption value) {
  Options options;
  const Problems problems = check_options(kTable, {{"host", text("h")}, {std::move(name), std::move(value)}}, options);
  EXPECT_EQ(problems.size(), 1u);
  return problems.empty() ? ErrorText{} : problems.front().text;
}

TEST(Options, BothSpellingsOfAValueAreOne) {
  for (const RawOption& port : {text("5433"), number("5433")})
    for (const RawOption& tls : {text("true"), boolean("true"), text("ON"), text("yes")})
      EXPECT_EQ(parse_options(kTable, {{"host", text("h")}, {"port", port}, {"disable_tls", tls}}),
                (Options{{"host", "h"}, {"port", "5433"}, {"disable_tls", "true"}}));
}

TEST(Options, IntegersAreStoredCanonically) {
  EXPECT_EQ(parse_options(kTable, {{"host", text("h")}, {"port", text("0080")}}).at("port"), "80");
}

TEST(Options, DefaultsAreFilledInOnlyWhenRead) {
  const Options options = parse_options(kTable, {{"host", text("h")}});
  EXPECT_EQ(options, (Options{{"host", "h"}}));
  EXPECT_EQ(option_integer(kTable, options, "port"), 5432);
  EXPECT_EQ(option_text(kTable, options, "password"), "");
  EXPECT_FALSE(option_boolean(kTable, options, "disable_tls"));
}

TEST(Options, AliasesAreResolved) {
  const Options options = parse_options(kTable, {{"host", text("h")}, {"batch_size", number("5")}});
  EXPECT_EQ(options.at("max_batch_size"), "5");
  EXPECT_FALSE(options.contains("batch_size"));
  EXPECT_EQ(option_integer(kTable, options, "batch_size"), 5);
}

TEST(Options, AnOptionAndItsAliasTogetherAreRefused) {
  Options options;
  const RawOptions raw{{"host", text("h")}, {"batch_size", number("5")}, {"max_batch_size", number("6")}};
  const Problems problems = check_options(kTable, raw, options);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text.message, "options \"batch_size\" and \"max_batch_size\" are the same");
}

TEST(Options, UnknownNamesGetASuggestion) {
  const ErrorText text_of = refused("prot", number("1"));
  EXPECT_EQ(text_of.code, ErrorCode::invalid_option);
  EXPECT_EQ(text_of.message, "TEST peer has no option \"prot\"");
  EXPECT_EQ(text_of.hint, "did you mean \"port\"?");
  EXPECT_EQ(text_of.field, "prot");
}

TEST(Options, FarNamesGetTheList) {
  EXPECT_EQ(refused("zzzzzzzz", text("1")).hint, "options are: host, port, password, disable_tls, max_batch_size");
}

TEST(Options, WrongTypesNameFieldShapeAndCure) {
  struct Case {
    std::string name;
    RawOption value;
    std::string message, hint;
  };
  const Case cases[] = {
      {"port", text("abc"), "option \"port\" takes an integer, not a text", "write digits only, as in port = 10"},
      {"port", text(""), "option \"port\" takes an integer, not an empty text", "write digits only, as in port = 10"},
      {"port", text("12x"), "option \"port\" takes an integer, not a text", "write digits only, as in port = 10"},
      {"port", number("1.5"), "option \"port\" takes an integer, not a number", "write a whole number within 64 bits"},
      {"port", number("99999999999999999999"), "option \"port\" takes an integer, not a number",
       "write a whole number within 64 bits"},
      {"port", boolean("true"), "option \"port\" takes an integer, not a boolean",
       "write digits only, as in port = 10"},
      {"port", number("65536"), "option \"port\" is out of range", "use a value from 1 to 65535"},
      {"port", number("-1"), "option \"port\" is out of range", "use a value from 1 to 65535"},
      {"disable_tls", number("1"), "option \"disable_tls\" takes a boolean, not a number",
       "write disable_tls = true or disable_tls = false"},
      {"disable_tls", text("maybe"), "option \"disable_tls\" takes a boolean, not a text",
       "write disable_tls = true or disable_tls = false"},
      {"password", number("5"), "option \"password\" takes a text, not a number", "put the value in quotes"},
      {"password", text(std::string("a\0b", 3)), "option \"password\" holds a zero byte", "remove the zero byte"},
  };
  for (const Case& c : cases) {
    const ErrorText error = refused(c.name, c.value);
    EXPECT_EQ(error.message, c.message);
    EXPECT_EQ(error.hint, c.hint) << c.message;
    EXPECT_EQ(error.field, c.name);
  }
}

TEST(Options, NoValueIsEverRepeated) {
  const std::string secret = "hunter2-secret";
  for (const char* name : {"port", "disable_tls", "passwort"}) {
    const ErrorText error = refused(name, text(secret));
    EXPECT_EQ((error.message + error.detail + error.hint).find(secret), std::string::npos) << error.message;
  }
}

TEST(Options, EveryProblemIsReportedAndTheRestIsKept) {
  Options options;
  const RawOptions raw{{"port", text("x")}, {"usr", text("u")}, {"password", text("p")}};
  const Problems problems = check_options(kTable, raw, options);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[2].text.message, "TEST peer needs option \"host\"");
  EXPECT_EQ(options, (Options{{"password", "p"}}));
  EXPECT_THROW(parse_options(kTable, raw), Error);
}

TEST(Options, ARequiredTextIsNotEmpty) {
  Options options;
  const Problems problems = check_options(kTable, {{"host", text("")}}, options);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text.message, "option \"host\" is empty");
}

TEST(Options, SecretsAndUnknownNamesAreRedacted) {
  const Options shown = redacted(kTable, {{"host", "h"}, {"password", "p"}, {"token_of_later", "t"}});
  EXPECT_EQ(shown, (Options{{"host", "h"}, {"password", "********"}, {"token_of_later", "********"}}));
}

TEST(Options, APrefixTakesEveryNameThatBeginsWithIt) {
  const RawOptions raw{{"linger", number("7")}, {"properties.a.b", text("x")}, {"properties.c", text("y")}};
  const Options options = parse_options(kPrefixTable, raw);
  EXPECT_EQ(options, (Options{{"linger", "7"}, {"properties.a.b", "x"}, {"properties.c", "y"}}));
  EXPECT_EQ(redacted(kPrefixTable, options),
            (Options{{"linger", "7"}, {"properties.a.b", "********"}, {"properties.c", "********"}}));
  EXPECT_EQ(find_option(kPrefixTable, "properties.q"), &kPrefixOptions[1]);
  EXPECT_EQ(find_option(kPrefixTable, "property"), nullptr);
}

TEST(Options, APrefixAloneIsNoOption) {
  Options options;
  const Problems problems = check_options(kPrefixTable, {{"properties.", text("x")}, {"proprties", text("x")}}, options);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].text.message, "TEST peer has no option \"properties.\"");
  EXPECT_EQ(problems[1].text.message, "TEST peer has no option \"proprties\"");
  EXPECT_EQ(problems[1].text.hint, "did you mean \"properties.\"?");
  EXPECT_TRUE(options.empty());
}

TEST(Options, AskingForAnUnknownNameIsAProgrammersError) {
  EXPECT_THROW(option_text(kTable, {}, "nothing"), Error);
  EXPECT_THROW(option_integer(kTable, {{"port", "x"}}, "port"), Error);
}

TEST(Closest, FindsSlipsAndNothingElse) {
  constexpr std::string_view kNames[] = {"host", "port", "password", "idle_timeout_seconds", "max_batch_size"};
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"hots", "host"},       {"HOST", "host"},
      {"prt", "port"},        {"passwrod", "password"},
      {"pasword", "password"}, {"idle_timeout", ""},
      {"idle_timeout_secs", "idle_timeout_seconds"},
      {"max_batchsize", "max_batch_size"},
      {"batch_size", "max_batch_size"},
      {"x", ""},              {"", ""},
      {"colour", ""},
  };
  for (const auto& [word, meant] : cases) EXPECT_EQ(closest(word, kNames), meant) << word;
}

}  // namespace
}  // namespace peerd
