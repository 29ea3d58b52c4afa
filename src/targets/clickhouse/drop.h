#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/insert.h"
#include "clickhouse/schema.h"
#include "peerd/changes/target_identity.h"

// Columns of a target table that were dropped at the source (dropped_columns = 'drop').
namespace peerd::clickhouse {

struct Dropped {
  const MirrorTable& table;
  std::vector<std::string> names;     ///< As the target has them.
  std::vector<std::int16_t> numbers;  ///< The source's.
  std::string mirror;                 ///< For people.
};

/// In one ALTER, which leaves a mark of it. Throws, before anything is done, where a column is of the table's key or a view reads it.
void drop_columns(Client& client, StatementNames& names, const Dropped& dropped, const ExistingTable& existing, const Wait& wait);
/// The numbers of that source table's columns that were dropped here.
std::vector<std::int16_t> dropped_numbers(const ExistingTable& existing, TableId source);

/// Columns of the table that were the source's when it was noted, and are not any more.
std::vector<std::string> gone_columns(const ExistingTable& existing, const TableLayout& layout, const std::optional<TargetIdentity>& noted);

}  // namespace peerd::clickhouse
