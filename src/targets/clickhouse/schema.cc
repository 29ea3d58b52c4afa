#include "clickhouse/schema.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "clickhouse/definition_check.h"
#include "clickhouse/literal.h"
#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

std::string added_column(const TableLayout& layout, std::size_t i, const std::optional<std::string>& missing, const std::string& comment) {
  std::string out = "ADD COLUMN IF NOT EXISTS " + quote_name(layout.names[i]) + " " + layout.types[i].declared();
  if (missing) out += " DEFAULT " + literal(layout, i, *missing);
  return out + " COMMENT " + quote_text(comment);
}

/// Rows of before the column had no array: NULL, unless Postgres says otherwise.
std::string added_note(const TableLayout& layout, std::size_t i, const std::optional<std::string>& missing) {
  return "ADD COLUMN IF NOT EXISTS " + quote_name(null_note(layout.names[i])) + " Bool DEFAULT " +
         (missing ? "false" : "true");
}

bool holds_null(const std::string& type) {
  return type.starts_with("Nullable(") || type.starts_with("LowCardinality(Nullable(");
}

/// Keeps an operator's LowCardinality; default and codec stay as they are when they are not named.
std::string made_nullable(const std::string& column, const std::string& type) {
  const std::string inner = bare_type(type);
  const bool low = type.starts_with("LowCardinality(");
  return "MODIFY COLUMN " + quote_name(column) + (low ? " LowCardinality(Nullable(" : " Nullable(") + inner + (low ? "))" : ")");
}

Problem belongs_elsewhere(const ExistingTable& existing, const TableLayout& layout, std::string_view name) {
  const std::string drop = "DROP TABLE " + quote_name(name);
  const std::string hint = "choose another target table, or, when its rows are not needed, run at the target: " + drop;
  const std::string table = "table " + quote_name(name);
  if (existing.comment.starts_with("peerd mirror "))
    return unfit(ErrorCode::target_unfit, layout.table, table + " holds rows of another mirror", hint, drop);
  return unfit(ErrorCode::target_unfit, layout.table, table + " is not empty and not this mirror's", hint, drop);
}

/// Replicated and Shared ones, too.
bool is_engine_of(const TableLayout& layout, std::string_view engine) {
  if (!layout.appends) return engine.ends_with("ReplacingMergeTree");
  return engine == "MergeTree" || engine == "ReplicatedMergeTree" || engine == "SharedMergeTree";
}

void check_engine(const ExistingTable& existing, const TableLayout& layout, std::string_view name, Problems& problems) {
  const std::string drop = "DROP TABLE " + quote_name(name);
  const std::string hint =
      "choose another target table, or run at the target: " + drop + "; peerd then creates it as it needs it";
  const auto version = existing.columns.find(std::string(kVersionColumn));
  const bool has_version = version != existing.columns.end() && version->second.type == "UInt128";
  if (!is_engine_of(layout, existing.engine)) {
    problems.push_back(unfit(ErrorCode::target_unfit, layout.table,
                             "table " + quote_name(name) + " is of engine " + existing.engine + ", not " +
                                 (layout.appends ? "MergeTree, which keeps all rows" : "ReplacingMergeTree"),
                             hint, drop));
  } else if (!has_version || (!layout.appends && !engine_counts_by(existing, layout))) {
    // PeerDB's is a nanosecond clock, above every position in the WAL.
    problems.push_back(
        unfit(ErrorCode::target_unfit, layout.table,
              "table " + quote_name(name) +
                  " has no version column of peerd's (_peerdb_version UInt128 with the soft-delete column)",
              hint, drop));
  }
  for (const std::string& own : {std::string(kVersionColumn), layout.deleted_column}) {
    const auto column = existing.columns.find(own);
    if (column == existing.columns.end() || column->second.default_kind.empty() || column->second.default_kind == "DEFAULT")
      continue;
    problems.push_back(unfit(ErrorCode::target_unfit, layout.table,
                             "column " + quote_name(own) + " of table " + quote_name(name) + " is " +
                                 column->second.default_kind + ", and peerd writes to it",
                             hint, drop));
  }
  const auto deleted = existing.columns.find(layout.deleted_column);
  if (deleted == existing.columns.end() || deleted->second.type != "UInt8") {
    problems.push_back(unfit(
        ErrorCode::target_unfit, layout.table,
        "table " + quote_name(name) + " has no soft-delete column " + quote_name(layout.deleted_column) + " UInt8",
        hint, drop));
  }
}

