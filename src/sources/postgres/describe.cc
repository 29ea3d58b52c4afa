#include "postgres/describe.h"

#include <algorithm>

#include "postgres/base_types.h"

namespace peerd {
namespace {

constexpr std::string_view kRelation =
    "SELECT c.oid, c.relkind, c.relpersistence, c.relreplident, coalesce(pg_relation_filenode(c.oid), 0)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

// attmissingval is an array of one element of the column's type; its text form, read as text[], gives the element's.
constexpr std::string_view kColumns =
    "SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " a.attgenerated <> '', a.atthasmissing, (a.attmissingval::text::text[])[1]"
    " FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// The index whose columns name a row in the WAL (rules.md 4); with FULL, and with NOTHING, the primary key.
constexpr std::string_view kKey =
    "SELECT k.attnum FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)"
    " WHERE i.indrelid = $1 AND k.place <= i.indnkeyatts"
    " AND CASE WHEN $2 = 'i' THEN i.indisreplident ELSE i.indisprimary END ORDER BY k.place";

ReplicaIdentity identity_of(char letter) {
  switch (letter) {
    case 'i':
      return ReplicaIdentity::index;
    case 'f':
      return ReplicaIdentity::full;
    case 'n':
      return ReplicaIdentity::nothing;
    default:
      return ReplicaIdentity::primary_key;
  }
}

/// attnum of each column that is kept, in the schema's order.
std::vector<std::int64_t> read_columns(postgres::Connection& connection, const std::string& oid,
                                       const MappedTable& table, CatalogTable& into, const Wait& wait) {
  const postgres::Result result = connection.run(kColumns, {{oid}}, wait);
  std::vector<std::int64_t> numbers;
  into.missing_excludes = table.exclude;
  for (int row = 0; row < result.rows(); ++row) {
    Column column;
    column.name = result.string(row, 1);
    const bool excluded = std::find(table.exclude.begin(), table.exclude.end(), column.name) != table.exclude.end();
    if (excluded) std::erase(into.missing_excludes, column.name);
    if (excluded || result.boolean(row, 6)) continue;
    column.type_oid = static_cast<std::uint32_t>(result.integer(row, 2));
    column.type_modifier = static_cast<std::int32_t>(result.integer(row, 3));
    column.type_name = result.string(row, 4);
    column.nullable = !result.boolean(row, 5);
    if (result.boolean(row, 7) && !result.null(row, 8)) column.missing_value = result.string(row, 8);
    into.schema.columns.push_back(std::move(column));
    numbers.push_back(result.integer(row, 0));
  }
  return numbers;
}

void read_key(postgres::Connection& connection, const std::string& oid, const std::string& identity,
              const std::vector<std::int64_t>& numbers, CatalogTable& into, const Wait& wait) {
  const postgres::Result result = connection.run(kKey, {{oid, identity}}, wait);
  TableSchema& schema = into.schema;
  for (int row = 0; row < result.rows(); ++row) {
    const auto found = std::find(numbers.begin(), numbers.end(), result.integer(row, 0));
    if (found == numbers.end()) {
      const postgres::Result name = connection.run(
          "SELECT attname FROM pg_attribute WHERE attrelid = $1 AND attnum = $2", {{oid, result.string(row, 0)}}, wait);
      into.unsent_key_column = name.rows() > 0 ? name.string(0, 0) : "";
      schema.key.clear();
      break;
    }
    schema.key.push_back(static_cast<std::uint16_t>(found - numbers.begin()));
  }
  for (const std::uint16_t column : schema.key) schema.columns[column].in_key = true;
}

constexpr std::string_view kAdded =
    "SELECT a.attnotnull, a.atthasmissing, (a.attmissingval::text::text[])[1], a.attidentity <> ''"
    // ADD COLUMN keeps the default of older rows in attmissingval, unless it had to rewrite the table: for a volatile
    // expression (found in its tree as the server itself finds it) and for a domain with constraints.
    ", coalesce(d.adbin::text LIKE '%NEXTVALUEEXPR%' OR EXISTS (SELECT FROM"
    "   regexp_matches(d.adbin::text, ':(?:funcid|opfuncid) (\\d+)', 'g') f(m) JOIN pg_proc p ON p.oid = f.m[1]::oid"
    "   WHERE p.provolatile = 'v') OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = a.atttypid), false)"
    " FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = $3";

}  // namespace

std::optional<CatalogTable> read_table(postgres::Connection& connection, const MappedTable& table, const Wait& wait) {
  const postgres::Result result = connection.run(kRelation, {{table.source.schema, table.source.name}}, wait);
  if (result.rows() == 0) return std::nullopt;
  CatalogTable found;
  const std::string oid = result.string(0, 0);
  found.schema.id.oid = static_cast<std::uint32_t>(result.integer(0, 0));
  found.schema.schema = table.source.schema;
  found.schema.name = table.source.name;
  found.kind = result.text(0, 1)[0];
  found.persistence = result.text(0, 2)[0];
  found.schema.identity = identity_of(result.text(0, 3)[0]);
  found.file_node = static_cast<std::uint32_t>(result.integer(0, 4));
  const std::vector<std::int64_t> numbers = read_columns(connection, oid, table, found, wait);
  read_base_types(connection, found.schema.columns, wait);
  read_key(connection, oid, result.string(0, 3), numbers, found, wait);
  return found;
}

std::int64_t columns_mark(postgres::Connection& connection, TableId table, const Wait& wait) {
  const postgres::Result result = connection.run(
      "SELECT coalesce(hashtextextended(string_agg(attnum || ':' || xmin::text, ',' ORDER BY attnum), 0), 0)"
      " FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped",
      {{std::to_string(table.oid)}}, wait);
  return result.integer(0, 0);
}

MirrorTable mirror_table(const CatalogTable& found, const MappedTable& mapped) {
  if (found.schema.key.empty()) {
    ErrorText text;
    text.code = ErrorCode::source_unfit;
    text.table = found.schema.qualified();
    text.message = "table " + text.table + " has no key that the WAL carries";
    text.hint = "ALTER TABLE " + mapped.source.quoted() + " ADD PRIMARY KEY (...)";
    throw Error(std::move(text));
  }
  MirrorTable table;
  table.schema = found.schema;
  table.target_name = mapped.target;
  return table;
}

AddedColumn read_added_column(postgres::Connection& connection, TableId table, const Column& sent, const Wait& wait) {
  AddedColumn added;
  added.column = sent;
  const postgres::Result type = connection.run(
      "SELECT format_type($1, $2)", {{std::to_string(sent.type_oid), std::to_string(sent.type_modifier)}}, wait);
  added.column.type_name = type.string(0, 0);
  read_base_types(connection, {&added.column, 1}, wait);
  const postgres::Result result =
      connection.run(kAdded, {{std::to_string(table.oid), sent.name, std::to_string(sent.type_oid)}}, wait);
  if (result.rows() == 0) return added;
  added.in_catalog = true;
  added.column.nullable = !result.boolean(0, 0);
  const bool has_missing = result.boolean(0, 1);
  if (has_missing && !result.null(0, 2)) added.column.missing_value = result.string(0, 2);
  added.backfill_unknown = !has_missing && (result.boolean(0, 3) || result.boolean(0, 4));
  return added;
}

}  // namespace peerd
