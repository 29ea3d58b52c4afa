#pragma once

#include "postgres/found.h"

// A standing table follows its source's shape.
namespace peerd::pgtarget {

/// alter() within a source transaction is part of the target's, and goes with it where that is lost (a kill, a row that is refused). The
/// mirror knows the shape by then, the table and its notes in _peerd do not: it is done again. REQUIRES: a fenced transaction;
/// `found` is the table that was noted. `found` is as the table is then.
void alter_again(postgres::Connection& connection, const Site& site, const MirrorTable& table, Found& found, const Wait& wait);

}  // namespace peerd::pgtarget
