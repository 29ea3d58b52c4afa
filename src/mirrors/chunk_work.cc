#include "chunk_work.h"

#include <algorithm>

#include "peerd/base/clock.h"

namespace peerd {

void ChunkWork::set(std::size_t table, MirrorTable shape, CopyPlan plan, std::deque<Chunk> pending, std::size_t total) {
  Lock lock(mutex_);
  Table& entry = tables_[table];
  entry = Table{};
  entry.shape = std::move(shape);
  entry.plan = std::move(plan);
  entry.pending = std::move(pending);
  entry.total = total;
  entry.set = true;
  changed_.notify_all();
}

std::optional<ChunkWork::Job> ChunkWork::take() {
  // One whose last chunks are on their way leaves its place to the next: of many small tables no worker waits for another.
  std::size_t active = 0;
  for (const Table& table : tables_) active += table.in_flight > 0 && !table.pending.empty();
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    Table& table = tables_[i];
    if (!table.set || table.moved || table.finished || table.pending.empty()) continue;
    if (table.in_flight == 0 && active >= tables_most_) continue;
    if (table.in_flight >= workers_most_) continue;
    Job job{i, table.shape, table.plan, table.pending.front(), table.total};
    table.pending.pop_front();
    ++table.in_flight;
    return job;
  }
  return std::nullopt;
}

std::optional<ChunkWork::Job> ChunkWork::next(const std::stop_token& stop) {
  std::unique_lock<Mutex> lock(mutex_);
  std::optional<Job> job;
  changed_.wait(lock, stop, [&] {
    if (failure_) return true;
    if ((job = take())) return true;
    return std::all_of(tables_.begin(), tables_.end(), [](const Table& table) { return table.finished; });
  });
  return stop.stop_requested() ? std::nullopt : job;
}

void ChunkWork::done(const Job& job) {
  Lock lock(mutex_);
  --tables_[job.table].in_flight;
  changed_.notify_all();
}

void ChunkWork::moved(const Job& job) {
  Lock lock(mutex_);
  --tables_[job.table].in_flight;
  tables_[job.table].moved = true;
  changed_.notify_all();
}

void ChunkWork::fail(std::exception_ptr why) {
  Lock lock(mutex_);
  if (!failure_) failure_ = std::move(why);
  changed_.notify_all();
}

std::optional<ChunkWork::Event> ChunkWork::next_event(const std::stop_token& stop) {
  std::unique_lock<Mutex> lock(mutex_);
  std::optional<Event> event;
  bool all_finished = false;
  changed_.wait(lock, stop, [&] {
    if (failure_) return true;
    all_finished = true;
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      Table& table = tables_[i];
      all_finished &= table.finished;
      if (table.finished || table.reported || table.in_flight > 0) continue;
      if (table.moved || table.pending.empty()) {
        table.reported = true;
        event = Event{table.moved ? Event::Kind::moved : Event::Kind::copied, i};
        return true;
      }
    }
    return all_finished;
  });
  if (failure_) std::rethrow_exception(failure_);
  if (stop.stop_requested()) throw Stopped{};
  return event;
}

void ChunkWork::finished(std::size_t table) {
  Lock lock(mutex_);
  tables_[table].finished = true;
  changed_.notify_all();
}

}  // namespace peerd
