// The queue is a spool (docs/adr/0015):
//   reader : source's stream -> BatchBuilder -> spool
//   syncer : spool fsynced -> spooled_to stored -> position confirmed to the stream
//   writer : spool -> Target::apply -> checkpoint stored -> segments that are done with removed; tries again by itself
// Without a writer, that is of a mirror that is paused and receives, or that copies tables, the first two go on alone.
// Reader and writer stand at different positions, and so may know a table in different shapes: the reader begins with the
// catalog's, which are the writer's, and those that the spool holds on top.

#include "spooled_stream.h"

#include <algorithm>
#include <set>

#include "delivery.h"
#include "parked.h"
#include "promotion.h"
#include "retry_policy.h"
#include "slot_given_up.h"
#include "source_place.h"
#include "spool_queue.h"
#include "stream_reader.h"
#include "stream_threads.h"
#include "stream_writer.h"

namespace peerd {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSyncEvery{500};
/// For so long the spool is full and the target takes nothing until the slot is given up: an alert has gone out by then, and
/// what the source keeps was looked at again.
constexpr std::chrono::seconds kBeforeGivingUp{10};

/// As it was seen last, by the stream or the slot watch.
bool keeps_more(const PhaseContext& context, std::uint64_t budget) {
  const auto status = context.board.get(context.record.id);
  return status && status->server_end.value > status->confirmed.value + budget;
}

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
  ReaderTables reader{followed(progress), progress.shaped_at};
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
  SpooledStream(PhaseContext& context, const MirrorProgress& progress, SpoolUse use, Delivers delivers,
                const std::function<void()>& working)
      : context_(context),
        progress_(progress),
        use_(use),
        delivers_(delivers),
        working_(working),
        lease_(context.lease),
        spool_(context.spool_directory, context.record.uuid, limits_of(context.record.spec)),
        queue_(spool_, context.queue_bytes, delivers),
        backoff_(context.retry_most, static_cast<unsigned>(std::hash<std::string>{}(context.record.uuid))) {
    if (use.drops_slot)
      queue_.follows("; when the slot keeps more than " + std::to_string(use.budget >> 20) +
                     " MB of it, and the target takes nothing, the slot is dropped");
  }

  void run(const std::stop_token& stop) {
    open(stop);
    StreamThreads threads;
    threads.start([&](const std::stop_token& token) { read(token); },
                  [&](const std::stop_token& token) { write(token, threads.finish()); },
                  {[&](const std::stop_token& token) { sync(token); }});
    threads.join(stop, kStopGrace);
    threads.rethrow();
    sync_once();
    stream_->keep_alive();
    if (!gives_up_) return;
    stream_.reset();
    lease_.with([&](const Lease& lease) { give_slot_up(context_, lease, full_, use_.budget); });
    drop_given_up(context_, stop);
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
    context_.step(queue_.words());
  }

  void read(const std::stop_token& stop) {
    const auto begun = std::chrono::steady_clock::now();
    const auto works = [&] {
      if (!queue_.failing()) working_();
    };
    const auto ends = [&] {
      tell_full();
      gives_up_ = use_.drops_slot && gives_up();
      if (gives_up_) return true;
      constexpr std::chrono::seconds kLeast{2};
      return !use_.always && queue_.drained() && std::chrono::steady_clock::now() > begun + kLeast;
    };
    StreamReader(context_, *stream_, queue_, StreamReader::Spooling::yes, works, ends).run(stop);
    if (!stop.stop_requested() && !gives_up_) tell(context_, "the spool is drained: changes go to the target past it again");
  }

  /// On the reader's thread. A target that takes something, however slowly, has the slot wait.
  bool gives_up() {
    const auto now = std::chrono::steady_clock::now();
    const auto status = context_.board.get(context_.record.id);
    if (full_.empty() || !status || status->applied > applied_) full_since_ = now;
    if (status) applied_ = std::max(applied_, status->applied);
    return now - full_since_ >= kBeforeGivingUp && keeps_more(context_, use_.budget);
  }

