#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "peerd/base/mutex.h"
#include "peerd/mirrors/mirror_observer.h"

namespace peerd::daemon {

/// Writes what mirrors report to the log: states, failures and recoveries always, slots when they change for the worse,
/// chunks and batches at debug.
class LogObserver final : public MirrorObserver {
 public:
  using NameOf = std::function<std::string(MirrorId)>;  ///< "" when there is none any more. Asked once per mirror.
  explicit LogObserver(NameOf name_of) : name_of_(std::move(name_of)) {}

  void moved(MirrorId id, MirrorState from, MirrorState to, std::string_view reason) noexcept override;
  void chunk_done(MirrorId id, const ChunkRecord& record) noexcept override;
  void batch_done(MirrorId id, const BatchRecord& record) noexcept override;
  void slot_seen(MirrorId id, const SlotStatus& slot) noexcept override;
  void failed(MirrorId id, const ErrorText& error, Verdict verdict) noexcept override;
  void recovered(MirrorId id) noexcept override;

 private:
  std::string name(MirrorId id);
  const NameOf name_of_;
  Mutex mutex_;
  std::map<MirrorId, std::string> names_ PEERD_GUARDED_BY(mutex_);
  std::map<MirrorId, std::string> wal_status_ PEERD_GUARDED_BY(mutex_);
  std::set<MirrorId> failing_ PEERD_GUARDED_BY(mutex_);  ///< What never failed here does not work "again".
};

}  // namespace peerd::daemon
