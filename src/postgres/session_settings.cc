#include "session_settings.h"

#include "peerd/base/text.h"

namespace peerd::postgres {
namespace {

constexpr std::string_view kMoney = "lc_monetary";

constexpr SessionSetting kSettings[] = {
    {"DateStyle", "ISO", "text of dates and times"},
    {"TimeZone", "UTC", "text of timestamptz, and what a time without a zone is read as"},
    {"IntervalStyle", "postgres", "text of intervals"},
    {"bytea_output", "hex", "text of bytea"},
    {"extra_float_digits", "3", "floats are written with all their digits"},
    {"xmloption", "content", "with document, a value that is a fragment cannot be read"},
    {"array_nulls", "on", "off reads the element NULL as the word"},
    {"quote_all_identifiers", "off", "text of regclass, regtype and their like"},
    {"search_path", "pg_catalog", "names in text are written in full, and ours are found where they are meant"},
    {"standard_conforming_strings", "on", "how our literals are read"},
    {"transform_null_equals", "off", "what x = NULL means"},
    {"row_security", "off", "hidden rows are an error, not absent"},
    {"gin_fuzzy_search_limit", "0", "more leaves out rows that an index finds"},
    {"exit_on_error", "off", "on ends the session where a statement is to be tried again"},
    {"statement_timeout", "0", "a chunk takes as long as it takes"},
    {"lock_timeout", "0", "a wait is ours to end"},
    {"idle_in_transaction_session_timeout", "0", "a transaction waits for the other side"},
    {"idle_session_timeout", "0", "a session waits for changes", 140000},
    {"transaction_timeout", "0", "a chunk takes as long as it takes", 170000},
    {"default_transaction_read_only", "off", "a target is written to"},
    {"default_transaction_deferrable", "off", "a deferrable transaction waits before it reads"},
    {"default_transaction_isolation", "read committed", "each statement sees what is committed then"},
    {kMoney, "C", "text of money"},
};

bool at_start(const SessionSetting& setting) { return setting.since == 0 && setting.name != kMoney; }

}  // namespace

std::span<const SessionSetting> session_settings() { return kSettings; }

std::string pins_at_start() {
  std::string options;
  for (const SessionSetting& setting : kSettings) {
    if (!at_start(setting)) continue;
    options.append(" -c ").append(setting.name).append("=");
    for (const char c : setting.value) options.append(c == ' ' ? "\\ " : std::string(1, c));
  }
  return options;
}

std::string pins_in_session(int server_version) {
  std::string statements;
  for (const SessionSetting& setting : kSettings) {
    if (at_start(setting) || server_version < setting.since) continue;
    statements.append("SET ").append(setting.name).append(" = ").append(quote_literal(setting.value)).append("; ");
  }
  return statements;
}

}  // namespace peerd::postgres
