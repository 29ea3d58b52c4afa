#pragma once

#include <string_view>

#include "clickhouse/bytes.h"
#include "clickhouse/column_type.h"

namespace peerd::clickhouse {

/// Whether values of the type lie in a row, so that one of them is the nearest to any.
bool has_order(const ColumnType& type);

/// Appends the value of the type that is nearest to `text`, as Postgres rounds: halves away from zero, of times to the
/// later. An
/// infinity is the first or the last. False, and nothing appended: there is none (NaN).
bool append_nearest(const ColumnType& type, std::string_view text, Bytes& out);

}  // namespace peerd::clickhouse
