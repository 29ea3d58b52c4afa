#pragma once

#include <functional>
#include <map>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"
#include "peerd/mirrors/mirror_status.h"

namespace peerd {

/// What every mirror shows, now. Thread-safe; the lock is held for copies of small structs alone.
class StatusBoard {
 public:
  void put(MirrorStatus status);
  /// `left`: what its drop has left behind, kept until somebody takes it.
  void remove(MirrorId mirror, std::vector<std::string> left);
  std::vector<std::string> take_left(MirrorId mirror);
  /// Changes one mirror's status under the lock; absent ones are passed over. `change` must be quick and must not call back.
  void update(MirrorId mirror, const std::function<void(MirrorStatus&)>& change);
  std::optional<MirrorStatus> get(MirrorId mirror) const;
  std::vector<MirrorStatus> all() const;  ///< By name.
  /// Waits until `done` says true of the mirror's status (nullopt = gone). False when the time was over or a stop came.
  bool await(MirrorId mirror, const std::function<bool(const std::optional<MirrorStatus>&)>& done, const Wait& wait) const;

 private:
  mutable Mutex mutex_;
  mutable Condition changed_;
  std::map<MirrorId, MirrorStatus> board_ PEERD_GUARDED_BY(mutex_);
  std::map<MirrorId, std::vector<std::string>> left_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd
