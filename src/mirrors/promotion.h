#pragma once

#include "phase.h"

namespace peerd {

/// `now` is the place that the mirror follows, on a later timeline.
bool was_promoted(const MirrorProgress& progress, const SourceIdentity& now);

/// Goes on at a standby that was promoted (docs/adr/0021): notes its timeline when all that target and spool may hold
/// is in its history, and the slot is there as the standby kept it; throws position_lost else. Opens the target. A copy
/// that is under way is void on return.
void follow_promoted(PhaseContext& context, const MirrorProgress& progress, const SourceIdentity& now,
                     const std::stop_token& stop);

}  // namespace peerd
