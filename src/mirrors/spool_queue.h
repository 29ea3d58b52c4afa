#pragma once

#include <atomic>
#include <deque>
#include <vector>

#include "change_queue.h"
#include "peerd/base/mutex.h"
#include "peerd/spool/spool.h"

namespace peerd {

/// Whether there is a writer; if not, what comes first.
enum class Delivers : std::uint8_t { yes, when_resumed, when_copied };

/// A spool as the queue: what is pushed is appended to it, and also kept in memory as far as that goes; the writer takes from
/// memory what is there, and reads the rest.
class SpoolQueue : public ChangeQueue {
 public:
  /// Without a writer nothing is kept in memory for one.
  SpoolQueue(Spool& spool, std::size_t bytes_most, Delivers delivers)
      : spool_(spool), bytes_most_(bytes_most), delivers_(delivers) {}

  bool push(QueueItem& item, const Wait& wait) override;
  std::optional<Queued> pop(const Wait& wait) override;
  void done(std::unique_ptr<Batch> spent) override;
  void stored(Lsn position) override;
  bool wants() const noexcept override { return wants_.load(); }
  std::unique_ptr<Batch> spent() override;
  std::int64_t oldest_commit_us() const override;
  std::string words() const override;
  std::uint64_t bytes_on_disk() const override { return spool_.bytes(); }
  std::string why_full() const override { return spool_.why_full(); }
  void follows(std::string end) { end_ = std::move(end); }  ///< In words, when it is full. Before the threads begin.

  /// The writer begins (anew) at the target's position `after`, for these tables. Until the first time pop() gives nothing.
  void rewind(Lsn after, const std::vector<MirrorTable>& tables);
  void failing(bool now) { failing_ = now; }  ///< The writer waits to try again. From any thread.
  bool failing() const { return failing_; }
  bool drained() const;  ///< All that came is at the target and stored.

 private:
  struct Held {
    std::uint64_t record;
    QueueItem item;
    std::size_t bytes;
  };
  struct Closed {
    std::uint64_t record;
    Lsn complete_to;
  };
  bool at_hand(std::uint64_t record, Queued& into) PEERD_REQUIRES(mutex_);
  bool counts(const QueueItem& item) const;
  bool take(Queued& into);

  Spool& spool_;
  const std::size_t bytes_most_;
  const Delivers delivers_;
  std::string end_;
  std::atomic<bool> wants_{false}, failing_{false};

  // The writer's.
  Lsn after_, stored_;
  std::vector<MirrorTable> tables_;

  mutable Mutex mutex_;
  Condition changed_;
  std::deque<Held> held_ PEERD_GUARDED_BY(mutex_);
  std::size_t bytes_ PEERD_GUARDED_BY(mutex_) = 0;
  std::deque<Closed> closed_ PEERD_GUARDED_BY(mutex_);  ///< Given out, and not yet stored.
  struct Age {
    std::uint64_t record;
    std::int64_t oldest_commit_us;
    Clock::Instant pushed;
  };
  std::deque<Age> ages_ PEERD_GUARDED_BY(mutex_);  ///< Of records to be given out; none of those that an earlier process has pushed.
  bool begun_ PEERD_GUARDED_BY(mutex_) = false, in_hand_ PEERD_GUARDED_BY(mutex_) = false, open_ PEERD_GUARDED_BY(mutex_) = false;
  bool room_ PEERD_GUARDED_BY(mutex_) = true;  ///< Something went since the spool was full.
  std::int64_t in_hand_oldest_us_ PEERD_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Batch> spent_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd
