#pragma once

#include <map>
#include <optional>
#include <span>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"
#include "postgres/partitions.h"

// What the source's catalog says now of tables that are known by their OIDs.
namespace peerd {

struct LookedColumn {
  std::int16_t number = 0;
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t type_modifier = -1;
  std::string type_name;
  bool dropped = false, generated = false;
  /// pg_attribute.atthasmissing: rows older than the column show missing_value. A rewrite of the table takes it away.
  bool has_missing = false;
  std::optional<std::string> missing_value;  ///< Only when asked for.
  /// Only when asked for. Of a partitioned table, whose partitions keep it: it is not the same in all of them.
  bool missing_differs = false;
  CatalogNotes::Mark mark;
};

struct LookedTable {
  std::uint32_t file_node = 0;
  /// xmin of its row in pg_class: who gave it its file, unless the row was altered since.
  std::uint32_t written_by = 0;
  /// What SET UNLOGGED would have taken from it, or kept it from: its file, its TOAST table, the files of sequences
  /// that it owns (from 15 on), its own places in publications, in which no table can be made unlogged.
  std::vector<std::string> logged;
  std::vector<LookedColumn> columns;  ///< By number; dropped and generated ones too.
  std::vector<LookedPartition> partitions;

  const LookedColumn* find(std::int16_t number) const;
  const LookedColumn* find(const std::string& name) const;  ///< Not among dropped ones.
};

enum class MissingValues { no, yes };

/// By OID; tables that do not exist are left out. Waits for no lock on a table.
std::map<std::uint32_t, LookedTable> look_at(postgres::Connection& connection, std::span<const TableId> tables,
                                             MissingValues missing, const Wait& wait);

/// The only element of an array in its text form, whatever its type: array_out() puts quotes around it when it needs
/// any, and nothing else. Pure.
std::string only_element(std::string_view array);

}  // namespace peerd
