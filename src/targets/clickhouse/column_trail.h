#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/client.h"

namespace peerd::clickhouse {

/// What ALTERs have done to a table's columns. ClickHouse has no column numbers: one that was dropped and added again, or that
/// changed names with another, looks like the first. But each DROP, CLEAR and RENAME COLUMN stays in system.mutations for a
/// time (finished_mutations_to_keep, 100 by default).
struct ColumnTrail {
  struct Step {
    std::uint64_t number = 0;
    std::string command;  ///< "(RENAME COLUMN a TO `b c`)", as the server writes it.
  };
  std::vector<Step> steps;  ///< By number.
  std::uint64_t last() const { return steps.empty() ? 0 : steps.back().number; }
};
/// None where the user may not read system.mutations.
std::optional<ColumnTrail> read_trail(Client& client, std::string_view table, const Wait& wait);

/// Which of `columns` are not the ones that had these names at step `since`. Renamed, and back, is the same.
std::vector<std::string> replaced_columns(const ColumnTrail& trail, std::uint64_t since, const std::set<std::string>& columns);

}  // namespace peerd::clickhouse
