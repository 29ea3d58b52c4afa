#include "clickhouse/schema.h"

#include <algorithm>

#include "clickhouse/literal.h"
#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

Problem unfit(ErrorCode code, const TableLayout& layout, std::string message, std::string hint, std::string cure = {}) {
  Problem problem;
  problem.text.code = code;
  problem.text.message = std::move(message);
  problem.text.hint = std::move(hint);
  problem.text.table = layout.table;
  problem.cure_sql = std::move(cure);
  return problem;
}

bool in_key(const TableLayout& layout, std::size_t column) {
  return std::ranges::find(layout.key, static_cast<std::uint16_t>(column)) != layout.key.end();
}

std::string added_column(const TableLayout& layout, std::size_t i, const std::optional<std::string>& missing) {
  std::string out = "ADD COLUMN IF NOT EXISTS " + quote_name(layout.names[i]) + " " + layout.types[i].name;
  if (missing) out += " DEFAULT " + literal(layout, i, *missing);
  return out;
}

/// Rows of before the column had no array: NULL, unless Postgres says otherwise.
std::string added_note(const TableLayout& layout, std::size_t i, const std::optional<std::string>& missing) {
  return "ADD COLUMN IF NOT EXISTS " + quote_name(null_note(layout.names[i])) + " Bool DEFAULT " +
         (missing ? "false" : "true");
}

Problem belongs_elsewhere(const ExistingTable& existing, const TableLayout& layout, std::string_view name) {
  const std::string drop = "DROP TABLE " + quote_name(name);
  const std::string hint = "choose another target table, or, when its rows are not needed, run at the target: " + drop;
  const std::string table = "table " + quote_name(name);
  if (existing.comment.starts_with("peerd mirror "))
    return unfit(ErrorCode::target_unfit, layout, table + " holds rows of another mirror", hint, drop);
  return unfit(ErrorCode::target_unfit, layout, table + " is not empty and not this mirror's", hint, drop);
}

void check_engine(const ExistingTable& existing, const TableLayout& layout, std::string_view name, Problems& problems) {
  const std::string drop = "DROP TABLE " + quote_name(name);
  const std::string hint =
      "choose another target table, or run at the target: " + drop + "; peerd then creates it as it needs it";
  const auto version = existing.columns.find(std::string(kVersionColumn));
  if (!existing.engine.ends_with("ReplacingMergeTree")) {
    problems.push_back(unfit(
        ErrorCode::target_unfit, layout,
        "table " + quote_name(name) + " is of engine " + existing.engine + ", not ReplacingMergeTree", hint, drop));
  } else if (version == existing.columns.end() || version->second.type != "UInt128" ||
             existing.engine_full.find(std::string(kVersionColumn) + ", ") == std::string::npos) {
    // PeerDB's is a nanosecond clock, above every position in the WAL.
    problems.push_back(
        unfit(ErrorCode::target_unfit, layout,
              "table " + quote_name(name) +
                  " has no version column of peerd's (_peerdb_version UInt128 with the soft-delete column)",
              hint, drop));
  }
  const auto deleted = existing.columns.find(layout.deleted_column);
  if (deleted == existing.columns.end() || deleted->second.type != "UInt8") {
    problems.push_back(unfit(
        ErrorCode::target_unfit, layout,
        "table " + quote_name(name) + " has no soft-delete column " + quote_name(layout.deleted_column) + " UInt8",
        hint, drop));
  }
}

void check_columns(const ExistingTable& existing, const TableLayout& layout, std::string_view name, bool own,
                   Problems& problems) {
  const std::string alter = "ALTER TABLE " + quote_name(name) + " MODIFY COLUMN ";
  std::size_t keys = 0;
  for (const auto& [_, column] : existing.columns) keys += column.in_key ? 1 : 0;
  bool same_key = keys == layout.key.size();
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    const std::string& column = layout.names[i];
    const auto found = existing.columns.find(column);
    const bool there = found != existing.columns.end();
    if (in_key(layout, i)) same_key = same_key && there && found->second.in_key;
    if (!there) continue;
    const std::string modify = alter + quote_name(column) + " " + layout.types[i].name;
    const bool computed = found->second.default_kind == "ALIAS" || found->second.default_kind == "MATERIALIZED";
    if (computed || bare_type(found->second.type) != bare_type(layout.types[i].name)) {
      problems.push_back(unfit(own ? ErrorCode::schema_changed : ErrorCode::target_unfit, layout,
                               "column " + quote_name(column) + " of table " + quote_name(name) + " is " +
                                   found->second.type + (computed ? ", computed," : "") +
                                   " at the target, and the source's needs " + layout.types[i].name,
                               "run at the target, if its values allow it: " + modify, modify));
    } else if (!own && layout.types[i].name.starts_with("Nullable(") &&
               found->second.type.find("Nullable(") == std::string::npos) {
      problems.push_back(unfit(ErrorCode::target_unfit, layout,
                               "column " + quote_name(column) + " of table " + quote_name(name) + " cannot hold NULL",
                               "run at the target: " + modify, modify));
    }
  }
  if (!same_key) {
    problems.push_back(unfit(own ? ErrorCode::schema_changed : ErrorCode::target_unfit, layout,
                             "table " + quote_name(name) + " is ordered by other columns than the source's key",
                             "drop the table at the target, and the mirror; create the mirror again",
                             "DROP TABLE " + quote_name(name)));
  }
}

}  // namespace

std::string title(std::string_view mirror_uuid) { return "peerd mirror " + std::string(mirror_uuid); }

