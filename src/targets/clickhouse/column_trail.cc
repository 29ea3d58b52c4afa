#include "clickhouse/column_trail.h"

#include <charconv>
#include <map>

#include "clickhouse/column_type.h"
#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// A name, in backticks where it needs them.
std::string take_name(std::string_view& text) {
  std::string name;
  if (!take_word(text, "`")) {
    const std::size_t end = std::min(text.find_first_of(" ,)"), text.size());
    name = text.substr(0, end);
    text.remove_prefix(end);
    return name;
  }
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '`'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    name += text[at];
  }
  text.remove_prefix(std::min(at + 1, text.size()));
  return name;
}

}  // namespace

std::optional<ColumnTrail> read_trail(Client& client, std::string_view table, const Wait& wait) {
  ColumnTrail trail;
  try {
    for (const auto& row : client.query(
             "SELECT toUInt64OrZero(extract(mutation_id, '[0-9]+')) AS n, command FROM system.mutations "
             "WHERE database = currentDatabase() AND table = " + quote_text(table) + " ORDER BY n", wait)) {
      ColumnTrail::Step& step = trail.steps.emplace_back();
      std::from_chars(row.at(0).data(), row.at(0).data() + row.at(0).size(), step.number);
      step.command = row.at(1);
    }
  } catch (const Error& error) {
    if (error.text.origin != "CH 497") throw;
    return std::nullopt;
  }
  return trail;
}

std::vector<std::string> replaced_columns(const ColumnTrail& trail, std::uint64_t since, const std::set<std::string>& columns) {
  std::map<std::string, std::string> held;  // By its name of now, a column's name of then.
  for (const std::string& column : columns) held[column] = column;
  for (const ColumnTrail::Step& step : trail.steps) {
    if (step.number <= since) continue;
    std::string_view text = step.command;
    take_word(text, "(");
    if (take_word(text, "DROP COLUMN ") || take_word(text, "CLEAR COLUMN ")) {
      take_word(text, "IF EXISTS ");
      held.erase(take_name(text));
    } else if (take_word(text, "RENAME COLUMN ")) {
      take_word(text, "IF EXISTS ");
      auto moved = held.extract(take_name(text));
      if (!take_word(text, " TO ")) continue;
      std::string to = take_name(text);
      held.erase(to);
      if (moved.empty()) continue;
      moved.key() = std::move(to);
      held.insert(std::move(moved));
    }
  }
  std::vector<std::string> replaced;
  for (const std::string& column : columns) {
    const auto found = held.find(column);
    if (found == held.end() || found->second != column) replaced.push_back(column);
  }
  return replaced;
}

}  // namespace peerd::clickhouse
