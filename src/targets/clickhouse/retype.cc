#include "clickhouse/retype.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"

namespace peerd::clickhouse {
namespace {

bool is_integer(const ColumnType& type) {
  return type.scalar == Scalar::int16 || type.scalar == Scalar::int32 || type.scalar == Scalar::int64;
}

std::size_t place_of(const TableSchema& schema, std::int16_t number) {
  return static_cast<std::size_t>(std::ranges::find(schema.columns, number, &Column::number) - schema.columns.begin());
}

[[noreturn]] void refuse(const Retyped& table, std::size_t i, const std::string& before, const std::string& why) {
  const Column& column = table.to.schema.columns[i];
  ErrorText text;
  text.code = ErrorCode::schema_changed;
  text.table = table.to.schema.qualified();
  text.message = "column " + quote_identifier(column.name) + " of table " + text.table + " is " + column.type_name +
                 " now, for which column " + quote_name(table.after.names[i]) + " at the target would have to become " +
                 table.after.types[i].name + " from " + before + ", and " + why;
  text.hint = "RESYNC TABLE " + text.table + " OF the mirror copies the table anew, with the new type";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

/// An operator's LowCardinality stays where it can.
std::string modify(const TableLayout& layout, std::size_t i, const std::string& standing) {
  const ColumnType& type = layout.types[i];
  const bool low = type.low_cardinality || (standing.starts_with("LowCardinality(") && bare_type(type.name) == "String");
  return "MODIFY COLUMN " + quote_name(layout.names[i]) + " " + (low ? "LowCardinality(" + type.name + ")" : type.name);
}

/// None for a column that needs none.
std::vector<std::string> changes(const Retyped& table, const ExistingTable& existing) {
  std::vector<std::string> parts;
  for (const Column& column : retypings(table.from.schema, table.to.schema)) {
    const std::size_t i = place_of(table.to.schema, column.number);
    const ColumnType& before = table.before.types[place_of(table.from.schema, column.number)];
    const auto standing = existing.columns.find(table.after.names[i]);
    if (standing == existing.columns.end()) continue;
    const std::string wanted = bare_type(table.after.types[i].name);
    if (bare_type(standing->second.type) == wanted || bare_type(before.name) == wanted) continue;
    if (standing->second.in_key || standing->second.in_partition)
      refuse(table, i, before.name, "ClickHouse alters no column of a table's key");
    if (!keeps_values(before, table.after.types[i])) refuse(table, i, before.name, "ClickHouse would write its values otherwise");
    parts.push_back(modify(table.after, i, standing->second.type));
  }
  return parts;
}

}  // namespace

bool keeps_values(const ColumnType& before, const ColumnType& after) {
  if (before.array != after.array) return false;
  const bool to_text = after.scalar == Scalar::text || after.scalar == Scalar::jsonb;
  if (is_integer(before) && is_integer(after)) return before.width <= after.width;
  if (is_integer(before)) return to_text || (after.scalar == Scalar::decimal && after.scale == 0);
  if (before.scalar == Scalar::text && is_integer(after)) return true;  // That of a domain over it.
  if (before.scalar != Scalar::decimal) return before.scalar == after.scalar || to_text;
  // 1.50 would be 1.5 as a text, and Postgres writes no table anew for it.
  if (to_text) return before.scale == 0;
  return after.scalar == Scalar::decimal && before.scale == after.scale && before.precision <= after.precision;
}

bool retype_columns(Client& client, const Retyped& table, const ExistingTable& existing, const Wait& wait) {
  const std::vector<std::string> parts = changes(table, existing);
  if (parts.empty()) return false;
  try {
    client.execute("ALTER TABLE " + quote_name(table.to.target_name) + " " + join(parts, ", "), wait);
  } catch (Error& error) {
    if (!error.text.origin.starts_with("CH ") || error.text.retry == Retry::later) throw;
    error.text.table = table.to.schema.qualified();
    error.text.hint += (error.text.hint.empty() ? "" : "; ") + ("columns have other types at the source; RESYNC TABLE " +
                       error.text.table + " OF the mirror copies the table anew, with their new types");
    throw;
  }
  return true;
}

}  // namespace peerd::clickhouse
