#pragma once

#include <string>
#include <string_view>

#include "clickhouse/column_type.h"

namespace peerd::clickhouse {

/// A value in Postgres's text form as an expression of ClickHouse's SQL, for DEFAULT clauses. Throws Error(bad_value)
/// as a row with that value would.
std::string literal(const TableLayout& layout, std::size_t column, std::string_view text);

}  // namespace peerd::clickhouse
