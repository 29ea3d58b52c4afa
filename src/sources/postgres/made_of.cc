#include "postgres/made_of.h"

#include <algorithm>
#include <map>

namespace peerd {
namespace {

// From the columns down to what their types are made of: up from the types, each of the database's would be looked at.
constexpr std::string_view kColumns =
    "WITH RECURSIVE made(whole, type) AS (SELECT DISTINCT a.atttypid, a.atttypid FROM pg_attribute a"
    "   WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped UNION"
    " SELECT m.whole, part.type FROM made m JOIN pg_type t ON t.oid = m.type CROSS JOIN LATERAL ("
    "   SELECT t.typelem WHERE t.typelem <> 0 UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0 UNION ALL"
    "   SELECT a.atttypid FROM pg_attribute a WHERE t.typrelid <> 0 AND a.attrelid = t.typrelid AND a.attnum > 0"
    "     AND NOT a.attisdropped UNION ALL"
    // Of multiranges, whose column 13 does not have.
    "   SELECT r.rngsubtype FROM pg_range r WHERE t.typtype IN ('r', 'm')"
    "     AND (r.rngtypid = t.oid OR (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid)) part(type))"
    " SELECT a.attrelid, a.attname FROM pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0"
    " AND NOT a.attisdropped AND a.atttypid IN (SELECT m.whole FROM made m JOIN pg_type t ON t.oid = m.type"
    "   WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typname = ANY ($2::text[])) ORDER BY a.attrelid, a.attnum";

}  // namespace

std::vector<MadeOf> columns_made_of(postgres::Connection& connection, std::string_view types,
                                    std::span<const TableSchema* const> tables, const Wait& wait) {
  std::map<std::int64_t, const TableSchema*> schemas;
  std::string oids;
  for (const TableSchema* schema : tables) {
    schemas.emplace(schema->id.oid, schema);
    oids += (oids.empty() ? "{" : ",") + std::to_string(schema->id.oid);
  }
  if (oids.empty()) return {};
  const postgres::Result found = connection.run_planned(kColumns, {{oids + "}", std::string(types)}}, wait);
  std::vector<MadeOf> columns;
  for (int row = 0; row < found.rows(); ++row) {
    const TableSchema* const schema = schemas.at(found.integer(row, 0));
    std::string name = found.string(row, 1);
    // Excluded ones are nobody's concern.
    if (std::ranges::find(schema->columns, name, &Column::name) != schema->columns.end())
      columns.push_back({schema, std::move(name)});
  }
  return columns;
}

}  // namespace peerd
