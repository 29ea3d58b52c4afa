#pragma once

#include "phase.h"

namespace peerd {

// on_spool_full = 'drop_slot': the source is saved, and the mirror needs a RESYNC. First it is noted that the slot is followed no
// more, then it is dropped; a crash in between is made up for by the next attempt.

/// The slot was given up, and no RESYNC was asked for since: there is nothing to go on from.
bool gave_slot_up(const MirrorProgress& progress);
/// Notes it. `full`: why the spool takes nothing more. REQUIRES: the stream is closed.
void give_slot_up(PhaseContext& context, const Lease& lease, const std::string& full, std::uint64_t budget);
/// Drops it, if it still stands, and what the spool holds; then throws position_lost: what is lost, and the cure.
[[noreturn]] void drop_given_up(PhaseContext& context, const std::stop_token& stop);

}  // namespace peerd
