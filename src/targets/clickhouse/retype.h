#pragma once

#include "clickhouse/client.h"
#include "clickhouse/schema.h"

// Columns of a target table that have other types at the source by now.
namespace peerd::clickhouse {

/// A table as it is laid out with its types of before and after; columns are called alike.
struct Retyped {
  const MirrorTable &from, &to;
  const TableLayout &before, &after;
};

/// What MODIFY COLUMN makes of each value is its text at the source as the new type has it. Where the text is another one, Postgres
/// wrote the whole table anew, and its rows come once more.
bool keeps_values(const ColumnType& before, const ColumnType& after);

/// Gives the columns their new types; answers whether any was altered. Throws, before anything is done, where the server would keep
/// other values, or alters no column of a key.
bool retype_columns(Client& client, const Retyped& table, const ExistingTable& existing, const Wait& wait);

}  // namespace peerd::clickhouse
