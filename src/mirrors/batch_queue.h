#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <variant>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"
#include "peerd/changes/batch.h"
#include "peerd/sources/change_stream.h"

namespace peerd {

/// What passes from reader to writer: a batch (an empty one is a mark: a position and nothing else), or a table's new shape.
using QueueItem = std::variant<std::unique_ptr<Batch>, NewShape>;

/// Joins one reader and one writer. Bounded in bytes: a full queue makes push() wait; an empty one always takes one
/// item, however large (rules.md 40). Spent batches travel back, so that their memory is used again.
class BatchQueue {
 public:
  explicit BatchQueue(std::size_t bytes_most) : bytes_most_(bytes_most) {}

  /// False when there was no room by wait.until: `item` is untouched. Throws Stopped.
  bool push(QueueItem& item, const Wait& wait);
  /// nullopt when none came by wait.until. Throws Stopped. The item counts as pending until done().
  std::optional<QueueItem> pop(const Wait& wait);
  void done(std::unique_ptr<Batch> spent);  ///< The popped item is applied.

  bool wants() const noexcept { return wants_.load(std::memory_order_relaxed); }  ///< Nothing queued or in the writer's hands.
  std::unique_ptr<Batch> spent();            ///< An applied batch to build into again, or null.
  std::int64_t oldest_commit_us() const;     ///< Of what is queued or being applied; 0 = nothing.

 private:
  static std::size_t bytes_of(const QueueItem& item);
  const std::size_t bytes_most_;
  mutable Mutex mutex_;
  Condition changed_;
  std::atomic<bool> wants_{true};
  std::deque<QueueItem> items_ PEERD_GUARDED_BY(mutex_);
  std::size_t bytes_ PEERD_GUARDED_BY(mutex_) = 0;
  bool in_hand_ PEERD_GUARDED_BY(mutex_) = false;
  std::int64_t in_hand_oldest_us_ PEERD_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Batch> spent_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd
