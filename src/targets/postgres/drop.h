#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "postgres/found.h"

// Columns that were dropped at the source, and are dropped here with the rows that come without them (dropped_columns = 'drop').
// REQUIRES of what changes anything: a fenced transaction.
namespace peerd::pgtarget {

/// Of those that the mirror has written to: columns that `table` has not any more.
std::vector<std::string> gone_columns(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Found& found,
                                      const Wait& wait);
/// What the server would not let go without CASCADE, for people, and of these columns: views, triggers. (What is made, of which column.)
std::vector<std::pair<std::string, std::string>> dependents(postgres::Connection& connection, const std::vector<std::string>& columns,
                                                            const Found& found, const Wait& wait);
/// Without CASCADE: throws, naming it, where something is made of them, or of them and of others too. One that stands not, or that
/// the target computes, is passed over.
void drop_gone(postgres::Connection& connection, const Site& site, const MirrorTable& table, const std::vector<std::string>& columns,
               Found& found, const Wait& wait);
/// Those that `to` has not are dropped, and remembered as that; `from` goes on without them.
void drop_lost(postgres::Connection& connection, const Site& site, MirrorTable& from, const MirrorTable& to, Found& found,
               const Wait& wait);
std::vector<std::int16_t> read_dropped(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

}  // namespace peerd::pgtarget
