#pragma once

#include "clickhouse/layouts.h"
#include "clickhouse/leftovers.h"
#include "clickhouse/schema.h"
#include "peerd/changes/target_identity.h"

// RESYNC: the shadow is made like the table whose place it takes, and exchanged with it (EXCHANGE TABLES).
namespace peerd::clickhouse {

/// What these functions work with: the target's own.
struct ResyncWork {
  Client& client;
  StatementNames& names;
  const Layouts& layouts;
  Fsync fsync;
};

/// Why the table cannot be copied anew. Changes nothing.
Problems check_resync(ResyncWork work, const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait);

/// Makes the shadow where there is none, like the table that stands: its engine, order, settings, codecs and an operator's own
/// columns, without columns that the source has no more; where the table does not fit the source's any more, or is
/// gone, as a mirror makes its tables. Answers whether it is the mirror's own make.
bool make_shadow(ResyncWork work, const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait);

/// Drops the shadow, if there is one of this mirror's.
void drop_shadow(ResyncWork work, const MirrorTable& table, const Wait& wait);

/// Puts the shadow into the table's place, once, and drops what stood there.
void exchange(ResyncWork work, const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait);

}  // namespace peerd::clickhouse
