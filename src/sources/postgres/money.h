#pragma once

#include <span>

#include "peerd/changes/table.h"
#include "postgres/slot.h"
#include "postgres/source_names.h"

namespace peerd {

/// A money value is a number of the smallest coins; how many make one is told by lc_monetary alone. Sessions of peerd read it
/// as C does, with two digits. Where the database's own lc_monetary has another count (yen, dinar) each value would be told a
/// hundred or ten times wrong: the column is refused. Empty when nothing of the table is money, or two is right.
Problems money_unfit(postgres::Connection& connection, const TableSchema& schema, const Wait& wait);
/// The same of tables that a mirror has already: the setting may have become another one, or a column been added. Throws
/// Error(schema_changed). Asks on a connection of its own when there is something to ask: a session keeps what it began with.
void check_money(postgres::Connection& connection, const Connect& connect, std::span<const MirrorTable> tables,
                 const Wait& wait);

}  // namespace peerd
