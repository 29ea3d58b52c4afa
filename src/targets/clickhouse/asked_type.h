#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/column_type.h"

namespace peerd::clickhouse {

/// The type of a column for which the mapping asks for `asked`, in ClickHouse's words: "Nullable(Decimal(18, 2))",
/// "LowCardinality(String)", "Array(UInt64)". Each value of it is the source's, or is refused; a key's are told apart
/// as at
/// the source (rules.md 3). Throws Error: what is no type (invalid_option), and what such a column cannot become
/// (not_supported), naming what it can. Nullable as `asked` says, or as the column is.
ColumnType asked_type(const Column& column, std::string_view asked);

/// What the mapping may ask for, for people: {"Int64", "Decimal(P, S)", …}.
std::vector<std::string> possible_types(const Column& column);

}  // namespace peerd::clickhouse
