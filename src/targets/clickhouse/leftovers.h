#pragma once

#include "clickhouse/client.h"
#include "clickhouse/insert.h"

namespace peerd::clickhouse {

/// Kills and awaits statements of this mirror that run on although their client is gone (rules.md 21): of other
/// instances up to this epoch. Never of a newer epoch, which has taken over.
void kill_leftovers(Client& client, const StatementNames& names, const Wait& wait);
/// The same for every statement on one table, this instance's too.
void kill_leftovers(Client& client, const StatementNames& names, TableId table, const Wait& wait);

/// The time between two inserts that the tables' active parts call for: `least`, and up to a minute as the most crowded
/// partition nears the count from which the server delays inserts (rules.md 22).
std::chrono::milliseconds interval_for_parts(std::chrono::milliseconds least, std::uint64_t parts,
                                             std::uint64_t delay_from);
std::chrono::milliseconds measure_interval(Client& client, std::string_view comment, std::chrono::milliseconds least,
                                           const Wait& wait);

}  // namespace peerd::clickhouse
