#include "postgres/describe.h"

#include <algorithm>

#include "postgres/base_types.h"
#include "postgres/table_notes.h"

namespace peerd {
namespace {

constexpr std::string_view kRelation =
    "SELECT c.oid, c.relkind, c.relpersistence, c.relreplident, coalesce(pg_relation_filenode(c.oid), 0),"
    " EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

// attmissingval is an array of one element of the column's type.
constexpr std::string_view kColumns =
    "SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " a.attgenerated <> '', a.atthasmissing, a.attmissingval::text"
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
  const postgres::Result result = connection.run_planned(kColumns, {{oid}}, wait);
  std::vector<std::int64_t> numbers;
  into.missing_excludes = table.exclude;
  for (int row = 0; row < result.rows(); ++row) {
    Column column;
    column.name = result.string(row, 1);
    const bool excluded = std::find(table.exclude.begin(), table.exclude.end(), column.name) != table.exclude.end();
    if (excluded) std::erase(into.missing_excludes, column.name);
    if (excluded || result.boolean(row, 6)) continue;
    column.number = static_cast<std::int16_t>(result.integer(row, 0));
    column.type_oid = static_cast<std::uint32_t>(result.integer(row, 2));
    column.type_modifier = static_cast<std::int32_t>(result.integer(row, 3));
    column.type_name = result.string(row, 4);
    column.nullable = !result.boolean(row, 5);
    if (result.boolean(row, 7) && !result.null(row, 8)) column.missing_value = only_element(result.text(row, 8));
    into.schema.columns.push_back(std::move(column));
    numbers.push_back(result.integer(row, 0));
  }
  return numbers;
}

void read_key(postgres::Connection& connection, const std::string& oid, const std::string& identity,
              const std::vector<std::int64_t>& numbers, CatalogTable& into, const Wait& wait) {
  const postgres::Result result = connection.run_planned(kKey, {{oid, identity}}, wait);
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

}  // namespace

std::optional<CatalogTable> read_table(postgres::Connection& connection, const MappedTable& table, const Wait& wait) {
  const postgres::Result result = connection.run_planned(kRelation, {{table.source.schema, table.source.name}}, wait);
  if (result.rows() == 0) return std::nullopt;
  CatalogTable found;
  const std::string oid = result.string(0, 0);
  found.schema.id.oid = static_cast<std::uint32_t>(result.integer(0, 0));
  found.schema.schema = table.source.schema;
  found.schema.name = table.source.name;
  found.kind = result.text(0, 1)[0];
  found.schema.partitioned = found.kind == 'p';
  found.persistence = result.text(0, 2)[0];
  found.schema.identity = identity_of(result.text(0, 3)[0]);
  found.file_node = static_cast<std::uint32_t>(result.integer(0, 4));
  found.primary_key = result.boolean(0, 5);
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

bool may_be_keyless(const CatalogTable& found) {
  return found.schema.identity == ReplicaIdentity::full && !found.primary_key && found.kind == 'r' && !found.schema.columns.empty();
}

std::string key_cure(const CatalogTable& found, const MappedTable& mapped) {
  // REPLICA IDENTITY USING INDEX outlives its index, and then names no row, whatever primary key there is.
  const bool by_index = found.schema.identity == ReplicaIdentity::index;
  std::string action = found.primary_key && by_index ? "" : " ADD PRIMARY KEY (...)";
  if (by_index) action += action.empty() ? " REPLICA IDENTITY DEFAULT" : ", REPLICA IDENTITY DEFAULT";
  return "ALTER TABLE " + mapped.source.quoted() + action;
}

namespace {

MirrorTable mirror_table(const CatalogTable& found, const MappedTable& mapped) {
  if (found.schema.key.empty() && !may_be_keyless(found)) {
    ErrorText text;
    text.code = ErrorCode::source_unfit;
    text.table = found.schema.qualified();
    text.message = "table " + text.table + " has no key that the WAL carries";
    text.hint = key_cure(found, mapped);
    throw Error(std::move(text));
  }
  MirrorTable table;
  table.schema = found.schema;
  table.target_name = mapped.target;
  return table;
}

/// What rows of before a column show in the partitions.
void take_missing_of_partitions(TableSchema& schema, const LookedTable& now) {
  if (!schema.partitioned) return;
  for (Column& column : schema.columns) {
    const LookedColumn* const found = now.find(column.number);
    if (found != nullptr && found->has_missing) column.missing_value = found->missing_value;
  }
}

}  // namespace

MirrorTable describe_table(postgres::Connection& connection, const MappedTable& mapped, const Wait& wait) {
  for (;;) {
    const std::optional<CatalogTable> found = read_table(connection, mapped, wait);
    if (!found) {
      ErrorText text;
      text.code = ErrorCode::not_found;
      text.table = mapped.source.schema + "." + mapped.source.name;
      text.message = "table " + text.table + " does not exist at the source";
      text.hint = "names are taken as typed: upper and lower case count";
      throw Error(std::move(text));
    }
    MirrorTable table = mirror_table(*found, mapped);
    const auto looked = look_at(connection, {&table.schema.id, 1}, MissingValues::yes, wait);
    // Altered in between: both once more.
    if (const auto now = looked.find(table.schema.id.oid); now != looked.end() && take_notes(table, mapped.exclude, now->second)) {
      take_missing_of_partitions(table.schema, now->second);
      return table;
    }
    wait.check("describing the source's tables");
  }
}

}  // namespace peerd
