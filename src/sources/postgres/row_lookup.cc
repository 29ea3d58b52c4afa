#include "postgres/rights.h"
#include "postgres/row_lookup.h"

#include <algorithm>
#include <map>
#include <utility>

#include "peerd/postgres/array_literal.h"
#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "postgres/tracked_table.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kKeysPerStatement = 1000;
constexpr std::size_t kBytesPerStatement = 1 << 20;
constexpr std::string_view kNoSuchTable = "42P01";  ///< undefined_table

std::string oid_list(const TableSchema& schema) {
  std::string list;
  for (const std::uint16_t column : schema.key) {
    list += list.empty() ? '{' : ',';
    list += std::to_string(schema.columns[column].type_oid);
  }
  return list + "}";
}

/// How many keys from `first` on one statement takes.
std::size_t slice(std::span<const std::span<const CellView>> keys, std::size_t first) {
  std::size_t bytes = 0, end = first;
  while (end < keys.size() && end - first < kKeysPerStatement && (end == first || bytes < kBytesPerStatement)) {
    for (const CellView& cell : keys[end]) bytes += cell.bytes.size();
    ++end;
  }
  return end - first;
}

std::vector<std::optional<std::string>> key_arrays(std::span<const std::span<const CellView>> keys,
                                                   std::size_t key_columns) {
  std::vector<std::optional<std::string>> arrays;
  std::vector<std::string_view> values;
  for (std::size_t column = 0; column < key_columns; ++column) {
    values.clear();
    for (const auto& key : keys) values.push_back(key[column].bytes);
    arrays.push_back(postgres::array_literal(values));
  }
  return arrays;
}

/// What the table's columns, and their types, are called now, as SQL has it. A change may come of when they had other names.
class NamesNow {
 public:
  NamesNow(std::string_view names, std::string_view types) : names_(by_number(names)), types_(by_number(types)) {}
  /// "": it was dropped.
  std::string of(const Column& column) const { return find(names_, column, quote_identifier(column.name)); }
  std::string type_of(const Column& column) const { return find(types_, column, column.type_name); }

 private:
  using ByNumber = std::map<std::string, std::string>;
  static ByNumber by_number(std::string_view list) {
    ByNumber found;
    for (const std::string& each : split(list, '\1')) {
      const std::size_t blank = each.find(' ');
      if (blank != std::string::npos) found[each.substr(0, blank)] = each.substr(blank + 1);
    }
    return found;
  }
  static std::string find(const ByNumber& known, const Column& column, const std::string& noted) {
    if (column.number == 0) return noted;
    const auto found = known.find(std::to_string(column.number));
    return found == known.end() ? "" : found->second;
  }

  const ByNumber names_, types_;
};

std::string number_list(const TableSchema& schema, std::span<const std::uint16_t> columns) {
  std::string list;
  for (const auto part : {columns, std::span<const std::uint16_t>(schema.key)})
    for (const std::uint16_t column : part)
      list += (list.empty() ? "{" : ",") + std::to_string(schema.columns[column].number);
  return list + "}";
}

struct Statement {
  std::string rows, path, sql;  ///< "ONLY s.t", the search_path for its key's operators, and what is read of it.
  bool operator==(const Statement&) const = default;
};

