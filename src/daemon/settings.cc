#include "settings.h"

#include <stdlib.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <array>

#include "peerd/base/text.h"

namespace peerd::daemon {
namespace {

using enum OptionType;
constexpr auto kNo = Required::no;
constexpr auto kSecret = Secret::yes;
constexpr auto kPlain = Secret::no;

constexpr std::array kOptions{
    Option{"listen", text, "127.0.0.1", kNo, kPlain,
           "address that both ports listen on; another than loopback needs a password"},
    Option{"sql_port", integer, "9900", kNo, kPlain, "port of the SQL front end (psql); 0 = any free one", 0, 65535},
    Option{"http_port", integer, "3000", kNo, kPlain, "port of the page and the REST API; 0 = any free one", 0, 65535},
    Option{"password", text, "", kNo, kSecret,
           "password of both ports; without one everybody who reaches them may do everything"},
    Option{"read_password", text, "", kNo, kSecret,
           "password of those who may look at everything on the page and the REST port and change nothing; needs password, and must "
           "differ from it; the SQL port does not take it"},
    Option{"allowed_hosts", text, "", kNo, kPlain,
           "names, comma-separated, by which the REST port may be asked beside IP addresses and localhost; asked for when "
           "there is no password, or when they are given"},
    Option{"data_dir", text, "./peerd-data", kNo, kPlain,
           "directory of catalog, keys and ports.json; made with mode 0700"},
    Option{"catalog", text, "", kNo, kPlain,
           "where definitions and progress lie; by default sqlite: and catalog.db in data_dir"},
    Option{"keys", text, "", kNo, kSecret,
           "keys that seal secrets: id:base64 of 32 bytes, comma-separated, the first seals; by default those of the "
           "file keys in data_dir, made at the first start"},
    Option{"tls_cert", text, "", kNo, kPlain,
           "path of a PEM certificate chain: the SQL port offers TLS, the REST port speaks HTTPS only"},
    Option{"tls_key", text, "", kNo, kPlain, "path of that certificate's PEM key"},
    Option{"memory_mb", integer, "300", kNo, kPlain,
           "memory that all mirrors' queues share, in MiB; what is more waits at the source", 16, 1 << 20},
    Option{"retry_max_ms", integer, "60000", kNo, kPlain,
           "longest pause between two attempts of something that failed, in ms", 10, 86'400'000},
    Option{"metrics_open", boolean, "false", kNo, kPlain, "whether /metrics is answered without a password"},
    Option{"metrics_tables", boolean, "false", kNo, kPlain,
           "whether /metrics has figures of each table: four series per table, where there may be thousands"},
    Option{"log_level", text, "info", kNo, kPlain, "debug, info, warning or error"},
};
constexpr OptionTable kTable{"peerd's configuration", kOptions};

constexpr std::string_view kPrefix = "PEERD_";
// Variables of the scripts around peerd, which it may well inherit.
constexpr std::array<std::string_view, 3> kForeign{"PEERD_TEST_", "PEERD_BENCH_", "PEERD_QUICKSTART_"};

std::string variable_of(std::string_view option) {
  return std::string(kPrefix) + to_upper(option);
}

RawOptions read_file(std::string_view yaml) {
  RawOptions raw;
  YAML::Node root;
  try {
    root = YAML::Load(std::string(yaml));
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::invalid_option, std::string("the configuration file is not YAML: ") + error.what());
  }
  if (root.IsNull()) return raw;
  if (!root.IsMap()) {
    throw Error(ErrorCode::invalid_option, "the configuration file must consist of lines \"name: value\"",
                "for example \"sql_port: 9900\"; peerd --help lists the names");
  }
  for (const auto& entry : root) {
    const std::string name = entry.first.as<std::string>("");
    if (!entry.second.IsScalar() && !entry.second.IsNull()) {
      throw Error(ErrorCode::invalid_option, "\"" + name + "\" in the configuration file must have one plain value");
    }
    raw[name] = {RawOption::Kind::text, entry.second.as<std::string>("")};
  }
  return raw;
}

void add_environment(const Environment& environment, RawOptions& raw, std::vector<std::string>& warnings) {
  std::vector<std::string_view> known;
  for (const Option& option : kOptions) known.push_back(option.name);
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(kPrefix)) continue;
    bool foreign = false;
    for (const std::string_view prefix : kForeign) foreign = foreign || variable.starts_with(prefix);
    if (foreign) continue;
    const std::string name = to_lower(std::string_view(variable).substr(kPrefix.size()));
    if (std::find(known.begin(), known.end(), name) != known.end() && variable == variable_of(name)) {
      raw[name] = {RawOption::Kind::text, value};
      continue;
    }
    const std::string_view meant = closest(name, known);
    warnings.push_back("the variable " + variable + " means nothing to peerd" +
                       (meant.empty() ? "" : ": did you mean " + variable_of(meant) + "?"));
  }
}

