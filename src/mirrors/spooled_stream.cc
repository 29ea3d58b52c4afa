// The queue is a spool (docs/adr/0015):
//   reader : source's stream -> BatchBuilder -> spool
//   syncer : spool fsynced -> spooled_to stored -> position confirmed to the stream
//   writer : spool -> Target::apply -> checkpoint stored -> segments that are done with removed; tries again by itself
// Reader and writer stand at different positions, and so may know a table in different shapes: the reader begins with the
// catalog's, which are the writer's, and those that the spool holds on top.

#include "spooled_stream.h"

#include <algorithm>
#include <set>

#include "delivery.h"
#include "peerd/base/log.h"
#include "retry_policy.h"
#include "spool_queue.h"
#include "stream_reader.h"
#include "stream_threads.h"
#include "stream_writer.h"

namespace peerd {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSyncEvery{500};

Lsn stored_in(const MirrorProgress& progress) {
  return progress.checkpoint ? progress.checkpoint->lsn : progress.slot->consistent_point;
}

Spool::Limits limits_of(const MirrorSpec& spec) {
  Spool::Limits limits;
  limits.bytes_most = static_cast<std::uint64_t>(spec.integer("spool_max_bytes"));
  return limits;
}

/// The lease that writes to the catalog carry: the reader's side and the writer's, which renews it.
class SharedLease {
 public:
  explicit SharedLease(Lease lease) : lease_(std::move(lease)) {}
  template <typename Use>
  auto with(Use use) {
    Lock lock(mutex_);
    return use(lease_);
  }

 private:
  Mutex mutex_;
  Lease lease_ PEERD_GUARDED_BY(mutex_);
};

/// The tables as the stream is to know them where the spool ends.
struct ReaderTables {
  std::vector<MirrorTable> tables;
  Lsn shaped_at;
};
ReaderTables reader_tables(const MirrorProgress& progress, const Spool::Content& content) {
  ReaderTables reader{progress.tables, progress.shaped_at};
  for (std::size_t i = 0; i < content.shapes.size(); ++i) {
    const NewShape& shape = content.shapes[i];
    if (content.numbers[i] <= progress.spool_shaped) continue;
    for (MirrorTable& table : reader.tables) {
      if (table.schema.id != shape.table.schema.id || table.start != shape.table.start) continue;
      MirrorTable now = shape.table;
      now.coverage = std::move(table.coverage);  // Newer than what the stream was opened with.
      take_unstored(now, table);
      table = std::move(now);
    }
    reader.shaped_at = std::max(reader.shaped_at, shape.commit);
  }
  return reader;
}

class SpooledStream {
 public:
  SpooledStream(PhaseContext& context, const MirrorProgress& progress, const SpoolUse& use, const std::function<void()>& working)
      : context_(context),
        progress_(progress),
        use_(use),
        working_(working),
        lease_(context.lease),
        spool_(context.spool_directory, context.record.uuid, limits_of(context.record.spec)),
        queue_(spool_, context.queue_bytes),
        backoff_(context.retry_most, static_cast<unsigned>(std::hash<std::string>{}(context.record.uuid))) {}

  void run(const std::stop_token& stop) {
    open(stop);
    StreamThreads threads;
    threads.start([&](const std::stop_token& token) { read(token); },
                  [&](const std::stop_token& token) { deliver(token, threads.finish()); },
                  {[&](const std::stop_token& token) { sync(token); }});
    threads.join(stop, kStopGrace);
    threads.rethrow();
    sync_once();
    stream_->keep_alive();
  }

 private:
  void open(const std::stop_token& stop) {
    const Lsn applied = stored_in(progress_);
    Spool::Content content;
    if (progress_.spooled_to > applied) {
      context_.step("checking the spool");
      const std::vector<std::uint32_t> list = context_.source.running(patient(stop));
      const std::set<std::uint32_t> running(list.begin(), list.end());
      content = spool_.check(applied, progress_.spooled_to, [&](std::uint32_t xid) { return running.contains(xid); });
    }
    const ReaderTables reader = reader_tables(progress_, content);
    const Lsn from = std::max(applied, progress_.spooled_to);
    stream_ = context_.source.open_stream(from, reader.tables, reader.shaped_at, patient(stop));
    for (const Spool::Sent& sent : content.sent) context_.source.recall_sent(sent.commit, sent.xid);
    // Only now that the source can be followed from there: what lies in the directory may be needed by an operator else.
    spool_.begin(from, progress_.spool_shaped + 1);
    context_.step("streaming through the spool from " + to_string(from));
  }

  void read(const std::stop_token& stop) {
    const auto begun = std::chrono::steady_clock::now();
    const auto works = [&] {
      if (!queue_.failing()) working_();
    };
    const auto ends = [&] {
      tell_full();
      constexpr std::chrono::seconds kLeast{2};
      return !use_.always && queue_.drained() && std::chrono::steady_clock::now() > begun + kLeast;
    };
    StreamReader(context_, *stream_, queue_, StreamReader::Spooling::yes, works, ends).run(stop);
    if (!stop.stop_requested()) tell(context_, "the spool is drained: changes go to the target past it again");
  }

