#include "peerd/postgres/array_literal.h"
#include "postgres/named_tables.h"


namespace peerd {
namespace {

// A table's mark: whatever decides whether it can be mirrored and is its own; thousands that are mapped need none. Rows of one table
// follow each other, one for each whole that it is a part of. $1 and $2 are the patterns' schemas and names, $3 and $4 those of known tables.
constexpr std::string_view kTables =
    "SELECT n.nspname, c.relname,"
    " CASE WHEN (n.nspname::text, c.relname::text) IN (SELECT s, t FROM unnest($3::text[], $4::text[]) k(s, t)) THEN '' ELSE concat_ws(' ', c.oid, c.relpersistence, c.relreplident, c.relkind, c.relrowsecurity, c.relacl, c.relowner,"
    "  (SELECT string_agg(concat_ws(',', i.indexrelid, i.indisprimary, i.indisreplident, i.indisvalid, i.indimmediate), ';'"
    "    ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique),"
    "  (SELECT md5(string_agg(concat_ws(',', a.attnum, a.attname, a.atttypid, a.attnotnull, a.attgenerated), ';' ORDER BY a.attnum))"
    "    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),"
    "  (SELECT string_agg(r.prpubid::text, ',' ORDER BY r.prpubid) FROM pg_publication_rel r WHERE r.prrelid = c.oid)) END,"
    " wn.nspname, w.relname"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN LATERAL pg_partition_ancestors(CASE WHEN c.relispartition THEN c.oid END) above(oid) ON above.oid <> c.oid"
    " LEFT JOIN pg_class w ON w.oid = above.oid LEFT JOIN pg_namespace wn ON wn.oid = w.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384"
    " AND n.nspname NOT IN ('information_schema', '_peerd') AND n.nspname !~ '^pg_' AND c.relname !~ '^_peerd_resync_'"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
    " AND EXISTS (SELECT FROM unnest($1::text[], $2::text[]) p(s, t) WHERE n.nspname ~ p.s AND c.relname ~ p.t)"
    " ORDER BY n.nspname, c.relname, c.oid";

}  // namespace

std::vector<NamedTable> named_tables(postgres::Connection& connection, std::span<const TablePattern> patterns,
                                     std::span<const TableName> known, const Wait& wait) {
  std::vector<std::string> schemas, names, known_schemas, known_names;
  for (const TablePattern& pattern : patterns) {
    schemas.push_back(pattern.schema_regex());
    names.push_back(pattern.name_regex());
  }
  for (const TableName& table : known) {
    known_schemas.push_back(table.schema);
    known_names.push_back(table.name);
  }
  const auto array = [](const std::vector<std::string>& texts) {
    return postgres::array_literal(std::vector<std::string_view>(texts.begin(), texts.end()));
  };
  const postgres::Result rows = connection.run(kTables, {{array(schemas), array(names), array(known_schemas), array(known_names)}}, wait);
  std::vector<NamedTable> tables;
  for (int row = 0; row < rows.rows(); ++row) {
    const TableName name{rows.string(row, 0), rows.string(row, 1)};
    if (tables.empty() || tables.back().name != name) tables.push_back({name, rows.string(row, 2), {}});
    if (!rows.null(row, 3)) tables.back().wholes.push_back({rows.string(row, 3), rows.string(row, 4)});
  }
  return tables;
}

}  // namespace peerd
