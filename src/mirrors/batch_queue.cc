#include "batch_queue.h"

namespace peerd {
namespace {

const Batch* batch_of(const QueueItem& item) {
  const auto* batch = std::get_if<std::unique_ptr<Batch>>(&item);
  return batch ? batch->get() : nullptr;
}

}  // namespace

std::size_t BatchQueue::bytes_of(const QueueItem& item) {
  const Batch* batch = batch_of(item);
  return batch ? batch->bytes() : 0;
}

bool BatchQueue::push(QueueItem& item, const Wait& wait) {
  const std::size_t bytes = bytes_of(item);
  std::unique_lock<Mutex> lock(mutex_);
  const bool room = changed_.wait_until(lock, wait.stop, wait.until,
                                        [&] { return items_.empty() || bytes_ + bytes <= bytes_most_; });
  if (wait.stop.stop_requested()) throw Stopped{};
  if (!room) return false;
  bytes_ += bytes;
  items_.push_back({std::move(item), std::chrono::steady_clock::now()});
  wants_ = false;
  changed_.notify_all();
  return true;
}

std::optional<Queued> BatchQueue::pop(const Wait& wait) {
  std::unique_lock<Mutex> lock(mutex_);
  const bool there = changed_.wait_until(lock, wait.stop, wait.until, [&] { return !items_.empty(); });
  if (wait.stop.stop_requested()) throw Stopped{};
  if (!there) return std::nullopt;
  Held held = std::move(items_.front());
  items_.pop_front();
  bytes_ -= bytes_of(held.item);
  in_hand_ = true;
  if (const Batch* batch = batch_of(held.item)) in_hand_oldest_us_ = batch->oldest_commit_us();
  changed_.notify_all();
  return Queued{std::move(held.item), 0, waited_since(held.pushed)};
}

void BatchQueue::done(std::unique_ptr<Batch> spent) {
  Lock lock(mutex_);
  in_hand_ = false;
  in_hand_oldest_us_ = 0;
  if (spent) spent_ = std::move(spent);
  wants_ = items_.empty();
}

std::unique_ptr<Batch> BatchQueue::spent() {
  Lock lock(mutex_);
  return std::move(spent_);
}

std::int64_t BatchQueue::oldest_commit_us() const {
  Lock lock(mutex_);
  if (in_hand_oldest_us_ != 0) return in_hand_oldest_us_;
  for (const Held& held : items_)
    if (const Batch* batch = batch_of(held.item); batch && batch->oldest_commit_us() != 0) return batch->oldest_commit_us();
  return 0;
}

}  // namespace peerd
