#include "postgres/partitions.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::string_view kPartitions =
    "WITH RECURSIVE tree(root, rel, link) AS ("
    "   SELECT c.oid, i.inhrelid, i.xmin::text FROM unnest($1::oid[]) r(oid)"
    "   JOIN pg_class c ON c.oid = r.oid AND c.relkind = 'p' JOIN pg_inherits i ON i.inhparent = c.oid"
    // Between the two transactions of DETACH PARTITION … CONCURRENTLY (from 14 on) it is none any more.
    "   WHERE NOT coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false)"
    "   UNION ALL SELECT t.root, i.inhrelid, t.link || ' ' || i.xmin::text FROM tree t"
    "   JOIN pg_class c ON c.oid = t.rel AND c.relkind = 'p' JOIN pg_inherits i ON i.inhparent = c.oid"
    "   WHERE NOT coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false))"
    " SELECT t.root, c.oid, n.nspname || '.' || c.relname, t.link, coalesce(pg_relation_filenode(c.oid), 0),"
    "   format('%I.%I', n.nspname, c.relname), c.relkind, c.relpersistence, c.relreplident, c.xmin,"
    "   (SELECT string_agg(a.attname, chr(1) ORDER BY a.attname COLLATE \"C\") FROM pg_index i"
    "     CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)"
    "     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number"
    "     WHERE i.indrelid = c.oid AND k.place <= i.indnkeyatts AND i.indisvalid AND i.indimmediate"
    "     AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary END),"
    "   has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid), c.reltoastrelid"
    " FROM tree t JOIN pg_class c ON c.oid = t.rel AND c.relkind <> 'p' JOIN pg_namespace n ON n.oid = c.relnamespace"
    " ORDER BY t.root, c.oid";

}  // namespace

std::vector<std::string> sorted_key(const TableSchema& table) {
  std::vector<std::string> names;
  for (const std::uint16_t column : table.key) names.push_back(table.columns[column].name);
  std::ranges::sort(names);
  return names;
}

std::map<std::uint32_t, std::vector<LookedPartition>> read_partitions(postgres::Connection& connection,
                                                                      std::span<const TableId> tables, const Wait& wait) {
  std::string oids = "{";
  for (const TableId& table : tables) oids += (oids.size() > 1 ? "," : "") + std::to_string(table.oid);
  const postgres::Result result = connection.run_planned(kPartitions, {{oids + "}"}}, wait);
  std::map<std::uint32_t, std::vector<LookedPartition>> found;
  for (int row = 0; row < result.rows(); ++row) {
    LookedPartition& part = found[static_cast<std::uint32_t>(result.integer(row, 0))].emplace_back();
    part.note.oid = static_cast<std::uint32_t>(result.integer(row, 1));
    part.note.name = result.string(row, 2);
    part.note.link = result.string(row, 3);
    part.note.file_node = static_cast<std::uint32_t>(result.integer(row, 4));
    part.quoted = result.string(row, 5);
    part.kind = result.text(row, 6)[0];
    part.persistence = result.text(row, 7)[0];
    part.identity = result.text(row, 8)[0];
    part.written_by = static_cast<std::uint32_t>(result.integer(row, 9));
    if (!result.null(row, 10)) part.key = split(result.text(row, 10), '\1');
    part.readable = result.boolean(row, 11);
    part.hides_rows = result.boolean(row, 12);
    part.note.toast = static_cast<std::uint32_t>(result.integer(row, 13));
  }
  return found;
}

UnfitPartition unfit(const TableSchema& table, const LookedPartition& partition) {
  const std::string name = "partition " + partition.note.name;
  if (partition.kind == 'f') {
    return {"has " + name + ", which is a foreign table: its changes are not in the WAL",
            "ALTER TABLE " + quote_identifier(table.schema) + "." + quote_identifier(table.name) + " DETACH PARTITION " +
                partition.quoted};
  }
  const std::string alter = "ALTER TABLE " + partition.quoted;
  if (partition.persistence != 'p')
    return {"has " + name + ", which is unlogged: its changes are not in the WAL", alter + " SET LOGGED"};
  // With FULL the changes carry every column.
  if (partition.identity == 'f' || partition.key == sorted_key(table)) return {};
  return {"has " + name + ", whose replica identity names its rows by other columns than the table's",
          table.identity == ReplicaIdentity::primary_key ? alter + " REPLICA IDENTITY DEFAULT"
                                                         : alter + " REPLICA IDENTITY FULL"};
}

std::string rows_of(const TableSchema& schema) {
  return (schema.partitioned ? "" : "ONLY ") + quote_identifier(schema.schema) + "." + quote_identifier(schema.name);
}

}  // namespace peerd
