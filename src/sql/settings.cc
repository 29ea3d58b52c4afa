#include "settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

struct Reported {
  std::string_view name, reported;
};
constexpr std::array<Reported, 11> kReported = {{{"server_version", "server_version"},
                                                 {"server_encoding", "server_encoding"},
                                                 {"client_encoding", "client_encoding"},
                                                 {"application_name", "application_name"},
                                                 {"is_superuser", "is_superuser"},
                                                 {"session_authorization", "session_authorization"},
                                                 {"datestyle", "DateStyle"},
                                                 {"intervalstyle", "IntervalStyle"},
                                                 {"timezone", "TimeZone"},
                                                 {"integer_datetimes", "integer_datetimes"},
                                                 {"standard_conforming_strings", "standard_conforming_strings"}}};

[[noreturn]] void refuse(const std::string& name, std::string_view only) {
  throw StatementError("22023", "invalid value for parameter \"" + name + "\"",
                       "peerd answers in " + std::string(only) + " only");
}

/// A time as Postgres's settings take it: a whole number of milliseconds, or with a unit (documentation,
/// section 20.1.1).
std::chrono::milliseconds parse_duration(const std::string& name, const std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> kUnits = {
      {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();  // As in Postgres.
  std::int64_t number = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  std::string_view unit(end, static_cast<std::size_t>(last - end));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  for (const auto& [word, factor] : kUnits)
    if (error == std::errc() && unit == word && number >= 0 && number <= kMost / factor)
      return std::chrono::milliseconds(number * factor);
  throw StatementError(
      "22023", "invalid value for parameter \"" + name + "\": \"" + text + "\"",
      "a whole number of milliseconds, or one with a unit: ms, s, min, h, d; at most " + std::to_string(kMost) + " ms");
}

}  // namespace

Settings::Settings(std::string server_version, std::string user)
    : defaults_{{"server_version", std::move(server_version)},
                {"server_version_num", "140000"},
                {"server_encoding", "UTF8"},
                {"client_encoding", "UTF8"},
                {"application_name", ""},
                {"is_superuser", "off"},
                {"session_authorization", std::move(user)},
                {"datestyle", "ISO, MDY"},
                {"intervalstyle", "postgres"},
                {"timezone", "UTC"},
                {"integer_datetimes", "on"},
                {"standard_conforming_strings", "on"},
                {"search_path", "public"},
                {"transaction_isolation", "read committed"},
                {"default_transaction_isolation", "read committed"},
                {"transaction_read_only", "off"},
                {"default_transaction_read_only", "off"},
                {"max_identifier_length", "63"},
                {"statement_timeout", "0"},
                {"lock_timeout", "0"},
                {"idle_in_transaction_session_timeout", "0"},
                {"idle_session_timeout", "0"},
                {"transaction_timeout", "0"},
                {"extra_float_digits", "1"},
                {"bytea_output", "hex"},
                {"in_hot_standby", "off"},
                {"transaction_deferrable", "off"},
                {"default_transaction_deferrable", "off"},
                {"client_min_messages", "notice"},
                {"log_min_messages", "warning"},
                {"synchronous_commit", "on"},
                {"row_security", "on"},
                {"xmloption", "content"},
                {"xmlbinary", "base64"},
                {"check_function_bodies", "on"},
                {"default_tablespace", ""},
                {"default_table_access_method", "heap"},
                {"default_text_search_config", "pg_catalog.simple"},
                {"transform_null_equals", "off"},
                {"array_nulls", "on"},
                {"escape_string_warning", "on"},
                {"backslash_quote", "safe_encoding"},
                {"quote_all_identifiers", "off"},
                {"geqo", "on"},
                {"jit", "off"},
                {"plan_cache_mode", "auto"},
                {"work_mem", "4MB"},
                {"maintenance_work_mem", "64MB"},
                {"temp_buffers", "8MB"},
                {"tcp_keepalives_idle", "0"},
                {"tcp_keepalives_interval", "0"},
                {"tcp_keepalives_count", "0"},
                {"tcp_user_timeout", "0"},
                {"role", "none"},
                {"lc_messages", "C"},
                {"lc_monetary", "C"},
                {"lc_numeric", "C"},
                {"lc_time", "C"},
                {"lc_collate", "C"},
                {"lc_ctype", "C"},
                {"block_size", "8192"},
                {"max_index_keys", "32"},
                {"max_function_args", "100"},
                {"max_locks_per_transaction", "64"}} {}

namespace {

/// Settings on which the form or the meaning of an answer depends, with the values that peerd answers by.
struct Fixed {
  std::string_view name;
  std::initializer_list<std::string_view> values;
};

void check_fixed(const std::string& name, const std::string& word) {
  static const std::array<Fixed, 8> kFixed = {
      {{"client_encoding", {"utf8", "utf-8", "unicode", "sql_ascii"}},
       {"standard_conforming_strings", {"on", "true", "1", "yes"}},
       {"timezone", {"utc", "etc/utc", "gmt", "etc/gmt", "zulu", "uct", "+00", "+00:00", "0", "default", "local"}},
       {"intervalstyle", {"postgres"}},
       {"transform_null_equals", {"off", "false", "0", "no"}},
       {"array_nulls", {"on", "true", "1", "yes"}},
       {"extra_float_digits", {"1", "2", "3"}},
       {"role", {"none", "default"}}}};
  for (const auto& fixed : kFixed) {
    if (fixed.name != name) continue;
    for (const auto value : fixed.values) {
      if (word == value) return;
    }
    refuse(name, *fixed.values.begin());
  }
  if (name == "datestyle" && !word.starts_with("iso")) refuse(name, "ISO dates");
}

bool is_shown_only(std::string_view name) {
  for (const std::string_view shown : {"server_version", "server_version_num", "server_encoding", "is_superuser",
                                       "integer_datetimes", "max_identifier_length", "in_hot_standby", "lc_collate",
                                       "lc_ctype", "block_size", "max_index_keys", "max_function_args"}) {
    if (name == shown) return true;
  }
  return false;
}

}  // namespace

void Settings::check_name(const std::string& name) const {
  // A name with a dot is an application's own, as in Postgres.
  if (defaults_.contains(name) || (name.find('.') != std::string::npos && name.size() < 200)) return;
  throw StatementError("42704", "unrecognized configuration parameter \"" + name + "\"",
                       "SHOW ALL lists those that are known");
}

void Settings::set(const std::string& name, const std::string& value) {
  constexpr std::size_t kMostCustom = 100, kLongest = 4096;
  check_name(name);
  if (is_shown_only(name)) throw StatementError("55P02", "parameter \"" + name + "\" cannot be changed");
  if (value.size() > kLongest) {
    throw StatementError("22023", "invalid value for parameter \"" + name + "\"",
                         "at most " + std::to_string(kLongest) + " bytes");
  }
  check_fixed(name, to_lower(value));
  if (name == "client_encoding" || name == "datestyle" || name == "standard_conforming_strings" || name == "timezone") {
    return;  // Said back as it is, however it was spelled.
  }
  if (name == "session_authorization" && value != defaults_.at(name) && to_lower(value) != "default") {
    throw StatementError("42501", "permission denied to set session authorization");
  }
  if (name == "statement_timeout") statement_timeout_ = parse_duration(name, value);
  if (!set_.contains(name) && set_.size() >= kMostCustom) {
    throw StatementError("53400", "too many settings on one connection", "RESET ALL");
  }
  set_[name] = value;
}

void Settings::reset(const std::string& name) {
  if (name != "all") check_name(name);
  if (name == "all" || name == "statement_timeout") statement_timeout_ = {};
  if (name == "all") {
    set_.clear();
  } else {
    set_.erase(name);
  }
}

std::optional<std::string> Settings::get(const std::string& name) const {
  if (const auto found = set_.find(name); found != set_.end()) return found->second;
  if (const auto found = defaults_.find(name); found != defaults_.end()) return found->second;
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> Settings::all() const {
  auto merged = set_;
  merged.insert(defaults_.begin(), defaults_.end());  // What was set stays.
  return {merged.begin(), merged.end()};
}

std::string_view Settings::reported_name(std::string_view name) {
  for (const auto& entry : kReported) {
    if (entry.name == name) return entry.reported;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> Settings::reported() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& entry : kReported) result.emplace_back(entry.reported, get(std::string(entry.name)).value_or(""));
  return result;
}

}  // namespace peerd::sql
