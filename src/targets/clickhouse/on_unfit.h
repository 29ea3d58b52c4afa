#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/layouts.h"
#include "peerd/base/error.h"
#include "peerd/targets/unfit_values.h"

namespace peerd::clickhouse {

/// The mirror's on_unfit_value. Throws Error(invalid_option) for another word.
OnUnfit on_unfit_of(const MirrorSpec& mirror);

/// Lays the table out for it: what is to be clamped comes as text.
void prepare_unfit(TableLayout& layout, const TableSchema& schema, OnUnfit on_unfit);

/// Columns for whose unfit values there is no place to be: NOT NULL ones, where NULL is asked for.
Problems check_unfit(const TableLayout& layout, const TableSchema& schema);

/// As figures, from what a block has counted by column.
std::vector<UnfitValues> unfit_values(const TableLayout& layout, TableId table, const std::vector<std::uint64_t>& counts);

}  // namespace peerd::clickhouse