void check_columns(const ExistingTable& existing, const TableLayout& layout, std::string_view name, bool own,
                   Problems& problems) {
  const std::string alter = "ALTER TABLE " + quote_name(name) + " MODIFY COLUMN ";
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    const std::string& column = layout.names[i];
    const auto found = existing.columns.find(column);
    if (found == existing.columns.end()) continue;
    const std::string modify = alter + quote_name(column) + " " + layout.types[i].name;
    // ALIAS, MATERIALIZED, EPHEMERAL: it takes no value, or keeps none.
    const bool computed = !found->second.default_kind.empty() && found->second.default_kind != "DEFAULT";
    if (computed || bare_type(found->second.type) != bare_type(layout.types[i].name)) {
      problems.push_back(unfit(own ? ErrorCode::schema_changed : ErrorCode::target_unfit, layout.table,
                               "column " + quote_name(column) + " of table " + quote_name(name) + " is " +
                                   found->second.type + (computed ? ", computed," : "") +
                                   " at the target, and the source's needs " + layout.types[i].name,
                               "run at the target, if its values allow it: " + modify +
                                   (own ? "; RESYNC TABLE " + layout.table + " OF the mirror brings back what values may have lost meanwhile" : ""),
                               modify));
    } else if (!own && layout.types[i].name.starts_with("Nullable(") &&
               !holds_null(found->second.type)) {
      const std::string cure = allow_null(existing, layout, i, name);
      problems.push_back(unfit(ErrorCode::target_unfit, layout.table,
                               "column " + quote_name(column) + " of table " + quote_name(name) + " cannot hold NULL",
                               "run at the target: " + cure, cure));
    }
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

namespace {

ExistingTable read_once(Client& client, std::string_view name, const Wait& wait) {
  ExistingTable table;
  const std::string where = " WHERE database = currentDatabase() AND ";
  const auto tables = client.query(
      "SELECT engine, comment, toString(uuid), sorting_key, create_table_query, toString(total_rows), " +
          std::string(kModified) + " FROM system.tables" + where + "name = " + quote_text(name),
      wait);
  if (tables.empty()) return table;
  table.exists = true;
  table.engine = tables[0].at(0);
  table.comment = tables[0].at(1);
  table.uuid = tables[0].at(2);
  table.sorting_key = tables[0].at(3);
  table.create_query = tables[0].at(4);
  table.modified = tables[0].at(6);
  for (const auto& row : client.query(
           "SELECT name, type, default_kind, is_in_partition_key, compression_codec,"
           " is_in_sorting_key OR is_in_primary_key OR is_in_sampling_key, comment FROM system.columns" + where + "table = " +
               quote_text(name),
           wait)) {
    table.columns[row.at(0)] = {row.at(1), row.at(2), row.at(3) == "1", row.at(4), row.at(5) == "1", row.at(6)};
  }
  // A row policy may hide rows from a SELECT, and does not from this count, which the MergeTree engines know.
  table.empty = tables[0].at(5) == "0";
  if (table.empty || table.engine.ends_with("MergeTree") || table.engine.ends_with("View")) return table;
  table.empty = client.query("SELECT 1 FROM " + quote_name(name) + " LIMIT 1", wait).empty();
  return table;
}

}  // namespace

std::string version_comment(const ExistingTable& existing) {
  const auto version = existing.columns.find(std::string(kVersionColumn));
  return version == existing.columns.end() ? "" : version->second.comment;
}

std::string added_by_mirror(const Column& column) {
  return std::string(kAddedByMirror) + (column.number == 0 ? "" : " " + std::to_string(column.number));
}

ExistingTable read_table(Client& client, std::string_view name, const Wait& wait) {
  for (;;) {
    ExistingTable table = read_once(client, name, wait);
    if (!table.exists) return table;
    // The server has told of the table and of its columns in two answers, and a copy may have been exchanged for it between them.
    const auto now = client.query("SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = " + quote_text(name), wait);
    if (!now.empty() && now[0].at(0) == table.uuid) return table;
  }
}

std::vector<std::string> ordered_names(const TableLayout& layout) {
  std::vector<std::string> names;
  for (const std::uint16_t column : layout.order.empty() ? layout.key : layout.order)
    names.push_back(quote_name(layout.names[column]));
  return names;
}

std::string create_statement(const TableLayout& layout, std::string_view name, std::string_view comment, Fsync fsync) {
  std::string sql = "CREATE TABLE IF NOT EXISTS " + quote_name(name) + " (";
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    sql += quote_name(layout.names[i]) + " " + layout.types[i].declared() + ", ";
    if (layout.types[i].noted_nulls()) sql += quote_name(null_note(layout.names[i])) + " Bool, ";
  }
  if (!layout.synced_column.empty()) sql += quote_name(layout.synced_column) + " DateTime64(9) DEFAULT now64(9), ";
  sql += quote_name(layout.deleted_column) + " UInt8, " + std::string(kVersionColumn) +
         " UInt128) ENGINE = ";
  sql += layout.appends ? "MergeTree"
                        : "ReplacingMergeTree(" + std::string(kVersionColumn) + ", " + quote_name(layout.deleted_column) + ")";
  if (!layout.partition_by.empty()) sql += " PARTITION BY (" + layout.partition_by + ")";
  sql += " ORDER BY (" + join(ordered_names(layout), ", ") + ")";
  if (fsync == Fsync::yes) sql += " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";
  return sql + " COMMENT " + quote_text(comment);
}

