// Two threads and a queue between them:
//   reader : source's stream -> BatchBuilder -> queue; answers keepalives while it waits for room (rules.md 32)
//   writer : queue -> Target::apply -> checkpoint stored -> position confirmed to the stream
// Positions without changes pass through the same queue as empty batches, so that none overtakes a change.

#include <algorithm>
#include <thread>

#include "batch_queue.h"
#include "peerd/base/log.h"
#include "phase.h"
#include "source_place.h"
#include "stream_writer.h"
#include "target_notes.h"

namespace peerd {
namespace {

using std::chrono::milliseconds;

/// Reads until stopped or failed. Runs on the reader thread.
class Reader {
 public:
  Reader(PhaseContext& context, ChangeStream& stream, BatchQueue& queue, const std::function<void()>& working)
      : context_(context),
        stream_(stream),
        queue_(queue),
        working_(working),
        changes_most_(static_cast<std::size_t>(context.record.spec.integer("max_batch_size"))),
        wait_most_(std::chrono::seconds(context.record.spec.integer("idle_timeout_seconds"))),
        flush_interval_(context.target.flush_interval()) {
    builder_.keep_old_rows(context.target.wants_old_rows());
  }

  void run(const std::stop_token& stop) {
    quiet_since_ = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      const ChangeStream::Got got = stream_.read(builder_, Wait::at_most(read_time(), stop));
      const auto now = std::chrono::steady_clock::now();
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

 private:
  static constexpr milliseconds kIdleRead{100};
  static constexpr milliseconds kQuiet{5'000};
  static constexpr milliseconds kMark{10'000};  ///< Positions of an idle stream are stored this often.

  milliseconds read_time() const {
    if (!building_) return kIdleRead;
    constexpr milliseconds kLeast{1};
    const auto left = std::chrono::duration_cast<milliseconds>(earliest_hand_over() - std::chrono::steady_clock::now());
    return std::clamp(left, kLeast, kIdleRead);
  }
  Clock::Instant earliest_hand_over() const {
    return std::min(building_since_ + wait_most_, std::max(building_since_, last_hand_over_ + flush_interval_));
  }
  void begin_building(Clock::Instant now) {
    building_ = true;
    building_since_ = now;
  }
  /// A stream that has nothing to bring works as well as one that brings something: an error of before is over. Not at once,
  /// for the change that made it may yet come again.
  void tell_quiet(Clock::Instant now) {
    if (!builder_.empty() || !queue_.wants()) quiet_since_ = now;
    if (now - quiet_since_ < kQuiet) return;
    quiet_since_ = now;
    working_();
  }
  bool due(Clock::Instant now) const {
    if (builder_.empty()) {
      return !builder_.in_transaction() && builder_.complete_to() > last_mark_ && queue_.wants() &&
             now >= last_hand_over_ + kMark;
    }
    if (builder_.size() >= changes_most_ || builder_.bytes() >= context_.batch_bytes) return true;
    if (builder_.in_transaction()) return false;
    return now >= building_since_ + wait_most_ || (queue_.wants() && now >= last_hand_over_ + flush_interval_);
  }
  void hand_over(const std::stop_token& stop) {
    last_mark_ = std::max(last_mark_, builder_.complete_to());
    QueueItem item = builder_.take(queue_.spent());
    building_ = false;
    push(item, stop);
    last_hand_over_ = std::chrono::steady_clock::now();
    flush_interval_ = context_.target.flush_interval();
  }
  void push(QueueItem& item, const std::stop_token& stop) {
    while (!queue_.push(item, Wait::at_most(stream_.keep_alive_every(), stop))) {
      stream_.keep_alive();
      show(std::chrono::steady_clock::now());
    }
  }
  void show(Clock::Instant now) {
    next_show_ = now + milliseconds(500);
    const ChangeStream::Seen seen = stream_.seen();
    const std::int64_t queued = queue_.oldest_commit_us();
    // By the commit's time wherever the change is: another clock would make the figure jump as it goes on to the writer.
    const std::int64_t oldest = queued != 0 ? queued : builder_.oldest_commit_us();
    const auto wall = std::chrono::duration_cast<std::chrono::microseconds>(
                          std::chrono::system_clock::now().time_since_epoch()).count();
    context_.board.update(context_.record.id, [&](MirrorStatus& status) {
      status.received = std::max(status.received, seen.received);
      status.confirmed = std::max(status.confirmed, seen.confirmed);
      status.server_end = std::max(status.server_end, seen.server_end);
      status.lag_time = milliseconds(oldest == 0 ? 0 : std::max<std::int64_t>(1, (wall - oldest) / 1000));
    });
  }

  PhaseContext& context_;
  ChangeStream& stream_;
  BatchQueue& queue_;
  const std::function<void()>& working_;
  const std::size_t changes_most_;
  const milliseconds wait_most_;
  milliseconds flush_interval_;
  BatchBuilder builder_;
  bool building_ = false;
  Clock::Instant building_since_, last_hand_over_{}, next_show_{}, quiet_since_{};
  Lsn last_mark_;
};

/// Where to go on: the target's own position where it keeps one, else the catalog's (rules.md 33, 34).
struct StreamStart {
  Lsn from;
  bool clean;  ///< Nothing was applied beyond `from`, and every horizon is stored, here or as kept_horizon.
  std::optional<Lsn> kept_horizon{};  ///< What look-ups had raised it to, as the target has it beside `from`.
  std::optional<Stored> to_confirm{};  ///< The target was ahead of the catalog: the slot has not heard of it.
};

StreamStart find_start(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  const Lsn stored = progress.checkpoint ? progress.checkpoint->lsn : progress.slot->consistent_point;
  const std::optional<Durable> own = context.target.position(prompt(stop));
  if (!own) return {stored, false};
  if (own->lsn < stored)
    throw Error(ErrorText{.code = ErrorCode::position_lost,
                          .message = "the target's position " + to_string(own->lsn) + " lies before " + to_string(stored) +
                                     ", the last one it had confirmed",
                          .detail = "the target was restored from a backup, or its bookkeeping was changed",
                          .hint = "RESYNC MIRROR copies the tables anew", .field = {}, .table = {}, .origin = {}, .retry = {}});
  if (own->lsn == stored) return {own->lsn, true};
  const std::optional<Lsn> kept = context.target.kept_horizon(prompt(stop));
  return {own->lsn, kept.has_value(), kept, context.catalog.checkpoint(context.lease, *own, BatchRecord{})};
}

Horizons find_horizons(PhaseContext& context, const MirrorProgress& progress, const StreamStart& start,
                       const std::stop_token& stop) {
  Horizons horizons;
  for (const auto& note : progress.notes) horizons.raise(note.table, note.horizon);
  if (start.kept_horizon) {
    for (const auto& note : progress.notes) horizons.raise(note.table, *start.kept_horizon);
  }
  if (!start.clean) {
    // The target may hold rows of a batch that no checkpoint tells of: they come from the future again (rules.md 15).
    const Lsn end = context.source.insert_position(brief(stop));
    for (const auto& note : progress.notes) {
      horizons.raise(note.table, end);
      context.catalog.copied(context.lease, note.table, end);
    }
  }
  return horizons;
}

/// Reader and writer as threads; the first failure of either is what join() throws.
class StreamThreads {
 public:
  void start(std::function<void(const std::stop_token&)> reader, std::function<void(const std::stop_token&)> writer) {
    reader_ = std::jthread([this, run = std::move(reader)] { guard(run, reader_stop_); });
    writer_ = std::jthread([this, run = std::move(writer)] { guard(run, writer_stop_); });
  }
  /// Waits for a stop or a failure. On a stop the writer has `grace` for what it holds; then it is cancelled.
  void join(const std::stop_token& stop, milliseconds grace) {
    {
      std::unique_lock<Mutex> lock(mutex_);
      ended_.wait(lock, stop, [&] { return running_ < 2; });
    }
    reader_stop_.request_stop();
    finish_ = true;
    {
      std::unique_lock<Mutex> lock(mutex_);
      ended_.wait_for(lock, grace, [&] { return running_ == 0; });
    }
    writer_stop_.request_stop();
    reader_.join();
    writer_.join();
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  const std::atomic<bool>& finish() const { return finish_; }
  ~StreamThreads() {
    reader_stop_.request_stop();
    writer_stop_.request_stop();
  }

 private:
  void guard(const std::function<void(const std::stop_token&)>& run, std::stop_source& stop) {
    try {
      run(stop.get_token());
    } catch (const Stopped&) {
    } catch (...) {
      Lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
    Lock lock(mutex_);
    --running_;
    ended_.notify_all();
  }
  std::stop_source reader_stop_, writer_stop_;
  std::atomic<bool> finish_{false};
  Mutex mutex_;
  Condition ended_;
  int running_ = 2;
  std::exception_ptr failure_;
  std::jthread reader_, writer_;
};

}  // namespace

void stream_changes(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working) {
  context.step("opening the stream");
  MirrorProgress progress = context.catalog.progress(context.record.id);
  // The source first: a target that hangs must not hide that the source is dead.
  check_identity(context, progress, stop);
  context.source.read_unique(progress.tables, patient(stop));
  open_target(context, progress, stop);
  TargetNotes notes = progress.target_tables;
  for (const MirrorTable& table : progress.tables) verify_at_target(context, notes, table, prompt(stop));
  progress.target_tables = notes;
  if (!progress.target) context.catalog.note_target(context.lease, "", context.target.identity(prompt(stop)));
  const StreamStart start = find_start(context, progress, stop);
  Horizons horizons = find_horizons(context, progress, start, stop);
  context.target.keep_horizon(horizons.highest(), prompt(stop));
  const auto lookup = context.source.open_lookup(patient(stop));
  const auto stream = context.source.open_stream(start.from, progress.tables, progress.shaped_at, patient(stop));
  if (start.to_confirm) stream->confirm(*start.to_confirm);
  context.board.update(context.record.id, [&](MirrorStatus& status) {
    status.applied = std::max(status.applied, start.from);
    status.horizon = shown_horizon(horizons.highest(), progress.tables);
    status.step = "streaming from " + to_string(start.from);
  });

  BatchQueue queue(context.queue_bytes);
  StreamThreads threads;
  threads.start(
      [&](const std::stop_token& token) { Reader(context, *stream, queue, working).run(token); },
      [&](const std::stop_token& token) {
        StreamWriter(context, *stream, queue, *lookup, horizons, progress, working).run(token, threads.finish());
      });
  constexpr milliseconds kGrace{5000};
  threads.join(stop, kGrace);
  threads.rethrow();
  if (stop.stop_requested()) stream->keep_alive();  // The last confirmed position goes out before the connection closes.
}

}  // namespace peerd
