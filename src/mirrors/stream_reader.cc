#include "stream_reader.h"

#include <algorithm>

namespace peerd {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdleRead{100};
constexpr milliseconds kQuiet{5'000};
constexpr milliseconds kMark{10'000};    ///< Positions of an idle stream are stored this often.
constexpr milliseconds kSpooled{3'000};  ///< The longest that a change waits to be on disk.

}  // namespace

StreamReader::StreamReader(PhaseContext& context, ChangeStream& stream, ChangeQueue& queue, Spooling spooling,
                           std::function<void()> working, std::function<bool()> ends)
    : context_(context),
      stream_(stream),
      queue_(queue),
      spools_(spooling == Spooling::yes),
      working_(std::move(working)),
      ends_(std::move(ends)),
      changes_most_(static_cast<std::size_t>(context.record.spec.integer("max_batch_size"))),
      wait_most_(std::min<milliseconds>(std::chrono::seconds(context.record.spec.integer("idle_timeout_seconds")),
                                        spools_ ? kSpooled : milliseconds::max())),
      flush_interval_(context.target.flush_interval()) {
  builder_.keep_old_rows(context.target.wants_old_rows());
}

void StreamReader::run(const std::stop_token& stop) {
  quiet_since_ = std::chrono::steady_clock::now();
  while (!stop.stop_requested() && !ended_) {
    const auto begin = std::chrono::steady_clock::now();
    // In this order: a writer that becomes free in between sees the offer, or is seen.
    queue_.offered = building_;
    if (building_ && due(begin)) {
      hand_over(stop);
      continue;
    }
    const auto blocked = Blocked::so_far();
    const ChangeStream::Got got = stream_.read(builder_, Wait::at_most(read_time(), stop));
    const auto now = std::chrono::steady_clock::now();
    const auto received = Blocked::so_far() - blocked;
    queue_.reading.add(Stage::receive, received);
    queue_.reading.add(Stage::decode, now - begin - received);
    if (!builder_.empty() && !building_) begin_building(now);
    if (got == ChangeStream::Got::shape) {
      if (!builder_.empty()) hand_over(stop);
      QueueItem item = stream_.new_shape(Wait::at_most(std::chrono::seconds(30), stop));
      push(item, stop);
    } else if (due(now)) {
      hand_over(stop);
    }
    if (got == ChangeStream::Got::idle || now >= next_show_) show(now);
    tell_quiet(now);
  }
}

milliseconds StreamReader::read_time() const {
  if (!building_) return kIdleRead;
  const auto left = std::chrono::ceil<milliseconds>(earliest_hand_over() - std::chrono::steady_clock::now());
  // Past it the writer is at work, and wakes the reader when it is not; or a transaction is open.
  return left.count() <= 0 ? kIdleRead : std::min(left, kIdleRead);
}

Clock::Instant StreamReader::earliest_hand_over() const {
  return std::min(building_since_ + wait_most_, std::max(building_since_, last_hand_over_ + flush_interval_));
}

void StreamReader::begin_building(Clock::Instant now) {
  building_ = true;
  building_since_ = now;
}

/// A stream that has nothing to bring works as well as one that brings something: an error of before is over. Not at once,
/// for the change that made it may yet come again.
void StreamReader::tell_quiet(Clock::Instant now) {
  if (!builder_.empty() || !queue_.wants()) quiet_since_ = now;
  if (now - quiet_since_ < kQuiet) return;
  quiet_since_ = now;
  working_();
}

bool StreamReader::due(Clock::Instant now) const {
  if (builder_.empty()) {
    return !builder_.in_transaction() && builder_.complete_to() > last_mark_ && (spools_ || queue_.wants()) &&
           now >= last_hand_over_ + kMark;
  }
  if (builder_.size() >= changes_most_ || builder_.bytes() >= context_.batch_bytes) return true;
  if (builder_.in_transaction()) return false;
  // A spool is told to the source only where it ends with a whole transaction.
  if (spools_ && open_head_) return true;
  return now >= building_since_ + wait_most_ || (queue_.wants() && now >= last_hand_over_ + flush_interval_);
}

void StreamReader::hand_over(const std::stop_token& stop) {
  last_mark_ = std::max(last_mark_, builder_.complete_to());
  open_head_ = builder_.in_transaction();
  QueueItem item = builder_.take(queue_.spent());
  queue_.offered = building_ = false;
  push(item, stop);
  last_hand_over_ = std::chrono::steady_clock::now();
  flush_interval_ = context_.target.flush_interval();
}

void StreamReader::push(QueueItem& item, const std::stop_token& stop) {
  const auto pushed = [&] {
    const auto begin = std::chrono::steady_clock::now();
    const bool done = queue_.push(item, Wait::at_most(stream_.keep_alive_every(), stop));
    queue_.reading.add(Stage::full, std::chrono::steady_clock::now() - begin);
    return done;
  };
  while (!pushed()) {
    stream_.keep_alive();
    show(std::chrono::steady_clock::now());
    if (ended_) return;
  }
}

void StreamReader::show(Clock::Instant now) {
  next_show_ = now + milliseconds(500);
  const ChangeStream::Seen seen = stream_.seen();
  const std::int64_t queued = queue_.oldest_commit_us();
  // By the commit's time wherever the change is: another clock would make the figure jump as it goes on to the writer.
  const std::int64_t oldest = queued != 0 ? queued : builder_.oldest_commit_us();
  const auto wall =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string words = queue_.words();
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    status.received = std::max(status.received, seen.received);
    status.confirmed = std::max(status.confirmed, seen.confirmed);
    status.server_end = std::max(status.server_end, seen.server_end);
    status.lag_time = milliseconds(oldest == 0 ? 0 : std::max<std::int64_t>(1, (wall - oldest) / 1000));
    status.spool_bytes = queue_.bytes_on_disk();
    status.spool_full = queue_.why_full();
    if (!words.empty()) status.*context_.said = std::move(words);
  });
  ended_ = ends_();
}

}  // namespace peerd