  /// Once each time: on the reader's thread.
  void tell_full() {
    const std::string why = spool_.why_full();
    if (why.empty() == full_.empty()) return;
    full_ = why;
    if (why.empty()) return tell(context_, "the spool has room again");
    const std::string words = "nothing more is received: " + why;
    const std::string& name = context_.record.spec.name;
    const std::string first = delivers_ == Delivers::yes ? "the target takes changes again"
                              : delivers_ == Delivers::when_copied ? "the tables are copied"
                                                                   : "RESUME MIRROR " + name;
    const std::string hint = "the source keeps the WAL until " + first +
                             ", or ALTER MIRROR " + name + " SET (spool_max_bytes = …), or room on the disk, lets more in";
    warn(context_, words, hint);
  }

  void sync(const std::stop_token& stop) {
    while (system_clock().sleep_until(std::chrono::steady_clock::now() + kSyncEvery, stop)) sync_once();
  }
  void sync_once() {
    const std::optional<Spooled> spooled = spool_.sync();
    if (!spooled) return;
    stream_->confirm(lease_.with([&](const Lease& lease) { return context_.catalog.spooled(lease, *spooled); }));
    if (delivers_ != Delivers::yes) working_();
  }

  void write(const std::stop_token& stop, const std::atomic<bool>& finish) {
    if (delivers_ == Delivers::yes) return deliver(stop, finish);
    while (!finish) rest(kSyncEvery, stop, finish);
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
    queue_.rewind(delivery.start.from, followed(delivery.progress));
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
  const SpoolUse use_;
  const Delivers delivers_;
  const std::function<void()>& working_;
  SharedLease lease_;
  Spool spool_;
  SpoolQueue queue_;
  std::unique_ptr<ChangeStream> stream_;
  Backoff backoff_;   // The writer's.

  // The reader's.
  std::string full_;
  std::chrono::steady_clock::time_point full_since_ = std::chrono::steady_clock::now();
  Lsn applied_;
  bool gives_up_ = false;
};

}  // namespace

bool SpoolUse::passes_budget(const PhaseContext& context, const ChangeQueue& queue) const {
  return may && !queue.wants() && keeps_more(context, budget);
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
  use.drops_slot = context.record.spec.text("on_spool_full") == "drop_slot";
  const bool asks = use.now ? use.drops_slot : use.may;
  if (!asks) return use;
  const SlotStatus slot = context.source.slot_status(prompt(stop));
  use.budget = wal_budget(context.record.spec, slot);
  if (use.now) return use;
  use.now = slot.server_end.value > slot.confirmed.value + use.budget;
  if (use.now)
    warn(context, "the slot keeps more WAL than " + std::to_string(use.budget >> 20) + " MB: changes are received into the spool",
         "the target is behind: SELECT step, last_error, last_error_hint FROM mirrors tells why");
  return use;
}

SpoolUse spool_use_paused(PhaseContext& context, const std::stop_token& stop) {
  SpoolUse use;
  use.now = use.always = true;  // Until it is resumed.
  use.drops_slot = context.record.spec.text("on_spool_full") == "drop_slot";
  if (use.drops_slot) use.budget = wal_budget(context.record.spec, context.source.slot_status(prompt(stop)));
  return use;
}

void stream_through_spool(PhaseContext& context, const MirrorProgress& progress, const SpoolUse& use, const std::stop_token& stop,
                          const std::function<void()>& working) {
  SpooledStream(context, progress, use, Delivers::yes, working).run(stop);
}

std::string pause_reason(bool receives) {
  return receives ? "paused by an operator, and receives into its spool" : "paused by an operator";
}

