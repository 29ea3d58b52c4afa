#pragma once

#include <optional>

#include "peerd/changes/table.h"
#include "postgres/source_names.h"

// Tables as the source's catalog has them.
namespace peerd {

/// What the catalog says of a relation, before any judgement.
struct CatalogTable {
  TableSchema schema;      ///< Excluded and generated columns gone; key empty when it has none that pgoutput sends.
  char kind = 'r';         ///< pg_class.relkind.
  char persistence = 'p';  ///< 'p', 'u' (unlogged) or 't'.
  std::uint32_t file_node = 0;
  std::vector<std::string> missing_excludes;  ///< Excluded columns that do not exist.
  std::string unsent_key_column;              ///< A key column that is excluded or generated; the key is then empty.
  bool primary_key = false;                   ///< It has one, whatever its replica identity is.
};

/// nullopt when there is no such relation.
std::optional<CatalogTable> read_table(postgres::Connection& connection, const MappedTable& table, const Wait& wait);

/// Stands for the columns' rows in pg_attribute: whoever alters a column writes its row anew, and a rewrite that keeps all
/// values does not.
std::int64_t columns_mark(postgres::Connection& connection, TableId table, const Wait& wait);

/// The table for the mirror, its notes taken. Throws Error: not_found; source_unfit when it has no usable key.
MirrorTable describe_table(postgres::Connection& connection, const MappedTable& mapped, const Wait& wait);

/// The WAL carries whole rows of it, by which a target may tell them apart. Not of a partitioned table, whose
/// partitions have identities of their own.
bool may_be_keyless(const CatalogTable& found);

/// What gives it a key that the WAL carries. Pure.
std::string key_cure(const CatalogTable& found, const MappedTable& mapped);

}  // namespace peerd
