#pragma once

#include "peerd/changes/target_identity.h"
#include "postgres/ownership.h"

// RESYNC: rows are copied into a table like the target's, and take the place of its rows in one transaction. The table itself
// stays what it is: with its rights, indexes, foreign keys, views, policies, partitions and whatever else hangs on it, and
// readers are not kept waiting. docs/adr/0014.
namespace peerd::pgtarget {

/// Its name, with its schema: "s"."_peerd_resync_t".
std::string shadow_of(const MirrorTable& table);

/// Why the table cannot be copied anew. Changes nothing.
Problems check_resync(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);

// REQUIRES of the rest: a fenced transaction, which the caller commits.

/// Makes it like the table, in the shape that the source has now; one that is there already goes.
TargetIdentity make_shadow(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);
void drop_shadow(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);
/// Idempotent.
TargetIdentity take_shadow(postgres::Connection& connection, const Site& site, const MirrorTable& table,
                           const TargetIdentity& shadow, const Wait& wait);

}  // namespace peerd::pgtarget
