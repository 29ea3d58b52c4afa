#include "postgres/parts.h"

#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::Result;
using Parameters = std::vector<std::optional<std::string>>;

constexpr std::string_view kLostColumns =
    "SELECT c.name, c.number, a.attnum, n.attname FROM _peerd.columns c"
    " LEFT JOIN pg_attribute a ON a.attrelid = c.table_oid AND a.attname = c.name"
    " LEFT JOIN pg_attribute n ON n.attrelid = c.table_oid AND n.attnum = c.number AND NOT n.attisdropped"
    " WHERE c.table_oid = $1::oid AND a.attnum IS DISTINCT FROM c.number ORDER BY c.number";

/// Of the tables of the array $1. A default that is altered is another row of pg_attrdef.
constexpr std::string_view kColumnSum =
    "(SELECT coalesce(sum(hashtext(format('%s %s %s %s %s %s', a.attrelid, a.attnum, a.atttypid, a.atttypmod, a.attcollation, d.oid))), 0)"
    " FROM _peerd.columns c JOIN pg_attribute a ON a.attrelid = c.table_oid AND a.attnum = c.number"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE c.table_oid = ANY ($1::oid[]))";

/// One that is being detached CONCURRENTLY still stands there, and takes no rows any more.
std::string attached(Connection& connection) {
  constexpr int kDetachesConcurrently = 140000;
  return connection.server_version() < kDetachesConcurrently ? "true" : "NOT i.inhdetachpending";
}

// pg_partition_tree() would lock thousands of them. Only a partitioned table's children are partitions.
void learn_partitions(Connection& connection, const Site& site, const Parameters& oid, const Wait& wait) {
  connection.run("INSERT INTO _peerd.partitions (table_oid, partition, parent, leaf, name, mirror)"
                 " WITH RECURSIVE own (oid, parent) AS (SELECT oid, 0::oid FROM pg_class WHERE oid = $1::oid AND relkind = 'p'"
                 " UNION ALL SELECT i.inhrelid, i.inhparent FROM own JOIN pg_inherits i ON i.inhparent = own.oid AND " +
                     attached(connection) +
                     ") SELECT $1::oid, own.oid, own.parent, c.relkind <> 'p', format('%I.%I', n.nspname, c.relname), " +
                     quote_literal(site.uuid) +
                     " FROM own JOIN pg_class c ON c.oid = own.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
                     " WHERE own.parent <> 0 ON CONFLICT (table_oid, partition) DO NOTHING",
                 oid, wait);
}

/// One that was attached since, and is the target of another mapping: what empties the whole would take its rows.
void refuse_mapped_partition(Connection& connection, const MirrorTable& table, const Parameters& oid, const Wait& wait) {
  const Result found = connection.run(
      "SELECT p.name, p.parent::regclass FROM _peerd.partitions p JOIN pg_class c ON c.oid = p.partition"
      " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN _peerd.tables t ON t.schema_name = n.nspname AND t.table_name = c.relname"
      " WHERE p.table_oid = $1::oid ORDER BY p.partition LIMIT 1",
      oid, wait);
  if (found.rows() == 0) return;
  ErrorText text = lost_table(table.schema.qualified());
  text.message = "partition " + found.string(0, 0) + " of target table " + postgres::parse_qualified(table.target_name).quoted() +
                 " is a table to which a mirror writes by itself: a TRUNCATE or a new copy of the one would take the other's rows";
  text.hint = "ALTER TABLE " + found.string(0, 1) + " DETACH PARTITION " + found.string(0, 0) + " at the target, and RESUME MIRROR";
  throw Error(std::move(text));
}

void learn_columns(Connection& connection, const Site& site, const MirrorTable& table, const Parameters& oid,
                   const Wait& wait) {
  std::vector<std::string> names;
  for (const Column& column : table.schema.columns) names.push_back(quote_literal(column.name));
  for (const std::string& own : {site.soft_delete, site.synced_at})
    if (!own.empty()) names.push_back(quote_literal(own));
  connection.run("INSERT INTO _peerd.columns (table_oid, name, number, mirror) SELECT attrelid, attname, attnum, " +
                     quote_literal(site.uuid) + " FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND attname IN (" +
                     join(names, ", ") + ") ON CONFLICT (table_oid, name) DO NOTHING",
                 oid, wait);
}

void require_columns(Connection& connection, const std::string& target, ErrorText about, const Parameters& oid,
                     const Wait& wait) {
  const Result lost = connection.run(kLostColumns, oid, wait);
  if (lost.rows() == 0) return;
  std::vector<std::string> names, words;
  for (int row = 0; row < lost.rows(); ++row) {
    names.push_back(quote_identifier(lost.string(row, 0)));
    words.push_back(names.back() + " was column " + lost.string(row, 1) + " of the table, which " +
                    (lost.null(row, 3) ? "was dropped" : "is named " + quote_identifier(lost.string(row, 3)) + " now") +
                    (lost.null(row, 2) ? "" : "; column " + lost.string(row, 2) + " has its name"));
  }
  const bool one = names.size() == 1;
  about.message = (one ? "column " : "columns ") + join(names, ", ") + " of " + target +
                  (one ? " is not the one that this mirror has written to" : " are not those that this mirror has written to");
  about.detail = join(words, "; ");
  throw Error(std::move(about));
}

void require_partitions(Connection& connection, const std::string& target, ErrorText about, const Parameters& oid,
                        const Wait& wait) {
  const Result lost = connection.run(
      "SELECT p.name, p.parent::regclass, CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END"
      " FROM _peerd.partitions p"
      " LEFT JOIN pg_class c ON c.oid = p.partition LEFT JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE p.table_oid = $1::oid AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = p.partition"
      " AND i.inhparent = p.parent AND " + attached(connection) + ") ORDER BY c.oid IS NOT NULL, p.partition",
      oid, wait);
  if (lost.rows() == 0) return;
  const bool gone = lost.null(0, 2);
  about.message = "partition " + lost.string(0, 0) + " of " + target +
                  (gone ? " is gone, with the rows that were in it" : " was detached, with the rows that are in it");
  if (lost.rows() > 1) about.detail = std::to_string(lost.rows()) + " partitions are not where they were noted";
  if (!gone) {
    about.hint = "ALTER TABLE " + lost.string(0, 1) + " ATTACH PARTITION " + lost.string(0, 2) +
                 " … as it was, and RESUME MIRROR; or " + about.hint.substr(about.hint.find("RESYNC TABLE"));
  }
  throw Error(std::move(about));
}

}  // namespace

void note_parts(Connection& connection, const Site& site, const MirrorTable& table, std::uint32_t oid, const Wait& wait) {
  const Parameters of{std::to_string(oid)};
  connection.run("DELETE FROM _peerd.columns WHERE table_oid = $1::oid", of, wait);
  connection.run("DELETE FROM _peerd.partitions WHERE table_oid = $1::oid", of, wait);
  connection.run("DELETE FROM _peerd.names WHERE table_oid = $1::oid", of, wait);
  learn_parts(connection, site, table, oid, wait);
}

void learn_parts(Connection& connection, const Site& site, const MirrorTable& table, std::uint32_t oid, const Wait& wait) {
  const Parameters of{std::to_string(oid)};
  learn_columns(connection, site, table, of, wait);
  learn_partitions(connection, site, of, wait);
  refuse_mapped_partition(connection, table, of, wait);
}

void require_parts(Connection& connection, const MirrorTable& table, std::uint32_t oid, const Wait& wait) {
  const std::string target = "target table " + postgres::parse_qualified(table.target_name).quoted();
  const Parameters of{std::to_string(oid)};
  require_columns(connection, target, lost_table(table.schema.qualified()), of, wait);
  require_partitions(connection, target, lost_table(table.schema.qualified()), of, wait);
}

void prepare_parts_check(Connection& connection, const Wait& wait) {
  // Thousands of partitions are counted, and their numbers summed up, on both sides; nothing is sent.
  const auto total = [](const std::string& partition, const std::string& parent, const std::string& from) {
    return "(SELECT format('%s %s', count(*), sum(hashint8((" + partition + "::bigint << 32) | " + parent + "::bigint))) FROM " +
           from + ")";
  };
  const std::string noted = "_peerd.partitions p WHERE p.table_oid = ANY ($1::oid[])";
  connection.prepare(
      kPartsCheck,
      "SELECT 1 / (NOT EXISTS (SELECT FROM _peerd.columns c LEFT JOIN pg_attribute a"
      " ON a.attrelid = c.table_oid AND a.attname = c.name"
      " WHERE c.table_oid = ANY ($1::oid[]) AND a.attnum IS DISTINCT FROM c.number)"
      // SET UNLOGGED: a crash would empty it.
      " AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY ($1::oid[]) AND c.relkind <> 'p' AND c.relpersistence <> 'p')"
      " AND NOT EXISTS (SELECT FROM _peerd.partitions p JOIN pg_class c ON c.oid = p.partition"
      " WHERE p.table_oid = ANY ($1::oid[]) AND p.leaf AND c.relpersistence <> 'p') AND " +
          total("p.partition", "p.parent", noted) + " = " +
          total("i.inhrelid", "i.inhparent",
                "(SELECT c.oid FROM pg_class c WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'p' UNION ALL SELECT p.partition FROM " +
                    noted + " AND NOT p.leaf) AS above (oid) JOIN pg_inherits i ON i.inhparent = above.oid AND " +
                    attached(connection)) +
          " AND " + std::string(kColumnSum) + " = $2::bigint)::integer",
      wait);
}

std::int64_t column_sum(Connection& connection, const std::string& oid, const Wait& wait) {
  return connection.run("SELECT " + std::string(kColumnSum), Parameters{"{" + oid + "}"}, wait).integer(0, 0);
}

}  // namespace peerd::pgtarget
