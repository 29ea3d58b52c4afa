// A round:
//   measure : the highest watermark that is committed, and that the WAL holds it
//   settle  : every transaction of before that has ended: what commits later has a higher watermark
//   plan    : ranges from the last round's end to this one's, written down before the first is read
//   workers : each reads a range in a read-only transaction of its own; it is noted once it is durable at the target
//   end     : the round is written down; the last range's end is where the next round begins
// A range that was begun and not noted is read again: a Postgres target knows of it (rules.md 23), at ClickHouse its rows go
// first, or make way by their version. A mirror that overwrites copies into a shadow, which then takes the table's place; a
// round of its own that was cut short begins anew.
#include "query_phase.h"

#include <algorithm>
#include <deque>

#include "chunk_work.h"
#include "chunk_workers.h"
#include "peerd/base/log.h"
#include "promotion.h"
#include "source_place.h"
#include "target_notes.h"

namespace peerd {
namespace {

using std::chrono::steady_clock;

class Rounds {
 public:
  Rounds(QueryContext& context, const std::stop_token& stop, const std::function<void()>& working)
      : context_(context), stop_(stop), working_(working), mode_(*context.record.spec.query_mode()) {}

  void run(bool once);

 private:
  void load();
  bool round();
  bool replaces() const { return mode_ == QueryMode::overwrite; }
  std::optional<std::string> last_end() const;
  void plan(const std::optional<std::string>& after, const QuerySource::Round& found);
  void begin_shadow();
  void copy();
  void work(ChunkReader& reader, ChunkWork& work, const std::stop_token& stop);
  CopyCounts copy_range(ChunkReader& reader, std::unique_ptr<ChunkWriter>& writer, const ChunkWork::Job& job, const std::stop_token& stop);
  void finish();
  void swap();
  void show() const;
  MirrorTable placed() const { return replaces() ? shadow_at_target(context_, table_) : table_; }

