#pragma once

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "postgres/bookkeeping.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

// A mirror's own tables at the target: made or adopted, widened, emptied, given their key. REQUIRES of all but
// check_table(): a fenced transaction, which the caller commits.

/// What prepare_table() would refuse. Changes nothing.
Problems check_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

CopyPlan prepare_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

/// Empties the mirror's own table for a copy that starts at table.start, once; drops the key that it built, for a
/// quicker load; drops a table that it made in a shape that does not fit any more.
void restart_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

/// Adds the key where none stands, removing duplicates first (rules.md 11, 23). Idempotent.
void build_key(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

}  // namespace peerd::pgtarget
