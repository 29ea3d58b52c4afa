#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/connectors.h"
#include "peerd/mirrors/mirror_observer.h"
#include "peerd/mirrors/supervisor.h"
#include "phase.h"
#include "retry_policy.h"
#include "state_table.h"
#include "status_board.h"

namespace peerd {

/// What all mirrors of a process share.
struct MirrorWorld {
  Catalog& catalog;
  const Connectors& connectors;
  MirrorObserver& observer;
  StatusBoard& board;
  Supervisor::Limits limits;
  std::string owner;                                ///< Of leases: this process.
  std::function<std::size_t()> mirrors;             ///< How many share the memory; at least 1.
  std::function<void(MirrorId, const ErrorText&)> condemn;  ///< Mirror::condemn, by id; absent ones are passed over.
};

/// Tells everybody of a stored change of state: observer, mirror_logs and board.
void announce(MirrorWorld& world, MirrorId mirror, MirrorState from, MirrorState to, std::string_view reason);

/// One mirror's thread: reads the state that the catalog holds, does what it asks for, and moves it on. The catalog is the
/// truth: whoever changes a state stores it there and calls wake(). One attempt at a phase is one unit of work with one catch.
class Mirror {
 public:
  Mirror(MirrorWorld& world, const MirrorRecord& record);
  ~Mirror();  ///< stop() and join.

  /// The stored state has changed: whatever is running stops, and the thread looks again. Thread-safe.
  void wake();
  void force();                          ///< From now on a drop leaves behind what it cannot remove. Thread-safe.
  void condemn(const ErrorText& error);  ///< Copying or paused, it fails with this: found by the slot watch. Thread-safe.
  void ask_stop();                       ///< Thread-safe; returns at once.
  bool ended() const { return ended_; }  ///< The thread has left.
  MirrorId id() const { return id_; }
  const std::string& name() const { return name_; }

 private:
  void run();
  /// Does what the stored state asks for; the one catch. False when the mirror is gone.
  bool follow(const MirrorRecord& record, const std::stop_token& stop);
  bool rest(const MirrorRecord& record);  ///< The states in which nothing runs.
  void attempt(const MirrorRecord& record, const std::stop_token& stop);
  void attempt_query(const MirrorRecord& record, const Lease& lease, const PeerSpec& source, const PeerSpec& target,
                     const std::stop_token& stop);
  void drop(const MirrorRecord& record, const std::stop_token& stop);
  void forget(const std::vector<std::string>& left);
  PhaseContext context(const MirrorRecord& record, const Lease& lease, Source& source, Target& target) const;
  void move(const MirrorRecord& record, Step step, std::string reason);
  void failed(const MirrorRecord& record, const ErrorText& thrown);
  /// Tables that came by a pattern while the mirror ran, and that nobody asked for, leave it when they cannot be taken
  /// up.
  bool gives_back(const MirrorRecord& record, const ErrorText& thrown);
  bool parks(const MirrorRecord& record, const ErrorText& thrown);  ///< One table is left out, and the attempt is made again.
  /// To everybody who listens; true when it is stored, too.
  bool tell_failure(const MirrorRecord& record, const ErrorText& error, Verdict verdict, bool retry, std::chrono::milliseconds delay);
  void prepare_spool(PhaseContext& phase);
  std::string spool_directory(const MirrorRecord& record) const;
  void worked();
  void sleep_until_woken(Clock::Instant until);
  std::stop_token fresh_stop();
  std::optional<ErrorText> take_condemned(MirrorState state);

  MirrorWorld& world_;
  const MirrorId id_;
  const std::string name_;
  Backoff backoff_;
  std::atomic<bool> ended_{false};
  /// Until something has worked: what an earlier process has told of a failure is over then, too.
  std::atomic<bool> failing_{true}, forced_{false};
  Mutex mutex_;
  Condition woken_;
  bool wake_ PEERD_GUARDED_BY(mutex_) = false;
  bool stopping_ PEERD_GUARDED_BY(mutex_) = false;
  std::stop_source attempt_stop_ PEERD_GUARDED_BY(mutex_);
  std::optional<ErrorText> condemned_ PEERD_GUARDED_BY(mutex_);
  std::jthread thread_;  ///< Last: starts when all else stands.
};

}  // namespace peerd
