#pragma once

#include <algorithm>
#include <deque>
#include <set>

#include "peerd/base/mutex.h"
#include "peerd/changes/lsn.h"
#include "postgres/wal_wait.h"

namespace peerd {

/// Transactions whose changes the stream has handed out, and that may not be visible at the source yet: the walsender
/// sends a commit from the WAL while its backend still waits for a standby (rules.md 18). Thread-safe.
class StreamedTransactions {
 public:
  void note(Lsn commit, std::uint32_t xid) {
    Lock lock(mutex_);
    sent_.push_back({commit, ++noted_, xid});
  }
  /// The checkpoint has passed them: nobody will look up a row for them.
  void forget(Lsn durable) {
    Lock lock(mutex_);
    for (; !sent_.empty() && sent_.front().commit < durable; sent_.pop_front()) passed_.push_back(sent_.front().xid);
  }
  /// Whether the source shows a transaction as running that was noted at any time: `running` was listed after all of them.
  /// Forgets those that it does not show. To be asked now and then, or what was noted piles up.
  bool any_runs(const std::vector<RunningTransaction>& running) {
    std::set<std::uint32_t> xids;
    for (const RunningTransaction& transaction : running) xids.insert(transaction.xid);
    Lock lock(mutex_);
    std::erase_if(passed_, [&](std::uint32_t xid) { return !xids.contains(xid); });
    std::erase_if(sent_, [&](const Sent& sent) { return !xids.contains(sent.xid); });
    return !passed_.empty() || !sent_.empty();
  }
  /// Counts what was noted so far. To be taken before the list of running transactions is asked for: what is noted
  /// later may run without being in that list.
  std::uint64_t mark() const {
    Lock lock(mutex_);
    return sent_.empty() ? 0 : noted_;
  }
  /// Those of `running` that were noted up to `mark`: to be waited for. Forgets the ones up to it that have ended.
  std::vector<RunningTransaction> still_running(const std::vector<RunningTransaction>& running, std::uint64_t mark) {
    std::set<std::uint32_t> xids, awaited;
    for (const RunningTransaction& transaction : running) xids.insert(transaction.xid);
    Lock lock(mutex_);
    std::erase_if(sent_, [&](const Sent& sent) { return sent.number <= mark && !xids.contains(sent.xid); });
    for (const Sent& sent : sent_) {
      if (sent.number <= mark) awaited.insert(sent.xid);
    }
    std::vector<RunningTransaction> rest;
    for (const RunningTransaction& transaction : running) {
      if (awaited.contains(transaction.xid)) rest.push_back(transaction);
    }
    return rest;
  }

 private:
  struct Sent {
    Lsn commit;
    std::uint64_t number;
    std::uint32_t xid;
  };
  mutable Mutex mutex_;
  std::deque<Sent> sent_ PEERD_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> passed_ PEERD_GUARDED_BY(mutex_);  ///< Forgotten, and not yet known to be visible.
  std::uint64_t noted_ PEERD_GUARDED_BY(mutex_) = 0;
};

}  // namespace peerd
