#pragma once

#include "clickhouse/client.h"
#include "clickhouse/layouts.h"
#include "peerd/base/error.h"
#include "peerd/changes/table.h"

namespace peerd::clickhouse {

/// What a mapping asks for and cannot have: a type that does not hold every value as it is, an engine that does not
/// keep every
/// row right, an ORDER BY or PARTITION BY that lets a deleted or rekeyed row come back (rules.md 3, 4), columns that
/// are not
/// there. When there is none, the table can be laid out.
Problems check_asked(const Layouts& layouts, const MirrorTable& table);

/// Whether the server would make the table: it makes a temporary one, which goes with the statement. Asks nothing
/// where the user
/// may not make such.
Problems check_makeable(Client& client, const Mapped& mapped, const TableLayout& layout, const Wait& wait);

}  // namespace peerd::clickhouse
