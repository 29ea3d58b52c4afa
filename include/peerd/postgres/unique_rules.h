#pragma once

#include <vector>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd::postgres {

/// Which indexes count: at a source those that surely hold for every row of the table itself; at a target also those
/// of single partitions, and those that stand half-built: they refuse rows too.
enum class RulesOf : std::uint8_t { source, target };

/// Unique indexes and exclusion constraints of a table, of every kind. None when there is no such table.
std::vector<UniqueRule> read_unique_rules(Connection& connection, std::uint32_t table, RulesOf side, const Wait& wait);

}  // namespace peerd::postgres
