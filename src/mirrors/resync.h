#pragma once

#include "phase.h"

// RESYNC: what operators ask is noted of each table in the catalog; SNAPSHOT takes it from there.
namespace peerd {

bool resync_wanted(const MirrorProgress& progress);

/// All of the mirror's tables are to be copied anew: nothing hangs on its slot any more.
bool may_lose_slot(const MirrorProgress& progress);

/// Behind take_table_changes(): the tables that a RESYNC was asked of are described as they are at the source now, and from
/// then on copy_tables() copies them, from a start of their own. When that is all of them, another slot is made. Every step
/// is stored before the next and harmless when repeated.
void take_resyncs(PhaseContext& context, const std::stop_token& stop);

}  // namespace peerd
