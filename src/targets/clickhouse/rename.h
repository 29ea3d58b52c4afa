#pragma once

#include "clickhouse/client.h"
#include "clickhouse/schema.h"

// Columns of a target table that have other names at the source by now. ClickHouse has no transactions: an ALTER is done or not
// done, and what it left is told by the names; where these go round in a circle, by a comment on peerd's version column.
namespace peerd::clickhouse {

/// A table as it is laid out under its names of before and after.
struct Renamed {
  const MirrorTable &from, &to;
  const TableLayout &before, &after;
};

/// Throws, before anything is done, where the server cannot rename a column, a name is taken, or a view reads the column.
void rename_columns(Client& client, const Renamed& table, const ExistingTable& existing, const Wait& wait);
/// Undoes as much of rename_columns() as was done.
void take_back_names(Client& client, const Renamed& table, const Wait& wait);

}  // namespace peerd::clickhouse
