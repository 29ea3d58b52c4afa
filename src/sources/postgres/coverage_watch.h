#pragma once

#include <atomic>
#include <thread>

#include "peerd/base/mutex.h"
#include "postgres/coverage.h"
#include "postgres/slot.h"

namespace peerd {

/// Looks at a mirror's Coverage while its stream runs, busy or idle: every ten seconds, and at once when the stream
/// hints that something was altered. On a thread of its own and a connection other than the stream's, which it has while it looks,
/// so that a look over many tables never holds the stream. The stream's thread calls check() often: it costs a load.
class CoverageWatch {
 public:
  CoverageWatch(Coverage coverage, Ask ask, std::string mirror);

  void hasten();        ///< A table was announced again: the source's catalog may have changed.
  void check() const {  ///< Throws what a look found: schema_changed, or, when looks fail again and again, why.
    if (failed_.load(std::memory_order_acquire)) rethrow();
  }
  std::vector<std::pair<TableId, CoverageNote>> take_noted();

 private:
  void run(const std::stop_token& stop);
  bool await_turn(std::chrono::steady_clock::duration least, const std::stop_token& stop);
  bool look(const std::stop_token& stop);
  void fail(ErrorText error);
  [[noreturn]] void rethrow() const;

  const Ask ask_;
  const std::string mirror_;
  Coverage coverage_;  ///< The thread's alone, as what follows.
  unsigned failures_ = 0;

  std::atomic<bool> failed_{false};
  mutable Mutex mutex_;
  Condition hastened_;
  bool hasten_ PEERD_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<TableId, CoverageNote>> noted_ PEERD_GUARDED_BY(mutex_);
  ErrorText failure_ PEERD_GUARDED_BY(mutex_);
  std::jthread thread_;  ///< Last: starts when all else stands.
};

}  // namespace peerd
