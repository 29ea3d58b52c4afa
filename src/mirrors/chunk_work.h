#pragma once

#include <deque>
#include <exception>
#include <optional>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/changes/chunk.h"

namespace peerd {

/// What snapshot workers and their coordinator share: which chunks are to be copied, by table. Thread-safe.
/// At most `tables_most` tables have chunks to be taken and some in flight at once, each of them by at most `workers_most` workers.
class ChunkWork {
 public:
  struct Job {
    std::size_t table;  ///< Index in the order added.
    MirrorTable shape;
    CopyPlan plan;
    Chunk chunk;
    std::size_t total;  ///< Chunks of the table.
  };
  struct Event {
    enum class Kind { copied, moved } kind;
    std::size_t table;
  };

  ChunkWork(std::size_t tables_most, std::size_t workers_most) : tables_most_(tables_most), workers_most_(workers_most) {}
  /// Adds a table, or gives a moved one its new plan.
  void set(std::size_t table, MirrorTable shape, CopyPlan plan, std::deque<Chunk> pending, std::size_t total);
  std::size_t add() {
    Lock lock(mutex_);
    tables_.emplace_back();
    return tables_.size() - 1;
  }

  // Workers.
  std::optional<Job> next(const std::stop_token& stop);  ///< Blocks; nullopt when nothing is left for ever, or on a stop.
  void done(const Job& job);
  void moved(const Job& job);       ///< The table must start anew; its other chunks in flight end first.
  void fail(std::exception_ptr why);  ///< The first one is what the coordinator throws.

  // Coordinator.
  /// Blocks until a table is ready for its next step (no chunk of it in flight); nullopt when all are finished.
  /// Rethrows a worker's failure; throws Stopped.
  std::optional<Event> next_event(const std::stop_token& stop);
  void finished(std::size_t table);  ///< Nothing more to do for it.

 private:
  struct Table {
    MirrorTable shape;
    CopyPlan plan;
    std::deque<Chunk> pending;
    std::size_t total = 0, in_flight = 0;
    bool set = false, moved = false, finished = false, reported = false;
  };
  std::optional<Job> take() PEERD_REQUIRES(mutex_);
  const std::size_t tables_most_, workers_most_;
  Mutex mutex_;
  Condition changed_;
  std::vector<Table> tables_ PEERD_GUARDED_BY(mutex_);
  std::exception_ptr failure_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd
