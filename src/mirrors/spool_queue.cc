#include "spool_queue.h"

#include <algorithm>

namespace peerd {
namespace {

const Batch* batch_of(const QueueItem& item) {
  const auto* batch = std::get_if<std::unique_ptr<Batch>>(&item);
  return batch ? batch->get() : nullptr;
}

/// The table as it is now; nullptr when it left the mirror or was copied anew: then it has another start.
const MirrorTable* same_in(const std::vector<MirrorTable>& tables, const MirrorTable& table) {
  const auto found = std::ranges::find_if(
      tables, [&](const MirrorTable& now) { return now.schema.id == table.schema.id && now.start == table.start; });
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace

bool SpoolQueue::push(QueueItem& item, const Wait& wait) {
  if (wait.stop.stop_requested()) throw Stopped{};
  const Batch* const batch = batch_of(item);
  {
    Lock lock(mutex_);
    room_ = false;
  }
  const std::uint64_t record = batch ? spool_.append(*batch) : spool_.append(std::get<NewShape>(item));
  std::unique_lock<Mutex> lock(mutex_);
  if (record == 0) {
    changed_.wait_until(lock, wait.stop, wait.until, [&] { return room_; });
    if (wait.stop.stop_requested()) throw Stopped{};
    return false;
  }
  const std::size_t bytes = batch ? batch->bytes() : 0;
  if (batch && batch->oldest_commit_us() != 0 && (delivers_ == Delivers::yes || ages_.empty()))
    ages_.push_back({record, batch->oldest_commit_us(), std::chrono::steady_clock::now()});
  if (delivers_ == Delivers::yes && (held_.empty() || bytes_ + bytes <= bytes_most_)) {
    bytes_ += bytes;
    held_.push_back({record, std::move(item), bytes});
  } else if (batch) {
    spent_ = std::move(std::get<std::unique_ptr<Batch>>(item));
  }
  wants_ = false;
  changed_.notify_all();
  return true;
}

/// What the target has already, or has in part, is read from the spool, which leaves it out.
bool SpoolQueue::counts(const QueueItem& item) const {
  const Batch* const batch = batch_of(item);
  if (batch == nullptr) return true;
  if (batch->size() > 0 && batch->changes().front().version.commit < after_) return false;
  if (!batch->messages().empty() && batch->messages().front().version.commit < after_) return false;
  return batch->complete_to() > after_ || batch->size() > 0 || !batch->messages().empty();
}

bool SpoolQueue::at_hand(std::uint64_t record, Queued& into) {
  while (!held_.empty() && held_.front().record < record) {
    bytes_ -= held_.front().bytes;
    held_.pop_front();
  }
  if (held_.empty() || held_.front().record != record || !counts(held_.front().item)) return false;
  into = {std::move(held_.front().item), record};
  bytes_ -= held_.front().bytes;
  held_.pop_front();
  return true;
}

/// The next record, from memory or disk; false when nothing in it counts.
bool SpoolQueue::take(Queued& into) {
  bool had;
  std::unique_ptr<Batch> spent;
  {
    Lock lock(mutex_);
    had = at_hand(spool_.next(), into);
    if (!had) spent = std::move(spent_);
  }
  if (had) {
    spool_.pass(batch_of(into.item));
    return true;
  }
  Spool::Record record = spool_.read(std::move(spent));
  into = {std::move(record.item), record.number};
  if (const auto* shape = std::get_if<NewShape>(&into.item)) return same_in(tables_, shape->table) != nullptr;
  return !record.skipped;
}

std::optional<Queued> SpoolQueue::pop(const Wait& wait) {
  for (;;) {
    {
      std::unique_lock<Mutex> lock(mutex_);
      const bool there = changed_.wait_until(lock, wait.stop, wait.until, [&] { return begun_ && spool_.next() != 0; });
      if (wait.stop.stop_requested()) throw Stopped{};
      if (!there) return std::nullopt;
    }
    Queued queued;
    const bool counts = take(queued);
    const Batch* const batch = batch_of(queued.item);
    Lock lock(mutex_);
    for (; !ages_.empty() && ages_.front().record <= queued.record; ages_.pop_front())
      queued.waited = waited_since(ages_.front().pushed);
    if (counts && batch) open_ = batch->open_tail();
    if (counts && batch && !batch->open_tail()) closed_.push_back({queued.record, batch->complete_to()});
    if (!counts) {
      wants_ = spool_.next() == 0;
      continue;
    }
    in_hand_ = true;
    if (batch) in_hand_oldest_us_ = batch->oldest_commit_us();
    return queued;
  }
}

void SpoolQueue::done(std::unique_ptr<Batch> spent) {
  {
    Lock lock(mutex_);
    in_hand_ = false;
    in_hand_oldest_us_ = 0;
    if (spent) spent_ = std::move(spent);
    wants_ = spool_.next() == 0;
  }
  stored(stored_);  // It may have brought nothing that was not stored before.
}

void SpoolQueue::stored(Lsn position) {
  stored_ = std::max(stored_, position);
  std::uint64_t record = 0;
  {
    Lock lock(mutex_);
    for (; !closed_.empty() && closed_.front().complete_to <= position; closed_.pop_front()) record = closed_.front().record;
  }
  if (record == 0) return;
  spool_.trim(record);
  Lock lock(mutex_);
  room_ = true;
  changed_.notify_all();
}

void SpoolQueue::rewind(Lsn after, const std::vector<MirrorTable>& tables) {
  after_ = stored_ = after;
  tables_ = tables;
  spool_.rewind({.after = after, .table = [this](const MirrorTable& table) { return same_in(tables_, table); }});
  Lock lock(mutex_);
  held_.clear();
  bytes_ = 0;
  closed_.clear();
  in_hand_ = open_ = false;
  in_hand_oldest_us_ = 0;
  begun_ = true;
  wants_ = spool_.next() == 0;
  changed_.notify_all();
}

std::unique_ptr<Batch> SpoolQueue::spent() {
  Lock lock(mutex_);
  return std::move(spent_);
}

std::int64_t SpoolQueue::oldest_commit_us() const {
  Lock lock(mutex_);
  if (in_hand_oldest_us_ != 0) return in_hand_oldest_us_;
  return ages_.empty() ? 0 : ages_.front().oldest_commit_us;
}

bool SpoolQueue::drained() const {
  Lock lock(mutex_);
  return begun_ && !failing_ && !in_hand_ && !open_ && closed_.empty() && spool_.next() == 0;
}

std::string SpoolQueue::words() const {
  const std::string megabytes = std::to_string(spool_.bytes() >> 20) + " MB";
  const bool paused = delivers_ == Delivers::when_resumed, copies = delivers_ == Delivers::when_copied;
  if (const std::string full = spool_.why_full(); !full.empty())
    return (paused ? "paused: " : "") + full + ": nothing more is received, and the source keeps the WAL, until " +
           (paused ? "RESUME MIRROR" : copies ? "the tables are copied" : "the target has taken some") + end_;
  if (copies) return "receiving into the spool, which has " + megabytes + ", to be applied when the tables are copied";
  if (paused) return "paused: receiving into the spool, which has " + megabytes + "; nothing is applied until RESUME MIRROR";
  if (failing_) return "receiving into the spool, which has " + megabytes + ", while the target is tried again";
  if (!wants()) return "streaming through the spool, which has " + megabytes;
  return "streaming";
}

}  // namespace peerd