  QueryContext& context_;
  const std::stop_token& stop_;
  const std::function<void()>& working_;
  const QueryMode mode_;
  MirrorTable table_;
  TargetNotes notes_;
  std::vector<ChunkRecord> ranges_;  ///< Of the last round.
  CopyPlan form_;
  Lsn position_, before_;            ///< Of the round that is copied, and of the one before.
  steady_clock::time_point began_;
  Mutex mutex_;
  CopyCounts counts_ PEERD_GUARDED_BY(mutex_);
};

void Rounds::load() {
  const MirrorProgress progress = context_.catalog.progress(context_.record.id);
  SourceIdentity identity = context_.source.identity(brief(stop_));
  if (replaces() && was_promoted(progress, identity)) {
    // Whatever was read before a failover is replaced as a whole.
    context_.catalog.note_source(context_.lease, identity);
    tell(context_, "the source was failed over to another server: the mirror goes on there, and replaces what it has copied");
  } else if (identity.system_identifier != 0) {
    require_noted(context_, progress, identity);
  }
  open_target(context_, progress, stop_);
  table_ = progress.tables.at(0);
  notes_ = progress.target_tables;
  before_ = progress.checkpoint ? progress.checkpoint->lsn : Lsn{};
  const Lsn now = context_.source.insert_position(brief(stop_));
  if (now < before_) {
    throw Error(ErrorText{.code = ErrorCode::position_lost,
                          .message = "the source was set back: its WAL ends at " + to_string(now) + ", and rows were copied up to " + to_string(before_),
                          .hint = "what was written there since may bear watermarks that were copied already: drop the mirror, empty its target "
                                  "table, and create it again",
                          .retry = Retry::after_operator});
  }
  for (ChunkRecord& record : context_.catalog.chunks(context_.record.id))
    if (record.chunk.start == table_.start) ranges_.push_back(std::move(record));
  context_.show_tables({table_});
  if (progress.notes.at(0).resync == Resync::swapping) swap();
  if (!replaces()) form_ = verify_at_target(context_, notes_, table_, patient(stop_));
}

void Rounds::run(bool once) {
  load();
  const bool open = std::ranges::any_of(ranges_, [](const ChunkRecord& range) { return !range.done; });
  if (open && !replaces()) {
    for (ChunkRecord& range : ranges_) range.chunk.again = !range.done;
    position_ = context_.source.insert_position(brief(stop_));
    began_ = steady_clock::now();
    copy();
    finish();
    if (once) return;
  }
  const std::chrono::seconds interval(context_.record.spec.integer("refresh_interval"));
  const bool ends = once || context_.record.spec.boolean("initial_copy_only");
  while (true) {
    round();
    working_();
    if (ends) return;
    context_.step("waiting for " + std::to_string(interval.count()) + " s before it looks for new rows");
    if (!system_clock().sleep_until(system_clock().now() + interval, stop_)) throw Stopped{};
  }
}

/// Where the last round ended: the last range's end. None before the first.
std::optional<std::string> Rounds::last_end() const {
  if (ranges_.empty() || replaces() || !ranges_.back().chunk.range || ranges_.back().chunk.range->end.empty()) return std::nullopt;
  return ranges_.back().chunk.range->end.at(0);
}

/// False when nothing is new.
bool Rounds::round() {
  context_.step("looking for new rows");
  const std::optional<std::string> after = last_end();
  const auto found = context_.source.measure(after, unbounded(stop_));
  if (!found && !replaces()) return false;
  began_ = steady_clock::now();
  context_.source.await_settled([&](std::string words) { context_.step(std::move(words)); }, unbounded(stop_));
  position_ = found ? found->position : context_.source.insert_position(brief(stop_));
  context_.step("cutting what is new into ranges");
  table_.start = Lsn{table_.start.value + 1};
  if (replaces()) begin_shadow();
  plan(after, found.value_or(QuerySource::Round{}));
  copy();
  finish();
  return true;
}

void Rounds::plan(const std::optional<std::string>& after, const QuerySource::Round& found) {
  std::vector<Chunk> ranges;
  // An empty table overwrites, too.
  const bool nothing = found.last.empty() && !context_.record.spec.text("watermark_column").empty();
  const auto rows = static_cast<std::uint64_t>(context_.record.spec.integer("num_rows_per_partition"));
  if (!nothing) ranges = context_.source.cut(table_, after, found, rows, unbounded(stop_));
  context_.catalog.plan(context_.lease, table_, ranges);
  ranges_.clear();
  for (Chunk& range : ranges) ranges_.push_back({std::move(range), false, {}});
}

/// What an earlier round of it left, done or not, is void.
void Rounds::begin_shadow() {
  const TableId id = table_.schema.id;
  context_.catalog.ask_resync(context_.record.id, {&id, 1});
  context_.catalog.begin_resync(context_.lease, id, table_);
  create_shadow_at_target(context_, notes_, table_, unbounded(stop_));
  form_ = verify_at_target(context_, notes_, placed(), patient(stop_));
}

void Rounds::show() const {
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    TableStatus& shown = status.tables.at(0);
    shown.chunks_total = ranges_.size();
    shown.chunks_done = static_cast<std::uint64_t>(std::ranges::count_if(ranges_, &ChunkRecord::done));
    shown.rows_copied = 0;
    for (const ChunkRecord& range : ranges_) shown.rows_copied += range.counts.rows;
  });
}

void Rounds::copy() {
  show();
  // A key's row of a later range must not be overtaken by that of an earlier one.
  const auto parallelism = static_cast<std::size_t>(context_.record.spec.integer("parallelism"));
  const std::size_t workers_most = mode_ == QueryMode::upsert ? 1 : parallelism;
  {
    Lock lock(mutex_);
    counts_ = {};
  }
  ChunkWork work(1, workers_most);
  std::deque<Chunk> pending;
  for (const ChunkRecord& range : ranges_)
    if (!range.done) pending.push_back(range.chunk);
  if (pending.empty()) return;
  const std::size_t worker_count = std::min(workers_most, pending.size());
  work.set(work.add(), placed(), form_, std::move(pending), ranges_.size());
  const ChunkWorkers workers(
      worker_count, [&] { return context_.source.open_reader(brief(stop_)); },
      [this, &work](ChunkReader& reader, const std::stop_token& stop) { this->work(reader, work, stop); }, stop_);
  while (const auto event = work.next_event(stop_)) work.finished(event->table);
}

