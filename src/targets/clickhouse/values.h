#pragma once

#include <string_view>

#include "clickhouse/bytes.h"
#include "clickhouse/column_type.h"

namespace peerd::clickhouse {

// Each appends one value, not NULL, to `out` as a Native block has it, and returns nullptr; or appends nothing and
// returns what is wrong with the value, in words that do not show it. Never clamps, never rounds.

/// From Postgres's text form, under the pinned session settings.
const char* append_text(const ColumnType& type, std::string_view text, Bytes& out);
/// From COPY's binary form; of a column with copy_cast, the text.
const char* append_binary(const ColumnType& type, std::string_view bytes, Bytes& out);
/// The value that stands in a NOT NULL column of a tombstone, or under a NULL.
void append_default(const ColumnType& type, Bytes& out);

}  // namespace peerd::clickhouse
