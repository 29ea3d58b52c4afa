#include "postgres/inheritance.h"

namespace peerd {

std::map<std::uint32_t, std::string> unmapped_children(postgres::Connection& connection, std::span<const MirrorTable> tables,
                                                       const Wait& wait) {
  std::string oids;
  for (const MirrorTable& table : tables) oids += (oids.empty() ? "{" : ",") + std::to_string(table.schema.id.oid);
  if (oids.empty()) return {};
  const postgres::Result found = connection.run(
      "WITH RECURSIVE below(root, rel) AS (SELECT c.oid, c.oid FROM pg_class c WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'r'"
      " UNION SELECT b.root, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.rel)"
      " SELECT b.root, string_agg(format('%I.%I', n.nspname, k.relname), ', ' ORDER BY n.nspname, k.relname)"
      " FROM below b JOIN pg_class k ON k.oid = b.rel JOIN pg_namespace n ON n.oid = k.relnamespace"
      " WHERE b.rel <> b.root AND NOT b.rel = ANY ($1::oid[]) GROUP BY b.root",
      {{oids + "}"}}, wait);
  std::map<std::uint32_t, std::string> said;
  for (int row = 0; row < found.rows(); ++row) {
    const auto oid = static_cast<std::uint32_t>(found.integer(row, 0));
    for (const MirrorTable& table : tables) {
      if (table.schema.id.oid != oid) continue;
      said[oid] = "table " + table.schema.qualified() + " has children by inheritance that are not mapped: " + found.string(row, 1) +
                  "; their rows, which a SELECT of the parent shows at the source, arrive only where they are mapped themselves";
    }
  }
  return said;
}

}  // namespace peerd
