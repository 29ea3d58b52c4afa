#include "clickhouse/mapping_check.h"

#include <algorithm>

#include "clickhouse/asked_type.h"
#include "clickhouse/schema.h"
#include "clickhouse/tokens.h"
#include "peerd/base/text.h"
#include "renames.h"

namespace peerd::clickhouse {
namespace {

class Check {
 public:
  Check(const Mapped& mapped, const TableSchema& schema, std::set<std::string> own)
      : mapped_(mapped), mapping_(mapped.mapping), schema_(schema), own_(std::move(own)) {}

  Problems run() {
    problems_ = check_apart(mapped_, schema_);
    engine();
    for (std::size_t i = 0; i < mapping_.columns.size(); ++i)
      column(mapping_.columns[i], "columns[" + std::to_string(i) + "].");
    ordering();
    partition();
    return std::move(problems_);
  }

 private:
  void add(ErrorCode code, const std::string& field, std::string message, std::string hint) {
    problems_.push_back(problem_with(mapped_, code, field, std::move(message), std::move(hint)));
  }

  void engine() {
    if (mapping_.engine.empty()) return;
    const std::string name = to_lower(mapping_.engine);
    std::string why = "peerd makes no tables of it";
    if (name == "mergetree") why = "it would show every version of a row, and deleted ones for ever";
    if (name == "null") why = "it keeps no rows, which look-ups of unsent values and a resync need";
    if (name == "coalescingmergetree") why = "it takes a NULL for a value that was not sent, and removes no deleted row";
    if (name.starts_with("replicated")) why = "peerd makes no Replicated tables";
    add(ErrorCode::not_supported, "engine", "engine \"" + mapping_.engine + "\" is refused for table " +
        schema_.qualified() + ": " + why,
        name == "replicatedreplacingmergetree"
            ? "make the table yourself, empty, as docs/targets/clickhouse.md shows: it is taken over"
            : "leave engine out: tables are of ReplacingMergeTree");
  }

  const Column* find(const std::string& name, std::uint16_t& place) const {
    const auto found = std::ranges::find_if(schema_.columns, [&](const Column& c) { return mapped_name(schema_, c) == name; });
    if (found == schema_.columns.end()) return nullptr;
    place = static_cast<std::uint16_t>(found - schema_.columns.begin());
    return &*found;
  }
  bool in_key(std::uint16_t place) const { return std::ranges::find(schema_.key, place) != schema_.key.end(); }
  std::string target_name(std::uint16_t place) const {
    const auto found = std::ranges::find(mapping_.columns, mapped_name(schema_, schema_.columns[place]), &ColumnSetting::source);
    return found == mapping_.columns.end() || found->target.empty() ? schema_.columns[place].name : found->target;
  }
  std::string key_names() const {
    std::vector<std::string> names;
    for (const std::uint16_t place : schema_.key) names.push_back(schema_.columns[place].name);
    return join(names, ", ");
  }

  void column(const ColumnSetting& asked, const std::string& at) {
    std::uint16_t place = 0;
    const Column* found = find(asked.source, place);
    if (found == nullptr) return;
    const bool key = in_key(place);
    const std::string name = "column \"" + asked.source + "\" of table " + schema_.qualified();
    if (!asked.type.empty()) type(*found, key, asked.type, at + "destination_type");
    const bool nullable_type = to_lower(asked.type).find("nullable(") != std::string::npos && !to_lower(asked.type).starts_with("array");
    if (asked.nullable == false && nullable_type)
      add(ErrorCode::invalid_option, at + "nullable_enabled", name + " is asked for as " + asked.type + " and not to be nullable",
          "leave out one of the two");
    if (asked.nullable == true && key)
      add(ErrorCode::not_supported, at + "nullable_enabled", name + " is in the key, which holds no NULL",
          "leave nullable out");
    if (asked.nullable == false && found->nullable)
      add(ErrorCode::not_supported, at + "nullable_enabled", name + " may hold NULL, for which there would be no place",
          "ALTER TABLE " + schema_.qualified() + " ALTER " + quote_identifier(asked.source) +
              " SET NOT NULL at the source, or leave nullable out");
    if (asked.partitioning > 0 && !key)
      add(ErrorCode::not_supported, at + "partitioning",
          name + " is not in the key (" + key_names() +
              "): a deleted row's tombstone would lie in another partition, and the row would come back",
          "partition by columns of the key alone");
    if (asked.ordering > 0 && !key)
      add(ErrorCode::not_supported, at + "ordering",
          name + " is not in the key (" + key_names() +
              "): a deleted or changed row would stay beside what replaces it",
          "order by all columns of the key, in any order, and by no others");
  }

  void type(Column column, bool key, const std::string& asked, const std::string& field) {
    column.in_key = key;
    try {
      asked_type(column, asked);
    } catch (const Error& error) {
      add(error.text.code, field, error.text.message, error.text.hint);
    }
  }

