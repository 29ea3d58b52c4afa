#include "postgres/standing.h"

#include <unordered_map>

#include "peerd/postgres/array_literal.h"
#include "peerd/base/text.h"

namespace peerd {
namespace {

// to_jsonb: columns that a version of Postgres does not have are null instead of an error.
constexpr std::string_view kPublication =
    "SELECT p.oid, p.xmin::text, p.pubowner, concat_ws(', ', CASE WHEN NOT p.pubinsert THEN 'insert' END,"
    "   CASE WHEN NOT p.pubupdate THEN 'update' END, CASE WHEN NOT p.pubdelete THEN 'delete' END,"
    "   CASE WHEN NOT p.pubtruncate THEN 'truncate' END),"
    " coalesce((to_jsonb(p) ->> 'pubviaroot')::boolean, false),"
    " coalesce(to_jsonb(p) ->> 'pubgencols', 'n') NOT IN ('n', 'false'),"
    " coalesce(obj_description(p.oid, 'pg_publication'), '')"
    " FROM pg_publication p WHERE p.pubname = $1";

// A partition is published by whatever it is a part of. `links` holds the xmin of the rows that attach it: detached and
// attached again, it has others.
constexpr std::string_view kPaths =
    "WITH RECURSIVE p AS (SELECT oid, puballtables FROM pg_publication WHERE pubname = $1),"
    " wanted AS (SELECT oid::oid FROM unnest($2::oid[]) w(oid)),"
    " chain(leaf, rel, links) AS (SELECT oid, oid, '' FROM wanted UNION ALL"
    "   SELECT c.leaf, i.inhparent, c.links || ' ' || i.xmin::text FROM chain c"
    "   JOIN pg_class k ON k.oid = c.rel AND k.relispartition JOIN pg_inherits i ON i.inhrelid = c.rel),"
    " path(leaf, above, path) AS ("
    "   SELECT c.leaf, c.rel <> c.leaf, 'table ' || r.oid || c.links FROM chain c JOIN pg_publication_rel r ON r.prrelid = c.rel"
    "   JOIN p ON p.oid = r.prpubid"
    "   UNION ALL SELECT w.oid, k.relispartition, 'all tables' FROM wanted w JOIN pg_class k ON k.oid = w.oid, p"
    "   WHERE p.puballtables";

// ALTER TABLE … SET SCHEMA writes the table's row in pg_depend anew: out of the schema and back leaves another xmin.
constexpr std::string_view kSchemaPaths =
    "   UNION ALL SELECT c.leaf, c.rel <> c.leaf, 'schema ' || s.oid || ' ' || d.xmin::text || c.links FROM chain c"
    "   JOIN pg_class k ON k.oid = c.rel JOIN pg_publication_namespace s ON s.pnnspid = k.relnamespace"
    "   JOIN p ON p.oid = s.pnpubid JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.rel"
    "   AND d.objsubid = 0 AND d.refclassid = 'pg_namespace'::regclass AND d.refobjid = k.relnamespace";

// One row for each path of each table; one with NULL for a table without any.
constexpr std::string_view kEachPath = ") SELECT w.oid, t.path, t.above FROM wanted w LEFT JOIN path t ON t.leaf = w.oid"
                                       " ORDER BY w.oid, t.path COLLATE \"C\"";

constexpr std::string_view kTables =
    "WITH wanted AS (SELECT oid::oid FROM unnest($2::oid[]) w(oid)),"
    " filtered AS (SELECT r.prrelid AS oid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
    "   WHERE p.pubname = $1 AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL)),"
    " key AS (SELECT i.indrelid AS oid, i.indexrelid, i.indimmediate, i.indisvalid AND i.indisunique AND i.indpred IS NULL"
    "   AND i.indexprs IS NULL AS valid, i.indkey, i.indnkeyatts FROM pg_index i JOIN wanted w ON w.oid = i.indrelid"
    "   JOIN pg_class c ON c.oid = i.indrelid"
    "   WHERE CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END)"
    " SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, f.oid IS NOT NULL,"
    " m.generated, c.reltoastrelid, m.mark,"
    " k.indexrelid IS NOT NULL, quote_ident(xn.nspname) || '.' || quote_ident(x.relname), k.indimmediate, k.valid,"
    " coalesce(r.oid, 0), r.conname,"
    " CASE WHEN NOT k.indimmediate THEN regexp_replace(pg_get_constraintdef(r.oid), ' (NOT )?DEFERRABLE.*$', '') END,"
    " (SELECT string_agg(u.attnum::text, ' ' ORDER BY u.attnum) FROM unnest(k.indkey::int2[]) WITH ORDINALITY u(attnum, place)"
    "   WHERE u.place <= k.indnkeyatts),"
    " (SELECT string_agg(a.attname, chr(1) ORDER BY u.place) FROM unnest(k.indkey::int2[]) WITH ORDINALITY u(attnum, place)"
    "   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum WHERE u.place <= k.indnkeyatts)"
    " FROM wanted w JOIN pg_class c ON c.oid = w.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN filtered f ON f.oid = w.oid LEFT JOIN key k ON k.oid = w.oid LEFT JOIN pg_class x ON x.oid = k.indexrelid"
    " LEFT JOIN pg_namespace xn ON xn.oid = x.relnamespace"
    " LEFT JOIN LATERAL (SELECT bool_or(a.attgenerated <> '') AS generated,"
    "   hashtextextended(string_agg(a.attnum || ':' || a.xmin::text, ',' ORDER BY a.attnum), 0) AS mark FROM pg_attribute a"
    "   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) m ON true"
    " LEFT JOIN pg_constraint r ON r.conindid = k.indexrelid AND r.conrelid = c.oid AND r.contype IN ('p', 'u')"
    " ORDER BY c.oid";

std::uint32_t number(const postgres::Result& result, int row, int column) {
  return static_cast<std::uint32_t>(result.integer(row, column));
}

TableStanding::Key read_key(const postgres::Result& result, int row) {
  TableStanding::Key key;
  key.index = result.string(row, 11);
  key.immediate = result.boolean(row, 12);
  key.valid = result.boolean(row, 13);
  key.constraint = number(result, row, 14);
  key.constraint_name = result.string(row, 15);
  key.definition = result.string(row, 16);
  key.numbers = result.string(row, 17);
  key.columns = split(result.text(row, 18), '\1');
  return key;
}

TableStanding read_table(const postgres::Result& result, int row) {
  TableStanding table;
  table.exists = true;
  table.schema = result.string(row, 1);
  table.name = result.string(row, 2);
  table.kind = result.text(row, 3)[0];
  table.persistence = result.text(row, 4)[0];
  table.identity = result.text(row, 5)[0];
  table.filtered = result.boolean(row, 6);
  table.generated = result.boolean(row, 7);
  table.toast = number(result, row, 8);
  table.columns_mark = result.null(row, 9) ? 0 : result.integer(row, 9);
  if (result.boolean(row, 10)) table.key = read_key(result, row);
  return table;
}

std::string array_of(std::span<const std::uint32_t> oids) {
  std::string text = "{";
  for (const std::uint32_t oid : oids) text += (text.size() > 1 ? "," : "") + std::to_string(oid);
  return text + "}";
}

}  // namespace

std::optional<PublicationStanding> read_publication(postgres::Connection& connection, const std::string& name,
                                                    const Wait& wait) {
  const postgres::Result result = connection.run(kPublication, {{name}}, wait);
  if (result.rows() == 0) return std::nullopt;
  PublicationStanding publication;
  publication.oid = number(result, 0, 0);
  publication.row = number(result, 0, 1);
  publication.owner = number(result, 0, 2);
  publication.missing = result.string(0, 3);
  publication.via_root = result.boolean(0, 4);
  publication.generated_columns = result.boolean(0, 5);
  publication.comment = result.string(0, 6);
  return publication;
}

std::string told_otherwise(const PublicationStanding& publication, const TableStanding& table) {
  if (table.kind == 'p' && !publication.via_root) return "publishes partitions by their own names, and not as rows of";
  if (table.from_above && publication.via_root) return "publishes, under its root's name, partition";
  return {};
}

std::vector<TableStanding> read_standings(postgres::Connection& connection, const std::string& publication,
                                          std::span<const std::uint32_t> oids, const Wait& wait) {
  std::unordered_map<std::uint32_t, TableStanding> found;
  const std::string wanted = array_of(oids);
  const postgres::Result tables = connection.run(kTables, {{publication, wanted}}, wait);
  for (int row = 0; row < tables.rows(); ++row) found[number(tables, row, 0)] = read_table(tables, row);
  std::string each_path(kPaths);
  if (connection.server_version() >= 150000) each_path += kSchemaPaths;
  each_path += kEachPath;
  const postgres::Result paths = connection.run(each_path, {{publication, wanted}}, wait);
  for (int row = 0; row < paths.rows(); ++row) {
    const auto at = found.find(number(paths, row, 0));
    if (at == found.end() || paths.null(row, 1)) continue;
    at->second.paths.push_back(paths.string(row, 1));
    at->second.from_above |= paths.boolean(row, 2);
  }
  std::vector<TableStanding> standings;
  for (const std::uint32_t oid : oids) standings.push_back(found[oid]);
  return standings;
}

std::vector<std::uint32_t> oids_of(postgres::Connection& connection, std::span<const MappedTable> tables,
                                   const Wait& wait) {
  std::vector<std::string_view> schemas, names;
  for (const MappedTable& table : tables) {
    schemas.push_back(table.source.schema);
    names.push_back(table.source.name);
  }
  const postgres::Result result = connection.run(
      "SELECT coalesce(c.oid, 0) FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(space, name, place)"
      " LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON n.nspname = w.space AND c.relname = w.name"
      " ORDER BY w.place",
      {{postgres::array_literal(schemas), postgres::array_literal(names)}}, wait);
  std::vector<std::uint32_t> oids;
  for (int row = 0; row < result.rows(); ++row) oids.push_back(number(result, row, 0));
  return oids;
}

}  // namespace peerd
