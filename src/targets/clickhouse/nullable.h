#pragma once

#include "clickhouse/client.h"
#include "clickhouse/schema.h"

namespace peerd::clickhouse {

/// The source has dropped a NOT NULL, and the mapping says that column `i` is to hold no NULL at the target.
[[noreturn]] void refuse_null(const TableLayout& layout, std::size_t i);
/// The source has dropped a NOT NULL, of which no message tells but the first NULL: lets column `i` hold it at the target,
/// too, and throws an Error that is tried again, with which the work at hand starts anew and finds the column as it is now.
[[noreturn]] void follow_null(Client& client, const MirrorTable& table, const TableLayout& layout, std::size_t i,
                              const Wait& wait);

}  // namespace peerd::clickhouse
