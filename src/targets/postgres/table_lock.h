#pragma once

#include "peerd/postgres/connection.h"
#include "postgres/client.h"

namespace peerd::pgtarget {

/// Locks a target table, and its partitions, against everybody, until the end of the transaction: what ALTER, DROP and
/// TRUNCATE need. Who waits for that lock holds up all who come later, readers too. So each try waits a quarter of a
/// second and then steps aside for a while, 0.1 s at first and 5 s at last; the log says who is in the way. Goes on
/// until it has the lock, or until `wait` ends: then it throws Error(too_busy), which is tried again later.
/// REQUIRES: a transaction. Costs nothing where the lock is held already.
void lock_alone(postgres::Connection& connection, const Site& site, const postgres::QualifiedName& table,
                const Wait& wait);

}  // namespace peerd::pgtarget
