#pragma once

#include <optional>

#include "peerd/base/error.h"
#include "postgres/slot.h"

namespace peerd {

/// Opens a replication connection, as the mirror will, and asks whether it ends at the server that `control` leads to. A
/// pooler answers every other check. What the role or the server's limits forbid is left to the checks of those.
std::optional<Problem> replication_unfit(postgres::Connection& control, const Connect& connect,
                                         const postgres::ConnectOptions& options, const Wait& wait);

}  // namespace peerd
