#pragma once

#include <functional>
#include <optional>
#include <string>

#include "change_queue.h"
#include "phase.h"

namespace peerd {

/// Whether a stream goes through the mirror's spool, by its options and by how it stands.
struct SpoolUse {
  bool now = false;
  bool always = false;           ///< Asked for; else only until all of it is drained.
  bool may = false;              ///< when_needed: it begins when the WAL that is kept passes the budget.
  bool drops_slot = false;       ///< When the spool is full, the budget is passed and nothing is taken by the target.
  std::uint64_t budget = 0;      ///< In bytes; 0: nobody asks for it.
  /// A stream past the spool is to go through it: more WAL than the budget is kept, and the writer is behind.
  bool passes_budget(const PhaseContext& context, const ChangeQueue& queue) const;
};
SpoolUse spool_use(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop);

/// The same of a mirror that is paused and receives.
SpoolUse spool_use_paused(PhaseContext& context, const std::stop_token& stop);

/// Streams through the spool: what is received is on disk before it is applied, and the source may let go of it then. The
/// target may fail meanwhile, and is tried again by the writer. As stream_changes() else.
void stream_through_spool(PhaseContext& context, const MirrorProgress& progress, const SpoolUse& use, const std::stop_token& stop,
                          const std::function<void()>& working);

/// What stands against receiving while the mirror is paused: with the cure, as PAUSE MIRROR's refusal. None: it can.
/// `spools`: the directory of all mirrors' spools.
std::optional<ErrorText> why_not_receive(const MirrorRecord& mirror, const MirrorProgress& progress, const std::string& spools);
/// MirrorRecord::reason of a mirror that was paused.
std::string pause_reason(bool receives);

/// What a mirror that copies tables receives beside it, on another thread than the phase's, and with a Source of its own.
/// Waits until it is to: with spool = 'always' at once, with 'when_needed' when the WAL that is kept passes the budget. False on
/// a stop, and when it never is.
bool await_need_to_receive(PhaseContext& context, const std::stop_token& stop);
/// Receives into the spool until the stop, for the tables as the catalog has them now. REQUIRES: no table that begins anew has
/// its start before this has returned (src/mirrors/copy_receiver.h).
void receive_beside_copy(PhaseContext& context, const std::stop_token& stop);

/// Whether the spool holds all that lies between the target's position and what the source was told; true when it needs not.
bool spool_holds(const PhaseContext& context, const MirrorProgress& progress);

}  // namespace peerd
