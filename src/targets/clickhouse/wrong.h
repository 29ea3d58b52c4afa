#pragma once

namespace peerd::clickhouse {

/// Of bytes that are no value of the source's type at all: a fault, and no value that does not fit. Known by its address.
inline constexpr char kMalformed[] = "not a value of the column's type";

}  // namespace peerd::clickhouse
