#pragma once

#include "peerd/sources/source.h"
#include "postgres/slot.h"

namespace peerd {

/// Of a temporary replication slot's making (rules.md 41): what its snapshot shows is what the WAL holds as committed
/// before the slot's consistent point, to the transaction. A snapshot that a query takes would show neither more nor
/// less than what is visible at that moment, which is another order than the WAL's. The slot is gone on return.
/// `connection` tells who is waited for.
std::unique_ptr<HeldSnapshot> hold_snapshot(postgres::Connection& connection, const Connect& connect,
                                            const std::function<void(std::string)>& step, const Wait& wait);

/// The connection's next transaction, read-only, sees the snapshot of that name. False: it is not held any more; the
/// transaction is over.
bool begin_in_snapshot(postgres::Connection& connection, const std::string& name, const Wait& wait);

}  // namespace peerd