Problems unfitness(const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                   std::string_view comment, Looked looked) {
  Problems problems = name_clashes(layout);
  if (!existing.exists) return problems;
  const bool own = existing.comment == comment;
  // Of a view, a dictionary and their like nothing tells whether they hold rows: what they are counts.
  const bool keeps_rows = existing.engine.ends_with("MergeTree");
  if (!own && !existing.empty && keeps_rows) {
    problems.push_back(belongs_elsewhere(existing, layout, name));
    return problems;
  }
  check_engine(existing, layout, name, problems);
  if (!problems.empty()) return problems;
  check_columns(existing, layout, name, own, problems);
  check_definition(existing, layout, name, own, looked, problems);
  if (!own) check_adopted(existing, layout, name, problems);
  return problems;
}

namespace {

std::set<std::string> null_notes(const TableLayout& layout) {
  std::set<std::string> notes;
  for (std::size_t i = 0; i < layout.names.size(); ++i)
    if (layout.types[i].noted_nulls()) notes.insert(null_note(layout.names[i]));
  return notes;
}

}  // namespace

std::set<std::string> held_columns(const TableLayout& layout) {
  std::set<std::string> held = null_notes(layout);
  held.insert(layout.names.begin(), layout.names.end());
  return held;
}

std::vector<std::string> lost_columns(const ExistingTable& existing, const TableLayout& layout) {
  std::vector<std::string> lost;
  for (const std::string& name : held_columns(layout))
    if (!existing.columns.contains(name)) lost.push_back(quote_name(name));
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
      changes.push_back(added_column(layout, i, missing, added_by_mirror(schema.columns[i])));
    } else if (layout.types[i].name.starts_with("Nullable(") && !holds_null(found->second.type)) {
      changes.push_back(made_nullable(layout.names[i], found->second.type));
    }
  }
  if (!layout.synced_column.empty() && !existing.columns.contains(layout.synced_column))
    changes.push_back("ADD COLUMN IF NOT EXISTS " + quote_name(layout.synced_column) + " DateTime64(9) DEFAULT now64(9)");
  std::vector<std::string> statements;
  const std::string alter = "ALTER TABLE " + quote_name(name) + " ";
  if (!changes.empty()) statements.push_back(alter + join(changes, ", "));
  if (existing.comment != comment) statements.push_back(alter + "MODIFY COMMENT " + quote_text(comment));
  return statements;
}

std::set<std::string> nullable_columns(const ExistingTable& existing, const TableLayout& layout) {
  std::set<std::string> out;
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    const auto found = existing.columns.find(layout.names[i]);
    if (layout.types[i].nullable || layout.in_key(i) || found == existing.columns.end()) continue;
    const bool may = layout.types[i].array ? existing.columns.contains(null_note(layout.names[i])) : holds_null(found->second.type);
    if (may) out.insert(layout.names[i]);
  }
  return out;
}

