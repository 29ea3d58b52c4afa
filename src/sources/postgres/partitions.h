#pragma once

#include <map>
#include <span>

#include "peerd/postgres/connection.h"
#include "peerd/changes/table.h"

// The partitions of a partitioned table: what holds its rows. A publication with publish_via_partition_root sends their
// changes as the table's own (Postgres 13 and later; "ALTER PUBLICATION" in the SQL reference), by the replica identity
// of each partition.
namespace peerd {

/// One that holds rows, as the catalog has it.
struct LookedPartition {
  CatalogNotes::Partition note;  ///< unread is false.
  std::string quoted;            ///< Its name for statements.
  char kind = 'r';               ///< pg_class.relkind: 'r', or 'f' for a foreign table.
  char persistence = 'p';        ///< pg_class.relpersistence.
  char identity = 'd';           ///< pg_class.relreplident.
  std::vector<std::string> key;  ///< Columns by which its changes name rows, sorted; empty: none.
  /// xmin of its row in pg_class: who gave it its file, unless the row was altered since.
  std::uint32_t written_by = 0;
  bool readable = true, hides_rows = false;  ///< By the role's rights; by row security.
};

/// By the table's OID, each list by OID; tables that are not partitioned, and those without partitions, are left out.
std::map<std::uint32_t, std::vector<LookedPartition>> read_partitions(postgres::Connection& connection,
                                                                      std::span<const TableId> tables, const Wait& wait);

/// Why changes of the partition cannot be followed, and the statement that cures it; `what` is empty when they can.
struct UnfitPartition {
  std::string what, cure_sql;
};
UnfitPartition unfit(const TableSchema& table, const LookedPartition& partition);

/// Names of the key's columns, as LookedPartition::key has them.
std::vector<std::string> sorted_key(const TableSchema& table);

/// The table for FROM, with all of its rows and no other table's: "ONLY s.t", or "s.t" of a partitioned one.
std::string rows_of(const TableSchema& schema);

}  // namespace peerd
