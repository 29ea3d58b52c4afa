#pragma once

#include <string>

#include "phase.h"

namespace peerd {

/// "database "shop" of the server with system identifier 7…".
std::string words_of(const SourceIdentity& identity);

/// Each phase's first question: is the peer still the server, timeline and database that the mirror follows? Throws
/// position_lost when it is not (rules.md 33, 34). A standby that was promoted from there is followed, where that is
/// safe (promotion.h). Passes while nothing is noted. Returns what the peer is now.
SourceIdentity check_identity(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop);
/// The same of a mirror that is copied anew as a whole: the timeline may be any.
SourceIdentity check_place(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop);
/// The same of what the peer is `now`.
void require_noted(const MirrorContext& context, const MirrorProgress& progress, const SourceIdentity& now);

}  // namespace peerd
