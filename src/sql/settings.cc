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

/// A time as Postgres's settings take it: a whole number of milliseconds, or with a unit (documentation, section 20.1.1).
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
  throw StatementError("22023", "invalid value for parameter \"" + name + "\": \"" + text + "\"",
                       "a whole number of milliseconds, or one with a unit: ms, s, min, h, d; at most " +
                           std::to_string(kMost) + " ms");
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
                {"extra_float_digits", "1"},
                {"bytea_output", "hex"},
                {"in_hot_standby", "off"}} {}

void Settings::set(const std::string& name, const std::string& value) {
  const std::string word = to_lower(value);
  if (name == "client_encoding") {
    if (word != "utf8" && word != "utf-8" && word != "unicode" && word != "sql_ascii") refuse(name, "UTF8");
    return;
  }
  if (name == "datestyle") {
    if (!word.starts_with("iso")) refuse(name, "ISO dates");
    return;
  }
  if (name == "standard_conforming_strings" || name == "integer_datetimes") {
    if (word != "on" && word != "true" && word != "1" && word != "yes") refuse(name, "the value \"on\"");
    return;
  }
  for (const std::string_view fixed : {"server_version", "server_version_num", "server_encoding", "is_superuser"}) {
    if (name == fixed) throw StatementError("55P02", "parameter \"" + name + "\" cannot be changed");
  }
  if (name == "statement_timeout") statement_timeout_ = parse_duration(name, value);
  set_[name] = value;
}

void Settings::reset(const std::string& name) {
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