std::optional<ErrorText> why_not_receive(const MirrorRecord& mirror, const MirrorProgress& progress, const std::string& spools) {
  const std::string& name = mirror.spec.name;
  const std::string named = "mirror \"" + name + "\" ";
  const auto because = [](ErrorCode code, std::string message, std::string hint) {
    ErrorText text{.code = code, .message = std::move(message)};
    text.hint = std::move(hint);
    text.field = "receive";
    return text;
  };
  if (mirror.spec.of_query())
    return because(ErrorCode::not_supported, named + "is one of a query: between its rounds nothing is received of it",
                   "PAUSE MIRROR " + name + "; with RESUME it reads on from its last watermark");
  if (spools.empty()) return because(ErrorCode::not_supported, "this peerd has no directory for spools", "set PEERD_DATA_DIR");
  if (mirror.spec.text("spool") == "off")
    return because(ErrorCode::wrong_state, named + "has no spool to receive into: spool = 'off'",
                   "ALTER MIRROR " + name + " SET (spool = 'when_needed'), then PAUSE MIRROR " + name + " WITH (receive = true)");
  if (gave_slot_up(progress))
    return because(ErrorCode::wrong_state, named + "has no replication slot any more, from which it could receive",
                   "RESYNC MIRROR " + name + " makes another and copies the tables anew");
  const bool copied = progress.slot && std::ranges::all_of(progress.notes, &MirrorProgress::TableNote::copied);
  if (mirror.state == MirrorState::paused && !copied)
    return because(ErrorCode::wrong_state, named + "was paused before its tables were copied: until then it receives only while it copies",
                   "RESUME MIRROR " + name + ", and pause it once it is RUNNING");
  if (mirror.state == MirrorState::setup || mirror.state == MirrorState::snapshot || !copied)
    return because(ErrorCode::wrong_state,
                   named + "is in " + std::string(to_string(mirror.state)) + ": before its tables are copied it receives only while it copies",
                   "wait until it is RUNNING; PAUSE MIRROR " + name + " alone pauses what it does, and the slot keeps WAL");
  return std::nullopt;
}

void receive_changes(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working) {
  context.step("paused: opening the stream, to receive into the spool");
  MirrorProgress progress = context.catalog.progress(context.record.id);
  check_identity(context, progress, stop);
  if (gave_slot_up(progress)) drop_given_up(context, stop);
  if (const auto why = why_not_receive(context.record, progress, context.spool_directory)) throw Error(*why);
  require_followed(progress);
  context.source.read_unique(progress.tables, patient(stop));
  SpooledStream(context, progress, spool_use_paused(context, stop), Delivers::when_resumed, working).run(stop);
}

bool await_need_to_receive(PhaseContext& context, const std::stop_token& stop) {
  const MirrorProgress progress = context.catalog.progress(context.record.id);
  const std::string option = context.record.spec.text("spool");
  if (option == "off" || !progress.slot || context.spool_directory.empty()) return false;
  if (option == "always" || progress.spooled_to > stored_in(progress)) return true;
  const std::uint64_t budget = wal_budget(context.record.spec, context.source.slot_status(prompt(stop)));
  constexpr milliseconds kLook{200};
  while (!keeps_more(context, budget))
    if (!system_clock().sleep_until(std::chrono::steady_clock::now() + kLook, stop)) return false;
  warn(context, "the slot keeps more WAL than " + std::to_string(budget >> 20) + " MB while tables are copied: changes are received into the spool",
       "they are applied when the tables are copied; SELECT step, chunks_done, chunks_total FROM mirrors tells how far that is");
  return true;
}

void receive_beside_copy(PhaseContext& context, const std::stop_token& stop) {
  MirrorProgress progress = context.catalog.progress(context.record.id);
  const SourceIdentity identity = context.source.identity(brief(stop));
  // What was copied so far was read at the server of before: that is for an attempt alone to judge, not beside its workers.
  if (was_promoted(progress, identity))
    throw Error(ErrorText{.code = ErrorCode::position_lost,
                          .message = "the source was failed over to another server while tables are copied",
                          .hint = "the copy looks at it by itself",
                          .retry = Retry::later});
  require_noted(context, progress, identity);
  context.source.read_unique(progress.tables, patient(stop));
  SpoolUse use;
  use.now = use.always = true;  // No slot is given up: what was copied would be lost with it.
  const std::function<void()> working = [] {};  // Whether the copy works is for its chunks to tell.
  SpooledStream(context, progress, use, Delivers::when_copied, working).run(stop);
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
