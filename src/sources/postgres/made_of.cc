#include "postgres/made_of.h"

#include <algorithm>
#include <map>

namespace peerd {
namespace {

constexpr std::string_view kColumns =
    "WITH RECURSIVE made(type) AS (SELECT oid FROM pg_type"
    "   WHERE typnamespace = 'pg_catalog'::regnamespace AND typname = ANY ($2::text[]) UNION"
    " SELECT t.oid FROM pg_type t JOIN made m ON t.typelem = m.type OR t.typbasetype = m.type"
    "   OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND a.atttypid = m.type)"
    "   OR EXISTS (SELECT FROM pg_range r WHERE r.rngtypid = t.oid AND r.rngsubtype = m.type))"
    " SELECT a.attrelid, a.attname FROM pg_attribute a JOIN made m ON m.type = a.atttypid"
    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

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
  const postgres::Result found = connection.run(kColumns, {{oids + "}", std::string(types)}}, wait);
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