  /// Once each time: on the reader's thread.
  void tell_full() {
    const std::string why = spool_.why_full();
    if (why.empty() == full_.empty()) return;
    full_ = why;
    if (why.empty()) return tell(context_, "the spool has room again");
    const std::string words = "nothing more is received: " + why;
    const std::string hint = "the source keeps the WAL until the target takes changes again, or ALTER MIRROR " +
                             context_.record.spec.name + " SET spool_max_bytes, or room on the disk, lets more in";
    log(LogLevel::warning, words, {.mirror = context_.record.spec.name, .phase = "spool", .hint = hint});
    context_.catalog.log(context_.record.id, {.level = "warning", .message = words, .detail = {}, .hint = hint});
  }

  void sync(const std::stop_token& stop) {
    while (system_clock().sleep_until(std::chrono::steady_clock::now() + kSyncEvery, stop)) sync_once();
  }
  void sync_once() {
    const std::optional<Spooled> spooled = spool_.sync();
    if (!spooled) return;
    stream_->confirm(lease_.with([&](const Lease& lease) { return context_.catalog.spooled(lease, *spooled); }));
  }

  void deliver(const std::stop_token& stop, const std::atomic<bool>& finish) {
    while (!finish) {
      try {
        PhaseContext::Renewed fresh = lease_.with([&](Lease& lease) {
          PhaseContext::Renewed renewed = context_.renew();
          lease = renewed.lease;
          return renewed;
        });
        return deliver(*fresh.target, fresh.lease, stop, finish);
      } catch (const Stopped&) {
        throw;
      } catch (...) {
        const ErrorText error = current_error();
        if (verdict_of(error) != Verdict::retry) throw;
        queue_.failing(true);
        const milliseconds delay = backoff_.next();
        context_.tell_failure(error, delay);
        rest(delay, stop, finish);
      }
    }
  }

  void deliver(Target& target, const Lease& lease, const std::stop_token& stop, const std::atomic<bool>& finish) {
    PhaseContext context{MirrorContext{context_.record, lease, context_.catalog, target, context_.board, context_.observer},
                         context_.source, context_.batch_bytes, context_.queue_bytes};
    MirrorProgress progress = context_.catalog.progress(context_.record.id);
    for (MirrorTable& table : progress.tables) {
      const auto known = std::ranges::find(progress_.tables, table.schema.id, [](const MirrorTable& t) { return t.schema.id; });
      if (known != progress_.tables.end()) take_unstored(table, *known);
    }
    Delivery delivery = open_delivery(context, std::move(progress), stop);
    if (delivery.start.to_confirm) stream_->confirm(*delivery.start.to_confirm);
    queue_.rewind(delivery.start.from, delivery.progress.tables);
    queue_.failing(false);
    working_();
    const std::function<void()> works = [this] {
      backoff_.reset();
      working_();
    };
    StreamWriter(context, *stream_, queue_, *delivery.lookup, delivery.horizons, delivery.progress, works).run(stop, finish);
  }

  static void rest(milliseconds delay, const std::stop_token& stop, const std::atomic<bool>& finish) {
    const auto until = std::chrono::steady_clock::now() + delay;
    constexpr milliseconds kLook{50};
    while (!finish && std::chrono::steady_clock::now() < until)
      if (!system_clock().sleep_until(std::chrono::steady_clock::now() + kLook, stop)) throw Stopped{};
  }

  PhaseContext& context_;
  const MirrorProgress& progress_;
  const SpoolUse& use_;
  const std::function<void()>& working_;
  SharedLease lease_;
  Spool spool_;
  SpoolQueue queue_;
  std::unique_ptr<ChangeStream> stream_;
  Backoff backoff_;   // The writer's.
  std::string full_;  // The reader's.
};

}  // namespace

bool SpoolUse::passes_budget(const PhaseContext& context, const ChangeQueue& queue) const {
  if (!may || queue.wants()) return false;
  const auto status = context.board.get(context.record.id);
  return status && status->server_end.value > status->confirmed.value + budget;
}

SpoolUse spool_use(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  SpoolUse use;
  const std::string option = context.record.spec.text("spool");
  use.always = option == "always";
  // Whatever is asked for now: what the source let go of is in the spool alone.
  use.now = use.always || progress.spooled_to > stored_in(progress);
  use.may = option == "when_needed";
  if (use.now && context.spool_directory.empty())
    throw Error(ErrorCode::not_supported, "this peerd has no directory for spools", "set PEERD_DATA_DIR");
  if (use.now || !use.may) return use;
  const SlotStatus slot = context.source.slot_status(prompt(stop));
  use.budget = static_cast<std::uint64_t>(context.record.spec.integer("wal_budget_bytes"));
  if (slot.keep_most_bytes > 0) use.budget = std::min(use.budget, slot.keep_most_bytes / 2);
  use.now = slot.server_end.value > slot.confirmed.value + use.budget;
  if (use.now)
    tell(context, "the slot keeps more WAL than " + std::to_string(use.budget >> 20) +
                      " MB: changes are received into the spool");
  return use;
}

void stream_through_spool(PhaseContext& context, const MirrorProgress& progress, const SpoolUse& use, const std::stop_token& stop,
                          const std::function<void()>& working) {
  SpooledStream(context, progress, use, working).run(stop);
}

bool spool_holds(const PhaseContext& context, const MirrorProgress& progress) {
  if (!progress.slot || progress.spooled_to <= stored_in(progress)) return true;
  try {
    Spool spool(context.spool_directory, context.record.uuid, {});
    spool.check(stored_in(progress), progress.spooled_to, [](std::uint32_t) { return false; });
    return true;
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::position_lost) throw;
    return false;
  }
}

}  // namespace peerd
