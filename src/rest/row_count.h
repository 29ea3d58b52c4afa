#pragma once

#include <cstdint>
#include <string>

#include "peerd/base/clock.h"
#include "peerd/specs/peer_session.h"

namespace peerd::rest {

/// What is said of one table at one end.
struct RowCount {
  std::int64_t rows = -1;  ///< -1 = not known: there was no time to count, and there is no estimate.
  bool approximate = false;
};

/// Counts a table's rows at a Postgres server, for at most half a minute; where it is large the planner's estimate takes its
/// place. A `wait` that is over, before or meanwhile, is no error: the rows are not known then. `where` (" WHERE …", or "")
/// leaves out what is marked as deleted; an estimate cannot. Throws Error for a table that is not there.
RowCount count_rows(PeerSession& session, const std::string& table, const std::string& where, const Wait& wait);

}  // namespace peerd::rest
