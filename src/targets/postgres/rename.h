#pragma once

#include "postgres/found.h"

// Columns of a target table that have other names at the source by now.
namespace peerd::pgtarget {

/// The columns that both have get their names in `to`; the table is then `from` with these names, which is what `from` becomes.
/// Does nothing where they have them. REQUIRES: a fenced transaction. Throws, and renames none, where a name is taken.
void rename_columns(postgres::Connection& connection, const Site& site, MirrorTable& from, const MirrorTable& to, Found& found,
                    const Wait& wait);
/// Undoes rename_columns() of a transaction that may have been committed.
void take_back_names(postgres::Connection& connection, const Site& site, const MirrorTable& from, const MirrorTable& to,
                     const Wait& wait);

}  // namespace peerd::pgtarget