  void ordering() {
    std::set<int> places;
    std::size_t of_key = 0;
    bool twice = false;
    for (const ColumnSetting& asked : mapping_.columns) {
      std::uint16_t place = 0;
      if (asked.ordering <= 0) continue;
      twice = !places.insert(asked.ordering).second || twice;
      if (find(asked.source, place) != nullptr && in_key(place)) ++of_key;
    }
    if (places.empty()) return;
    if (twice) add(ErrorCode::invalid_option, "columns", "two columns have one place of ordering",
        "number them 1, 2, …");
    if (of_key != schema_.key.size())
      add(ErrorCode::not_supported, "columns",
          "ordering leaves out columns of the key (" + key_names() + ") of table " + schema_.qualified() +
              ": rows of different keys would be merged into one",
          "order by all columns of the key, in any order, and by no others");
  }

  /// Columns that `partition_by` must not read, as they are called at the target.
  std::set<std::string> outside() const {
    std::set<std::string> names = own_;
    for (std::uint16_t i = 0; i < schema_.columns.size(); ++i)
      if (!in_key(i)) names.insert(target_name(i));
    for (std::uint16_t i = 0; i < schema_.columns.size(); ++i)
      if (in_key(i)) names.erase(target_name(i));
    return names;
  }

  void partition() {
    if (mapping_.partition_by.empty()) {
      std::set<int> places;
      for (const ColumnSetting& asked : mapping_.columns)
        if (asked.partitioning > 0 && !places.insert(asked.partitioning).second)
          add(ErrorCode::invalid_option, "columns", "two columns have one place of partitioning",
              "number them 1, 2, …");
      return;
    }
    const std::vector<Token> tokens = tokens_of(mapping_.partition_by);
    int depth = 0;
    bool whole = !tokens.empty() && mapping_.partition_by.find_first_of(";\n") == std::string::npos;
    for (const std::string_view comment : {"--", "/*", "#"}) whole = whole &&
        mapping_.partition_by.find(comment) == std::string::npos;
    for (const Token& token : tokens) {
      if (token.kind == Token::Kind::sign) depth += token.value == "(" ? 1 : token.value == ")" ? -1 : 0;
      whole = whole && depth >= 0;
    }
    if (!whole || depth != 0) {
      add(ErrorCode::invalid_option, "partition_by_expr", "partition_by is no single expression",
          "write what stands behind PARTITION BY: toYYYYMM(day)");
      return;
    }
    const std::set<std::string> outside = this->outside();
    const auto read = std::ranges::find_if(tokens, [&](const Token& token) {
      return (token.kind == Token::Kind::word || token.kind == Token::Kind::name) && outside.contains(token.value);
    });
    const bool all = std::ranges::any_of(tokens, [](const Token& token) { return token.value == "COLUMNS" ||
        token.value == "columns"; });
    if (read == tokens.end() && !all) return;
    add(ErrorCode::not_supported, "partition_by_expr",
        "partition_by reads " + (all ? std::string("columns by a pattern") : "column \"" + read->value + "\"") +
            ", and not those of the key (" +
            key_names() + ") alone: a deleted row's tombstone would lie in another partition, and the row would come back",
        "partition by columns of the key alone");
  }

  const Mapped& mapped_;
  const TableMapping& mapping_;
  const TableSchema& schema_;
  const std::set<std::string> own_;  ///< Columns that peerd adds.
  Problems problems_;
};

}  // namespace

Problems check_asked(const Layouts& layouts, const MirrorTable& table) {
  const Mapped* const mapped = layouts.mapped(table);
  if (mapped == nullptr) return {};
  std::set<std::string> own = layouts.own_columns();
  for (const Column& column : table.schema.columns) own.insert(null_note(column.name));
  for (const ColumnSetting& column : mapped->mapping.columns) own.insert(null_note(column.target));
  return Check(*mapped, table.schema, std::move(own)).run();
}

Problems check_makeable(Client& client, const Mapped& mapped, const TableLayout& layout, const Wait& wait) {
  if (mapped.mapping.columns.empty() && mapped.mapping.partition_by.empty()) return {};
  constexpr std::string_view kDenied = "CH 497";
  std::string trial = create_statement(layout, "_peerd_trial", "", Fsync::no);
  trial.insert(trial.find("TABLE"), "TEMPORARY ");
  try {
    client.execute(trial, wait);
  } catch (const Error& error) {
    if (error.text.origin == kDenied || !error.text.origin.starts_with("CH ")) return {};
    const bool partitioned = !layout.partition_by.empty();
    Problem problem = problem_with(
        mapped, ErrorCode::invalid_option, partitioned ? "partition_by_expr" : "columns",
        "ClickHouse does not make the table that the mapping of " + layout.table + " asks for: " + error.text.message,
        "change what the mapping says of its columns" + std::string(partitioned ? " or of partition_by" : ""));
    problem.text.origin = error.text.origin;
    return {problem};
  }
  return {};
}

}  // namespace peerd::clickhouse