void Rounds::work(ChunkReader& reader, ChunkWork& work, const std::stop_token& stop) {
  try {
    std::unique_ptr<ChunkWriter> writer;
    while (const auto job = work.next(stop)) {
      const CopyCounts counts = copy_range(reader, writer, *job, stop);
      context_.catalog.chunk_done(context_.lease, job->chunk, counts);
      {
        Lock lock(mutex_);
        counts_.rows += counts.rows;
        counts_.bytes += counts.bytes;
      }
      context_.board.update(context_.record.id, [&](MirrorStatus& status) {
        ++status.tables.at(0).chunks_done;
        status.tables.at(0).rows_copied += counts.rows;
        status.rows_streamed += counts.rows;
      });
      context_.observer.chunk_done(context_.record.id, {job->chunk, true, counts});
      working_();
      work.done(*job);
    }
  } catch (const Stopped&) {
  } catch (...) {
    work.fail(std::current_exception());
  }
}

CopyCounts Rounds::copy_range(ChunkReader& reader, std::unique_ptr<ChunkWriter>& writer, const ChunkWork::Job& job,
                              const std::stop_token& stop) {
  if (!writer) writer = context_.target.open_writer(brief(stop));
  context_.step("copying range " + std::to_string(job.chunk.number + 1) + " of " + std::to_string(job.total));
  CopyCounts counts;
  if (writer->begin(job.shape, job.chunk, job.plan, counts, patient(stop)) == ChunkWriter::Begun::known_done) return counts;
  reader.open(job.shape, job.chunk, job.plan, unbounded(stop));  // Before the first row a query may rightly take its time.
  for (auto rows = reader.read(unbounded(stop)); !rows.empty(); rows = reader.read(unbounded(stop))) writer->write(rows, patient(stop));
  counts = writer->finish(patient(stop));
  context_.count_unfit(job.shape, writer->unfit());
  return counts;
}

void Rounds::finish() {
  for (ChunkRecord& range : ranges_) {
    range.done = true;
    range.chunk.again = false;
  }
  if (replaces()) {
    // Not when the mirror was changed meanwhile: the next attempt begins the round anew.
    if (!context_.catalog.begin_swap(context_.lease, table_.schema.id)) throw Stopped{};
    swap();
  }
  BatchRecord batch;
  batch.first = before_;
  batch.end = std::max(position_, before_);
  {
    Lock lock(mutex_);
    batch.inserts = counts_.rows;
    batch.bytes = counts_.bytes;
  }
  batch.applied = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began_);
  context_.catalog.checkpoint(context_.lease, Durable{batch.end}, batch);
  before_ = batch.end;
  context_.observer.batch_done(context_.record.id, batch);
  context_.board.update(context_.record.id, [&](MirrorStatus& status) { status.applied = batch.end; });
}

/// Repeated after a crash until the catalog knows of it.
void Rounds::swap() {
  const MirrorTable shadow = placed();
  context_.step("putting the copy into the place of " + table_.target_name);
  context_.target.end_copy(shadow, unbounded(stop_));
  TargetIdentity identity = context_.target.swap(table_, note_of(notes_, shadow).value_or(TargetIdentity{}), unbounded(stop_));
  context_.catalog.resynced(context_.lease, table_, table_.start, shadow.target_name, identity);
  notes_.erase(shadow.target_name);
  notes_[table_.target_name] = std::move(identity);
}

}  // namespace

void set_up_query(QueryContext& context, const std::stop_token& stop) {
  const MirrorProgress progress = context.catalog.progress(context.record.id);
  context.step("checking source and target");
  throw_if_any(context.source.preflight(patient(stop)));
  const SourceIdentity identity = context.source.identity(brief(stop));
  if (identity.system_identifier != 0) {
    require_noted(context, progress, identity);
    context.catalog.note_source(context.lease, identity);
  }
  open_target(context, progress, stop);
  if (!progress.target) context.catalog.note_target(context.lease, "", context.target.identity(prompt(stop)));
  const MirrorTable table = context.source.describe(patient(stop));
  context.step("creating " + table.target_name + " at the target");
  TargetNotes notes;
  create_at_target(context, notes, table, patient(stop));
  if (!table.schema.key.empty()) context.target.end_copy(table, unbounded(stop));
  context.catalog.set_tables(context.lease, {&table, 1}, Lsn{});
  context.show_tables({table});
}

void copy_query(QueryContext& context, bool once, const std::stop_token& stop, const std::function<void()>& working) {
  Rounds(context, stop, working).run(once);
}

}  // namespace peerd