std::string allow_null(const ExistingTable& existing, const TableLayout& layout, std::size_t i, std::string_view name) {
  const auto found = existing.columns.find(layout.names[i]);
  const std::string type = found == existing.columns.end() ? layout.types[i].name : found->second.type;
  // Rows of before had arrays, for NULL was forbidden.
  return "ALTER TABLE " + quote_name(name) + " " +
         (layout.types[i].array ? added_note(layout, i, "{}") : made_nullable(layout.names[i], type));
}

namespace {

/// The first three MergeTree refuses. What it computes itself it reads in place of a column of the others' names, of rows
/// from before that column was added: values of its own, or, where the types differ, the server may crash.
constexpr std::array<std::string_view, 6> kEngineKeeps{"_row_exists",  "_block_number",        "_block_offset",
                                                       "_part_offset", "_part_granule_offset", "_distance"};
bool engine_keeps(std::string_view name) { return std::ranges::find(kEngineKeeps, name) != kEngineKeeps.end(); }

/// The names that the mirror's options give to peerd's own columns. Answers those of all of its own.
std::set<std::string> check_own_names(const TableLayout& layout, Problems& problems) {
  std::set<std::string> taken = null_notes(layout);
  taken.emplace(kVersionColumn);
  for (const auto& [option, name] : {std::pair<std::string, std::string>{"soft_delete_col_name", layout.deleted_column},
                                     {"synced_at_col_name", layout.synced_column}}) {
    if (name.empty() || (!engine_keeps(name) && taken.insert(name).second)) continue;
    problems.push_back(unfit(ErrorCode::invalid_option, layout.table,
                             option + " = '" + name + "' names a column that " +
                                 (engine_keeps(name) ? "ClickHouse keeps for itself" : "peerd makes for another use, for table " + layout.table),
                             "give " + option + " another name"));
    problems.back().text.field = option;
    taken.insert(name);
  }
  return taken;
}

}  // namespace

std::optional<Problem> too_long(const TableLayout& layout, std::string_view database, std::string_view name) {
  constexpr std::size_t kLongestFile = 255, kDroppedAs = 2 + 36 + 4;  // "<database>.<table>.<uuid>.sql"
  const auto in_a_path = [](std::string_view text) {  // All but [A-Za-z0-9_] as %XX.
    const auto plain = std::ranges::count_if(text, [](unsigned char c) { return c == '_' || (c < 0x80 && std::isalnum(c) != 0); });
    return 3 * text.size() - 2 * static_cast<std::size_t>(plain);
  };
  const std::size_t taken = kDroppedAs + in_a_path(database), length = in_a_path(name);
  if (taken + length <= kLongestFile) return std::nullopt;
  const std::size_t room = taken < kLongestFile ? kLongestFile - taken : 0;
  return unfit(ErrorCode::target_unfit, layout.table,
               "the name of table " + quote_name(name) + " is too long for database " + quote_name(database) +
                   " at ClickHouse: as part of a file's name it has " + std::to_string(length) + " bytes, and there is room for " +
                   std::to_string(room),
               "map the table to a shorter name; a letter that is not of A-Z, a-z, 0-9 or _ counts three times for each of its bytes");
}

Problems name_clashes(const TableLayout& layout) {
  Problems problems;
  const std::set<std::string> own = check_own_names(layout, problems);
  for (const std::string& name : layout.names) {
    if (engine_keeps(name)) {
      problems.push_back(unfit(ErrorCode::target_unfit, layout.table,
                               "column \"" + name + "\" of table " + layout.table + " has a name that ClickHouse keeps for itself",
                               "leave it out: exclude: [" + name + "], or give it another name: columns: [{source: " + name + ", target: ...}]"));
    }
    if (!own.contains(name)) continue;
    problems.push_back(
        unfit(ErrorCode::target_unfit, layout.table,
              "column \"" + name + "\" of table " + layout.table + " has the name of one of peerd's own columns",
              "leave it out: exclude: [" + name + "], or set soft_delete_col_name or synced_at_col_name; a mirror that is there "
              "takes either by DROP MIRROR and CREATE MIRROR"));
  }
  return problems;
}

}  // namespace peerd::clickhouse
