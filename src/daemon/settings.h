#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/option_table.h"

namespace peerd::daemon {

/// How this process runs. Every one is a key of the configuration file and a variable PEERD_<NAME>; the variable wins.
struct Settings {
  std::string listen, password, read_password, catalog, data_dir, keys, tls_cert, tls_key, log_level;
  std::vector<std::string> allowed_hosts;
  std::uint16_t sql_port = 0, http_port = 0;
  std::uint64_t memory_bytes = 0;
  std::chrono::milliseconds retry_max{0};
  bool metrics_open = false, metrics_tables = false;

  bool loopback_only() const;
  bool operator==(const Settings&) const = default;
};

/// The one list of settings: parsing, --help and docs/settings.md read it.
const OptionTable& settings_table();

using Environment = std::map<std::string, std::string>;
Environment process_environment();

struct Loaded {
  Settings settings;
  std::vector<std::string> warnings;  ///< Variables named PEERD_… that mean nothing.
  Options given;                      ///< What was set, by the option's name.
};
/// `file_text` is the configuration file's YAML, "" for none. Throws Error(invalid_option) with every problem at once.
Loaded load_settings(std::string_view file_text, const Environment& environment);

/// One setting as operators know it; its value with "********" for a secret, none where the default holds.
struct SettingLine {
  std::string variable;
  std::optional<std::string> value;
  const Option* option;
};
std::vector<SettingLine> setting_lines(const Options& given);

/// Takes libpq's own variables (PGPASSWORD, PGHOST, PGSSLMODE, …) out of the environment, where they would fill in what a peer
/// leaves open, and returns their names. Before the first thread starts.
std::vector<std::string> drop_libpq_variables();

std::string settings_help();  ///< For --help.
std::string settings_page();  ///< What docs/settings.md has to be.

}  // namespace peerd::daemon
