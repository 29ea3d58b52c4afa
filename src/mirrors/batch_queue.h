#pragma once

#include <atomic>
#include <deque>
#include <memory>

#include "change_queue.h"
#include "peerd/base/mutex.h"

namespace peerd {

/// In memory, bounded in bytes: a full queue makes push() wait; an empty one always takes one item, however large
/// (rules.md 40).
class BatchQueue : public ChangeQueue {
 public:
  explicit BatchQueue(std::size_t bytes_most) : bytes_most_(bytes_most) {}

  bool push(QueueItem& item, const Wait& wait) override;
  std::optional<Queued> pop(const Wait& wait) override;
  void done(std::unique_ptr<Batch> spent) override;
  bool wants() const noexcept override { return wants_.load(); }
  std::unique_ptr<Batch> spent() override;
  std::int64_t oldest_commit_us() const override;

 private:
  static std::size_t bytes_of(const QueueItem& item);
  const std::size_t bytes_most_;
  mutable Mutex mutex_;
  Condition changed_;
  std::atomic<bool> wants_{true};
  struct Held {
    QueueItem item;
    Clock::Instant pushed;
  };
  std::deque<Held> items_ PEERD_GUARDED_BY(mutex_);
  std::size_t bytes_ PEERD_GUARDED_BY(mutex_) = 0;
  bool in_hand_ PEERD_GUARDED_BY(mutex_) = false;
  std::int64_t in_hand_oldest_us_ PEERD_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Batch> spent_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd
