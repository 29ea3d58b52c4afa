#include "postgres/overlap.h"

#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::pgtarget {

std::optional<Problem> shares_rows(postgres::Connection& connection, const MirrorTable& table, const postgres::QualifiedName& name,
                                   const Standing& standing, std::span<const postgres::QualifiedName> others, const Wait& wait) {
  if (standing.oid == 0) return std::nullopt;
  std::string known = "(SELECT t.schema_name, t.table_name, m.name FROM _peerd.tables t LEFT JOIN _peerd.mirrors m ON m.uuid = t.mirror)";
  if (!others.empty()) {
    std::string rows;
    for (const postgres::QualifiedName& other : others)
      rows += (rows.empty() ? "(" : ", (") + quote_literal(other.schema) + ", " + quote_literal(other.name) + ", NULL)";
    known = "(VALUES " + rows + ")";
  }
  const std::vector<std::optional<std::string>> oid{std::to_string(standing.oid)};
  const auto found = connection.run(
      "SELECT format('%I.%I', n.nspname, c.relname), k.mirror FROM (SELECT relid FROM pg_partition_tree($1::oid)"
      " UNION SELECT relid FROM pg_partition_ancestors($1::oid)) r JOIN pg_class c ON c.oid = r.relid AND c.oid <> $1::oid"
      " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN " + known +
          " AS k (space, name, mirror) ON k.space = n.nspname AND k.name = c.relname ORDER BY 1 LIMIT 1",
      oid, wait);
  if (found.rows() == 0) return std::nullopt;
  const std::string owner = !others.empty() ? ", to which another table is mapped"
                            : found.null(0, 1) ? ", to which a mirror writes" : ", to which mirror " + found.string(0, 1) + " writes";
  return unfit(table,
               "target table " + name.quoted() + " is a part of table " + found.string(0, 0) + ", or its whole" + owner +
                   ": a TRUNCATE or a new copy of one would take the other's rows",
               "map the table to a target table that shares no rows with another mapping's");
}

}  // namespace peerd::pgtarget