// What one option alone cannot tell.
void check_together(const Settings& settings) {
  if (settings.tls_cert.empty() != settings.tls_key.empty()) {
    const std::string missing = settings.tls_cert.empty() ? "tls_cert" : "tls_key";
    throw Error(ErrorCode::invalid_option, "tls_cert and tls_key go together, and " + missing + " is missing",
                "set " + variable_of(missing));
  }
  if (!settings.read_password.empty() && settings.password.empty()) {
    throw Error(ErrorCode::invalid_option, "read_password is set and password is not: everybody may change everything",
                "set PEERD_PASSWORD");
  }
  if (!settings.read_password.empty() && settings.read_password == settings.password) {
    throw Error(ErrorCode::invalid_option, "read_password and password are the same", "set PEERD_READ_PASSWORD to another one");
  }
  if (settings.password.empty() && !settings.loopback_only()) {
    throw Error(ErrorCode::invalid_option,
                "peerd is to listen on " + settings.listen + ", where others reach it, and has no password",
                "set PEERD_PASSWORD, or PEERD_LISTEN=127.0.0.1");
  }
}

Settings from_options(const Options& options) {
  const auto text_of = [&](std::string_view name) { return option_text(kTable, options, name); };
  const auto number_of = [&](std::string_view name) { return option_integer(kTable, options, name); };
  Settings settings;
  settings.listen = text_of("listen");
  settings.sql_port = static_cast<std::uint16_t>(number_of("sql_port"));
  settings.http_port = static_cast<std::uint16_t>(number_of("http_port"));
  settings.password = text_of("password");
  settings.read_password = text_of("read_password");
  for (const std::string& host : split(text_of("allowed_hosts"), ',')) {
    const auto begin = host.find_first_not_of(' '), end = host.find_last_not_of(' ');
    if (begin != std::string::npos) settings.allowed_hosts.push_back(host.substr(begin, end - begin + 1));
  }
  settings.data_dir = text_of("data_dir");
  settings.catalog = text_of("catalog");
  if (settings.catalog.empty()) settings.catalog = "sqlite:" + settings.data_dir + "/catalog.db";
  settings.keys = text_of("keys");
  settings.tls_cert = text_of("tls_cert");
  settings.tls_key = text_of("tls_key");
  settings.memory_bytes = static_cast<std::uint64_t>(number_of("memory_mb")) << 20;
  settings.retry_max = std::chrono::milliseconds(number_of("retry_max_ms"));
  settings.metrics_open = option_boolean(kTable, options, "metrics_open");
  settings.metrics_tables = option_boolean(kTable, options, "metrics_tables");
  settings.log_level = text_of("log_level");
  return settings;
}

}  // namespace

const OptionTable& settings_table() { return kTable; }

bool Settings::loopback_only() const { return listen == "localhost" || listen == "::1" || listen.starts_with("127."); }

Environment process_environment() {
  Environment all;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view entry = *one;
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos) all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return all;
}

Loaded load_settings(std::string_view file_text, const Environment& environment) {
  Loaded loaded;
  RawOptions raw = read_file(file_text);
  add_environment(environment, raw, loaded.warnings);
  // An empty variable or key means the default, as compose files pass variables that are not set.
  std::erase_if(raw, [](const auto& entry) { return entry.second.text.empty(); });
  loaded.given = parse_options(kTable, raw);
  loaded.settings = from_options(loaded.given);
  check_together(loaded.settings);
  return loaded;
}

std::vector<SettingLine> setting_lines(const Options& given) {
  const Options shown = redacted(kTable, given);
  std::vector<SettingLine> lines;
  for (const Option& option : kOptions) {
    const auto found = shown.find(option.name);
    lines.push_back({variable_of(option.name),
                     found == shown.end() ? std::nullopt : std::optional(found->second), &option});
  }
  return lines;
}

std::vector<std::string> drop_libpq_variables() {
  std::vector<std::string> dropped;
  for (const auto& [name, value] : process_environment()) {
    if (name.starts_with("PG")) dropped.push_back(name);
  }
  for (const std::string& name : dropped) unsetenv(name.c_str());
  return dropped;
}

std::string settings_help() {
  std::string out;
  for (const Option& option : kOptions) {
    std::string line = "  " + variable_of(option.name);
    line.resize(std::max<std::size_t>(line.size() + 1, 22), ' ');
    out.append(line).append(option.doc);
    if (!option.default_text.empty()) out.append(" (").append(option.default_text).append(")");
    out.append("\n");
  }
  return out;
}

std::string settings_page() {
  std::string out =
      "# Settings\n\n"
      "Each is a key of the file that `peerd --config FILE` reads (YAML, `name: value`) and an environment variable; "
      "the variable\n"
      "wins. An empty one means the default. An unknown key is an error, an unknown `PEERD_` variable a warning.\n\n"
      "| key | variable | type | default | meaning |\n|---|---|---|---|---|\n";
  constexpr std::string_view kTypes[] = {"text", "integer", "boolean"};
  for (const Option& option : kOptions) {
    out.append("| `").append(option.name).append("` | `").append(variable_of(option.name)).append("` | ");
    out.append(kTypes[static_cast<int>(option.type)]);
    if (option.least != 0 || option.most != 0) {
      out.append(", " + std::to_string(option.least) + " to " + std::to_string(option.most));
    }
    out.append(" | ").append(option.default_text.empty() ? "" : "`" + std::string(option.default_text) + "`");
    out.append(" | ").append(option.doc).append(" |\n");
  }
  return out;
}

}  // namespace peerd::daemon
