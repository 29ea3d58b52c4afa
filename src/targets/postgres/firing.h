#pragma once

#include "peerd/base/error.h"
#include "peerd/changes/table.h"
#include "postgres/client.h"

namespace peerd::pgtarget {

/// What at the target would fire on the mirror's own changes and alter, add or hold them up: triggers, foreign keys in
/// both directions, rules, row security. Of a session in the replica role (client.h) only what an operator made to fire
/// there is left; triggers of that kind are their wish, and no problem. Changes nothing.
Problems check_firing(postgres::Connection& connection, const Site& site, const MirrorTable& table,
                      const postgres::QualifiedName& name, std::uint32_t oid, const Wait& wait);

/// The prepared statement that fails with a division by zero where check_firing() would find a trigger, a foreign key
/// or a rule of one of the tables, "{16401,16402}". All of these are added under a lock that whoever writes to the
/// table holds off: run after the last write of a transaction it tells whether any fired in it.
inline constexpr const char* kFiringCheck = "peerd_nothing_fires";
void prepare_firing_check(postgres::Connection& connection, const Wait& wait);

}  // namespace peerd::pgtarget
