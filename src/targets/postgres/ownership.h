#pragma once

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/target_identity.h"
#include "postgres/bookkeeping.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

// A mirror's own tables at the target: made or adopted, widened, emptied, given their key. REQUIRES of all but
// check_table(): a fenced transaction, which the caller commits.

/// The server and the database. Changes nothing.
TargetIdentity read_identity(postgres::Connection& connection, const Wait& wait);

/// What make_table() would refuse. Changes nothing.
Problems check_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

/// Makes the table, or adopts an operator's empty one, or widens the mirror's own. REQUIRES: all of its rows are to come.
TargetIdentity make_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);
TargetIdentity recognize_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);
CopyPlan verify_table(postgres::Connection& connection, const Site& site, const MirrorTable& table,
                      const TargetIdentity& noted, const Wait& wait);
void alter_table(postgres::Connection& connection, const Site& site, const MirrorTable& from, const MirrorTable& to,
                 const Wait& wait);

/// Empties the mirror's own table for a copy that starts at table.start, once; drops the key that it built, for a
/// quicker load; drops a table that it made in a shape that does not fit any more.
void restart_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

/// Adds the key where none stands, removing duplicates first (rules.md 11, 23). Idempotent.
void build_key(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

}  // namespace peerd::pgtarget