/// The statement by which `columns` are looked up.
Statement statement_for(postgres::Connection& connection, const MirrorTable& table, std::span<const std::uint16_t> columns,
                        const Wait& wait) {
  const TableSchema& schema = table.schema;
  const std::string oid = std::to_string(schema.id.oid);
  // By OID: the table may have been renamed since. The key's types may have their operators in an extension's schema.
  const postgres::Result where = connection.run(
      "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), (SELECT coalesce(string_agg(DISTINCT ', ' ||"
      " quote_ident(tn.nspname), ''), '') FROM pg_type t JOIN pg_namespace tn ON tn.oid = t.typnamespace"
      " WHERE t.oid = ANY ($2::oid[]) AND tn.nspname <> 'pg_catalog'), (SELECT coalesce(string_agg(a.attnum || ' ' ||"
      " quote_ident(a.attname), E'\\x01'), '') FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped"
      " AND a.attnum = ANY ($3::int2[])), (SELECT coalesce(string_agg(a.attnum || ' ' || format_type(a.atttypid, a.atttypmod),"
      " E'\\x01'), '') FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum = ANY ($3::int2[]))"
      " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
      {{oid, oid_list(schema), number_list(schema, columns)}}, wait);
  if (where.rows() == 0) {
    throw_schema_changed(schema, "was dropped at the source while rows of it were needed",
                         copy_anew(schema));
  }
  const NamesNow now(where.text(0, 2), where.text(0, 3));
  std::string select = "SELECT k.i", unnest, names, join;
  for (const std::uint16_t column : columns) {
    const std::string name = now.of(schema.columns[column]);
    select += name.empty() ? ", NULL::text" : ", t." + name;  // With a column that was dropped its values are gone.
  }
  for (std::size_t i = 0; i < schema.key.size(); ++i) {
    const Column& column = schema.columns[schema.key[i]];
    const std::string number = std::to_string(i + 1);
    unnest.append(i == 0 ? "$" : ", $").append(number).append("::text[]");
    names.append("k").append(number).append(", ");
    const std::string name = now.of(column);
    if (name.empty())
      throw_schema_changed(schema, "has lost column " + quote_identifier(column.name) + " of its key",
                           "DROP MIRROR and CREATE MIRROR");
    join.append(i == 0 ? "t." : " AND t.").append(name);
    join.append(" = k.k").append(number).append("::").append(now.type_of(column));
  }
  // tableoid: never a table that took the name in between.
  const std::string only = schema.partitioned ? "" : "ONLY ";
  const std::string holders = schema.partitioned ? "IN (SELECT relid FROM pg_partition_tree(" + oid + "))" : "= " + oid;
  const std::string rows = only + where.string(0, 0);
  return {rows, "pg_catalog" + where.string(0, 1),
          select + " FROM unnest(" + unnest + ") WITH ORDINALITY k(" + names + "i) JOIN " + rows + " t ON " + join +
              " AND t.tableoid " + holders};
}

/// In a transaction that keeps the table as it is: columns are read by name, and one that bears another's name since it was asked
/// for would bring another's values.
std::string locked_statement(postgres::Connection& connection, const MirrorTable& table, std::span<const std::uint16_t> columns,
                             const Wait& wait) {
  for (;;) {
    connection.run("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", wait);
    const Statement before = statement_for(connection, table, columns, wait);
    try {
      connection.run("LOCK TABLE " + before.rows + " IN ACCESS SHARE MODE", wait);
      const Statement now = statement_for(connection, table, columns, wait);
      if (now == before) {
        // Some keys of a large table: its index, whatever the statistics say of the list of keys.
        connection.run("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;"
                       " SET LOCAL jit = off; SET LOCAL search_path = " + now.path, wait);
        return now.sql;
      }
    } catch (Error& error) {
      name_right(connection, error, table.schema, wait);
      if (error.text.origin != kNoSuchTable) throw;  // Renamed in between.
    }
    connection.run("ROLLBACK", wait);
    wait.check("looking up rows at the source");
  }
}

}  // namespace

void PostgresRowLookup::await_visible(postgres::Connection& connection, const Wait& wait) {
  const std::uint64_t mark = streamed_->mark();
  if (mark == 0) return;
  for (auto delay = 1ms; !streamed_->still_running(running_transactions(connection, wait), mark).empty();
       delay = std::min<std::chrono::milliseconds>(delay * 2, 50ms)) {
    pause(delay, wait, "waiting for the source to show what it has committed");
  }
}

Lsn PostgresRowLookup::fetch(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
                             std::span<const std::uint16_t> columns, Lsn, const Wait& wait, RowFound& found) {
  try {
    return fetch_all(table, keys, columns, wait, found);
  } catch (Error& error) {
    // A server's word, but not the target's, which is at work when this is called.
    if (error.text.origin.empty()) throw;
    error.text.message = "rows of table " + table.schema.qualified() + " could not be looked up at the source: " + error.text.message;
    error.text.table = table.schema.qualified();
    error.text.origin.clear();
    throw;
  }
}

Lsn PostgresRowLookup::fetch_all(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
                                 std::span<const std::uint16_t> columns, const Wait& wait, RowFound& found) {
  Lsn flushed;
  ask_(wait, [&](postgres::Connection& connection) {
    await_visible(connection, wait);
    const std::string sql = locked_statement(connection, table, columns, wait);
    std::vector<CellView> cells(columns.size());
    for (std::size_t first = 0; first < keys.size();) {
      const std::size_t count = slice(keys, first);
      connection.each_row(sql, key_arrays(keys.subspan(first, count), table.schema.key.size()), wait, [&](const postgres::Result& row) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
          const int place = static_cast<int>(i) + 1;
          cells[i] = row.null(0, place) ? CellView{} : CellView{CellView::Kind::text, row.text(0, place)};
        }
        found(first + static_cast<std::size_t>(row.integer(0, 0)) - 1, cells);
      });
      first += count;
    }
    connection.run("COMMIT", wait);
    // What was found counts only now: the caller uses it after this returns.
    flushed = await_flushed(connection, wait);
  });
  return flushed;
}

}  // namespace peerd