std::string bare_type(std::string_view type) {
  for (const std::string_view outer : {"LowCardinality(", "Nullable("}) {
    if (type.starts_with(outer)) type = type.substr(outer.size(), type.size() - outer.size() - 1);
  }
  return std::string(type);
}

ExistingTable read_table(Client& client, std::string_view name, const Wait& wait) {
  ExistingTable table;
  const std::string where = " WHERE database = currentDatabase() AND ";
  const auto tables = client.query(
      "SELECT engine, engine_full, comment, toString(uuid) FROM system.tables" + where + "name = " + quote_text(name), wait);
  if (tables.empty()) return table;
  table.exists = true;
  table.engine = tables[0].at(0);
  table.engine_full = tables[0].at(1);
  table.comment = tables[0].at(2);
  table.uuid = tables[0].at(3);
  for (const auto& row : client.query("SELECT name, type, default_kind, is_in_sorting_key FROM system.columns" + where +
                                          "table = " + quote_text(name),
                                      wait)) {
    table.columns[row.at(0)] = {row.at(1), row.at(2), row.at(3) == "1"};
  }
  if (table.engine.ends_with("View")) return table;
  table.empty = client.query("SELECT 1 FROM " + quote_name(name) + " LIMIT 1", wait).empty();
  return table;
}

std::string create_statement(const TableLayout& layout, std::string_view name, std::string_view comment, Fsync fsync) {
  std::string sql = "CREATE TABLE IF NOT EXISTS " + quote_name(name) + " (";
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    sql += quote_name(layout.names[i]) + " " + layout.types[i].name + ", ";
    if (layout.types[i].noted_nulls()) sql += quote_name(null_note(layout.names[i])) + " Bool, ";
  }
  if (!layout.synced_column.empty()) sql += quote_name(layout.synced_column) + " DateTime64(9) DEFAULT now64(9), ";
  sql += quote_name(layout.deleted_column) + " UInt8, " + std::string(kVersionColumn) +
         " UInt128) ENGINE = ReplacingMergeTree(" + std::string(kVersionColumn) + ", " +
         quote_name(layout.deleted_column) + ") ORDER BY (";
  for (std::size_t i = 0; i < layout.key.size(); ++i)
    sql += (i == 0 ? "" : ", ") + quote_name(layout.names[layout.key[i]]);
  sql += ")";
  if (fsync == Fsync::yes) sql += " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";
  return sql + " COMMENT " + quote_text(comment);
}

Problems unfitness(const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                   std::string_view comment) {
  Problems problems = name_clashes(layout);
  if (!existing.exists) return problems;
  const bool own = existing.comment == comment;
  if (!own && !existing.empty) {
    problems.push_back(belongs_elsewhere(existing, layout, name));
    return problems;
  }
  check_engine(existing, layout, name, problems);
  if (problems.empty()) check_columns(existing, layout, name, own, problems);
  return problems;
}

std::vector<std::string> lost_columns(const ExistingTable& existing, const TableLayout& layout) {
  std::vector<std::string> lost;
  const auto need = [&](const std::string& name) {
    if (!existing.columns.contains(name)) lost.push_back(quote_name(name));
  };
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    need(layout.names[i]);
    if (layout.types[i].noted_nulls()) need(null_note(layout.names[i]));
  }
  return lost;
}

std::vector<std::string> widening(const ExistingTable& existing, const TableSchema& schema, const TableLayout& layout,
                                  std::string_view name, std::string_view comment) {
  std::vector<std::string> changes;
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    const auto found = existing.columns.find(layout.names[i]);
    const auto& missing = schema.columns[i].missing_value;
    if (layout.types[i].noted_nulls() && !existing.columns.contains(null_note(layout.names[i]))) {
      // An array that could not be NULL until now was not.
      const bool was_there = found != existing.columns.end();
      changes.push_back(added_note(layout, i, was_there ? std::optional<std::string>("{}") : missing));
    }
    if (found == existing.columns.end()) {
      changes.push_back(added_column(layout, i, missing));
    } else if (layout.types[i].name.starts_with("Nullable(") &&
               found->second.type.find("Nullable(") == std::string::npos) {
      changes.push_back("MODIFY COLUMN " + quote_name(layout.names[i]) + " " + layout.types[i].name);
    }
  }
  std::vector<std::string> statements;
  const std::string alter = "ALTER TABLE " + quote_name(name) + " ";
  if (!changes.empty()) statements.push_back(alter + join(changes, ", "));
  if (existing.comment != comment) statements.push_back(alter + "MODIFY COMMENT " + quote_text(comment));
  return statements;
}

Problems name_clashes(const TableLayout& layout) {
  Problems problems;
  std::vector<std::string> own{std::string(kVersionColumn), layout.deleted_column};
  if (!layout.synced_column.empty()) own.push_back(layout.synced_column);
  for (std::size_t i = 0; i < layout.names.size(); ++i)
    if (layout.types[i].noted_nulls()) own.push_back(null_note(layout.names[i]));
  for (const std::string& name : layout.names) {
    if (std::ranges::find(own, name) == own.end()) continue;
    problems.push_back(
        unfit(ErrorCode::target_unfit, layout,
              "column \"" + name + "\" of table " + layout.table + " has the name of one of peerd's own columns",
              "leave it out: exclude: [" + name + "], or set soft_delete_col_name or synced_at_col_name"));
  }
  return problems;
}

}  // namespace peerd::clickhouse
