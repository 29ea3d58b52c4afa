#pragma once

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// What a failure means: mirrors/retry_policy.h decides.
enum class Verdict : std::uint8_t { retry, ask_operator };

/// What mirrors report upward: to the log, alerts and metrics. Called on any of a
/// mirror's threads, sometimes under load: implementations return at once (copy and queue), never
/// throw, never call back into mirrors. Outlives all mirrors. The only way up.
class MirrorObserver {
 public:
  virtual ~MirrorObserver() = default;
  virtual void moved(MirrorId, MirrorState from, MirrorState to, std::string_view reason) noexcept = 0;
  virtual void chunk_done(MirrorId, const ChunkRecord&) noexcept = 0;
  virtual void batch_done(MirrorId, const BatchRecord&) noexcept = 0;
  virtual void slot_seen(MirrorId, const SlotStatus&) noexcept = 0;  ///< Every 10 s, also while paused.
  /// A unit failed and retry_policy has decided; recovered() follows when the same step works again.
  virtual void failed(MirrorId, const ErrorText&, Verdict) noexcept = 0;
  virtual void recovered(MirrorId) noexcept = 0;
};

}  // namespace peerd
