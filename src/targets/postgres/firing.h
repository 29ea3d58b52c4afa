#pragma once

#include "peerd/base/error.h"
#include "peerd/changes/table.h"
#include "postgres/client.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// What at the target would fire on the mirror's own changes and alter, add or hold them up: triggers, foreign keys in
/// both directions, rules, row security. Of a session in the replica role (client.h) only what an operator made to fire
/// there is left; triggers of that kind are their wish, and no problem. Changes nothing.
Problems check_firing(postgres::Connection& connection, const Site& site, const MirrorTable& table,
                      const postgres::QualifiedName& name, const Standing& standing, const Wait& wait);

}  // namespace peerd::pgtarget
