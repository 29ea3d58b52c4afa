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
};

/// nullopt when there is no such relation.
std::optional<CatalogTable> read_table(postgres::Connection& connection, const MappedTable& table, const Wait& wait);

/// Stands for the columns' rows in pg_attribute: whoever alters a column writes its row anew, and a rewrite that keeps all
/// values does not.
std::int64_t columns_mark(postgres::Connection& connection, TableId table, const Wait& wait);

/// The table for the mirror. Throws Error(source_unfit) when it has no usable key.
MirrorTable mirror_table(const CatalogTable& found, const MappedTable& mapped);

/// A column that the stream met and the schema does not know, as the catalog has it now.
struct AddedColumn {
  Column column;            ///< As the Relation message says, with the catalog's nullability and missing value.
  bool in_catalog = false;  ///< Dropped or renamed again when false.
  /// Rows older than it hold values that neither the stream nor the catalog tells (a volatile default, an identity).
  bool backfill_unknown = false;
};
AddedColumn read_added_column(postgres::Connection& connection, TableId table, const Column& sent, const Wait& wait);

}  // namespace peerd
