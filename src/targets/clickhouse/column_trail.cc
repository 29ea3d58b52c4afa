#include "clickhouse/column_trail.h"

#include <charconv>
#include <initializer_list>
#include <map>

#include "clickhouse/column_type.h"
#include "clickhouse/tokens.h"

namespace peerd::clickhouse {
namespace {

/// A command, read from its beginning.
class Reader {
 public:
  explicit Reader(std::string_view command) : tokens_(tokens_of(command)) { take({"("}); }

  /// All of them come next, and are taken; else none is.
  bool take(std::initializer_list<std::string_view> words) {
    std::size_t at = at_;
    for (const std::string_view word : words) {
      if (at == tokens_.size() || is_quoted(tokens_[at]) || tokens_[at].value != word) return false;
      ++at;
    }
    at_ = at;
    return true;
  }
  /// A column's name; "n.a" is one.
  std::string name() {
    std::string name;
    do {
      if (at_ < tokens_.size()) name += (name.empty() ? "" : ".") + tokens_[at_++].value;
    } while (take({"."}));
    return name;
  }

 private:
  static bool is_quoted(const Token& token) { return token.kind == Token::Kind::name || token.kind == Token::Kind::text; }

  const std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

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
    Reader command(step.command);
    if (command.take({"DROP", "COLUMN"}) || command.take({"CLEAR", "COLUMN"})) {
      command.take({"IF", "EXISTS"});
      held.erase(command.name());
    } else if (command.take({"RENAME", "COLUMN"})) {
      command.take({"IF", "EXISTS"});
      auto moved = held.extract(command.name());
      if (!command.take({"TO"})) continue;
      std::string to = command.name();
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
