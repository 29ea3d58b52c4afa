// The copy, by table:
//   start   := the source's WAL insert position; rows of before are removed at the target
//   settle  : every transaction of before the start has ended (rules.md 8)
//   plan    : chunks, written down before the first is read
//   workers : each reads a chunk in a transaction of its own, and it is noted once it is durable
//   (a table without a key: its start is that of a snapshot that is held, in which all of its chunks are read; what a stop
//   leaves unfinished starts anew: rules.md 41)
//   end     : keys; the horizon is the WAL insert position read after the last chunk (14)
// Meanwhile changes are received into the spool, where the mirror has one: not while a table gets its start (copy_receiver.h).
// A table that is copied anew (RESYNC) goes into a shadow all that way, which then takes the table's place.
// A chunk that finds the table rewritten or altered sends the table back to its start; at the second time it is cut by
// key, so that a table that is rewritten again and again arrives all the same (9).

#include <algorithm>
#include <iterator>

#include "chunk_work.h"
#include "chunk_workers.h"
#include "copy_receiver.h"
#include "peerd/base/log.h"
#include "phase.h"
#include "source_place.h"
#include "target_notes.h"

namespace peerd {
namespace {

std::vector<ChunkRecord> chunks_of(const MirrorTable& table, const std::vector<ChunkRecord>& chunks) {
  std::vector<ChunkRecord> own;
  std::ranges::copy_if(chunks, std::back_inserter(own), [&](const ChunkRecord& record) {
    return record.chunk.table == table.schema.id && record.chunk.start == table.start;
  });
  return own;
}

bool all_done(const std::vector<ChunkRecord>& records) { return std::ranges::all_of(records, &ChunkRecord::done); }

/// Of a table without a key a copy that is not finished is void: its snapshot went with whoever held it.
bool may_go_on(const MirrorTable& table, const std::vector<ChunkRecord>& own) {
  return !own.empty() && (!table.schema.keyless() || all_done(own));
}

/// None of the tables is still to get its start, or another.
bool is_planned(const MirrorProgress& progress, const std::vector<ChunkRecord>& chunks) {
  return std::ranges::all_of(progress.tables, [&](const MirrorTable& table) {
    const auto* const note = progress.note(table.schema.id);
    if (note == nullptr || note->resync == Resync::asked) return false;
    if (note->parked && note->resync == Resync::none) return true;  // Nothing is received of it, either.
    return note->copied || note->resync == Resync::swapping || (note->planned && may_go_on(table, chunks_of(table, chunks)));
  });
}

class Snapshot {
 public:
  Snapshot(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working)
      : context_(context),
        stop_(stop),
        working_(working),
        tables_most_(static_cast<std::size_t>(context.record.spec.integer("snapshot_num_tables_in_parallel"))),
        workers_most_(static_cast<std::size_t>(context.record.spec.integer("snapshot_max_parallel_workers"))),
        work_(tables_most_, workers_most_),
        receiver_(context, [this](std::exception_ptr why) { work_.fail(std::move(why)); }) {}

  void run();

 private:
  void load();
  void start_anew(const std::vector<std::size_t>& indexes);
  void add_planned(std::size_t index, const std::vector<ChunkRecord>& records);
  void coordinate(std::size_t pending);
  void end_table(std::size_t index);
  void swap(std::size_t index);
  void prepare_target(std::size_t index);
  Lsn horizon_of(const MirrorTable& table);
  MirrorTable placed(std::size_t index) const;
  void show(std::size_t index, std::size_t done, std::size_t total, std::uint64_t rows);
  void work(ChunkReader& reader, const std::stop_token& stop);
  void copy(ChunkReader& reader, std::unique_ptr<ChunkWriter>& writer, const ChunkWork::Job& job, const std::stop_token& stop);
  void note(const ChunkWork::Job& job, CopyCounts counts);

  PhaseContext& context_;
  const std::stop_token& stop_;
  const std::function<void()>& working_;
  const std::size_t tables_most_, workers_most_;
  ChunkWork work_;
  std::vector<MirrorTable> tables_;     // The coordinator's alone, and so is
  std::vector<std::uint32_t> moves_;  // how often each was rewritten or altered under this copy.
  std::vector<bool> anew_;  // Which are copied anew; constant while there are workers.
  std::vector<std::shared_ptr<HeldSnapshot>> held_;  // The coordinator's: of tables without a key, until they are copied.
  TargetNotes notes_;  // The coordinator's, too.
  Lsn shaped_at_;      // Of tables that were streamed already, while others are added.
  CopyReceiver receiver_;
};

void Snapshot::run() {
  const MirrorProgress progress = context_.catalog.progress(context_.record.id);
  check_identity(context_, progress, stop_);
  // All tables have their start: what is received does not wait for the target.
  if (is_planned(progress, context_.catalog.chunks(context_.record.id))) receiver_.start();
  open_target(context_, progress, stop_);
  load();
  receiver_.start();
  coordinate(tables_most_ * workers_most_);
  receiver_.stop();
}

void Snapshot::load() {
  const MirrorProgress progress = context_.catalog.progress(context_.record.id);
  const std::vector<ChunkRecord> chunks = context_.catalog.chunks(context_.record.id);
  tables_ = progress.tables;
  shaped_at_ = progress.shaped_at;
  notes_ = progress.target_tables;
  context_.show_tables(tables_);  // All at once: of some the plan comes late.
  context_.source.read_unique(tables_, patient(stop_));
  moves_.assign(tables_.size(), 0);
  anew_.assign(tables_.size(), false);
  held_.assign(tables_.size(), nullptr);
  std::vector<std::size_t> unplanned;
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    work_.add();
    const TableId id = tables_[i].schema.id;
    MirrorProgress::TableNote noted;
    for (const auto& note : progress.notes)
      if (note.table == id) noted = note;
    moves_[i] = noted.moves;
    anew_[i] = noted.resync == Resync::copying || noted.resync == Resync::swapping;
    const std::vector<ChunkRecord> own = chunks_of(tables_[i], chunks);
    if (noted.resync == Resync::asked || (noted.parked && noted.resync == Resync::none)) {
      work_.finished(i);  // Asked for a moment ago: the next attempt takes it up. Or parked until somebody asks.
    } else if (noted.resync == Resync::swapping) {
      swap(i);
    } else if (noted.copied) {
      add_planned(i, own);
      work_.finished(i);
    } else if (noted.planned && may_go_on(tables_[i], own)) {
      add_planned(i, own);
    } else {
      unplanned.push_back(i);
    }
  }
  if (!progress.target) context_.catalog.note_target(context_.lease, "", context_.target.identity(prompt(stop_)));
  if (!unplanned.empty()) start_anew(unplanned);
}

void Snapshot::add_planned(std::size_t index, const std::vector<ChunkRecord>& records) {
  std::deque<Chunk> pending;
  std::uint64_t rows = 0;
  for (const ChunkRecord& record : records) {
    if (!record.done) pending.push_back(record.chunk);
    rows += record.counts.rows;
  }
  show(index, records.size() - pending.size(), records.size(), rows);
  const MirrorTable table = placed(index);
  const CopyPlan plan = verify_at_target(context_, notes_, table, patient(stop_));
  work_.set(index, table, plan, std::move(pending), records.size());
}

void Snapshot::start_anew(const std::vector<std::size_t>& indexes) {
  receiver_.stop();  // Before the start is asked for.
  const std::vector<MirrorTable> described = context_.source.describe(patient(stop_));
  const Lsn start = context_.source.insert_position(brief(stop_));
  std::shared_ptr<HeldSnapshot> held;  // One for all of them.
  for (const std::size_t index : indexes) {
    MirrorTable& table = tables_[index];
    const auto now = std::find_if(described.begin(), described.end(),
                                  [&](const MirrorTable& t) { return t.schema.id == table.schema.id; });
    if (now == described.end())
      throw Error(ErrorText{.code = ErrorCode::schema_changed,
                            .message = "table " + table.schema.qualified() + " was dropped or made again during the copy",
                            .detail = {},
                            .hint = "RESYNC TABLE " + table.schema.qualified() + " OF " + context_.record.spec.name +
                                    " copies the one that is there now; or take it out with ALTER MIRROR … DROP TABLE and RESUME",
                            .field = {}, .table = table.schema.qualified(), .origin = {}, .retry = {}});
    MirrorTable anew = *now;
    carry_kept(table, anew);
    table = std::move(anew);
    if (table.schema.keyless() && !held)
      held = context_.source.hold_snapshot([&](std::string words) { context_.step(std::move(words)); }, unbounded(stop_));
    held_[index] = table.schema.keyless() ? held : nullptr;
    table.start = held_[index] ? held->start() : start;
    context_.step("preparing " + table.target_name + " at the target");
    // Void first, so that a crash from here on finds no finished chunk of rows that are gone.
    context_.catalog.plan(context_.lease, table, {});
    prepare_target(index);
  }
  context_.catalog.set_tables(context_.lease, tables_, shaped_at_);
  receiver_.start();
  context_.source.await_settled([&](std::string words) { context_.step(std::move(words)); }, unbounded(stop_));
  const auto rows = static_cast<std::uint64_t>(context_.record.spec.integer("snapshot_num_rows_per_partition"));
  for (const std::size_t index : indexes) {
    context_.step("planning " + tables_[index].schema.qualified());
    constexpr std::uint32_t kMovesByBlocks = 2;
    const CutBy by = moves_[index] < kMovesByBlocks || held_[index] ? CutBy::blocks : CutBy::key;
    std::vector<Chunk> chunks = context_.source.plan(tables_[index], by, rows, patient(stop_));
    for (Chunk& chunk : chunks) chunk.snapshot = held_[index] ? held_[index]->name() : "";
    context_.catalog.plan(context_.lease, tables_[index], chunks);
    std::vector<ChunkRecord> records;
    for (const Chunk& chunk : chunks) records.push_back({chunk, false, {}});
    add_planned(index, records);
  }
}

void Snapshot::prepare_target(std::size_t index) {
  const MirrorTable& table = tables_[index];
  if (anew_[index]) return create_shadow_at_target(context_, notes_, table, unbounded(stop_));
  context_.target.restart_copy(table, note_of(notes_, table), unbounded(stop_));
  create_at_target(context_, notes_, table, patient(stop_));
}

/// The table as the target is to take its rows.
MirrorTable Snapshot::placed(std::size_t index) const {
  return anew_[index] ? shadow_at_target(context_, tables_[index]) : tables_[index];
}

void Snapshot::coordinate(std::size_t worker_count) {
  const ChunkWorkers workers(
      worker_count, [&] { return context_.source.open_reader(brief(stop_)); },
      [this](ChunkReader& reader, const std::stop_token& stop) { work(reader, stop); }, stop_);
  while (const auto event = work_.next_event(stop_)) {
    if (event->kind == ChunkWork::Event::Kind::copied) {
      end_table(event->table);
    } else {
      const std::string name = tables_[event->table].schema.qualified();
      log(LogLevel::warning, "the table was rewritten or altered during its copy: it starts anew",
          {.mirror = context_.record.spec.name, .table = name});
      context_.catalog.log(context_.record.id, {.level = "warning", .message = name + " was rewritten or altered during its copy",
                                                .detail = "its copy starts anew", .hint = {}});
      context_.catalog.moved(context_.lease, tables_[event->table].schema.id);
      ++moves_[event->table];
      start_anew({event->table});
    }
  }
}

void Snapshot::end_table(std::size_t index) {
  const MirrorTable& table = tables_[index];
  held_[index].reset();
  context_.step("finishing " + table.target_name + ": keys");
  context_.target.end_copy(placed(index), unbounded(stop_));
  if (anew_[index]) {
    // Not when it was asked for again meanwhile: then the next attempt begins it anew.
    if (context_.catalog.begin_swap(context_.lease, table.schema.id)) return swap(index);
    return work_.finished(index);
  }
  context_.catalog.copied(context_.lease, table.schema.id, horizon_of(table));
  work_.finished(index);
}

/// A copy of one snapshot shows nothing from the future.
Lsn Snapshot::horizon_of(const MirrorTable& table) {
  return table.schema.keyless() ? table.start : context_.source.insert_position(brief(stop_));
}

/// Repeated after a crash until the catalog knows of it.
void Snapshot::swap(std::size_t index) {
  const MirrorTable &table = tables_[index], shadow = placed(index);
  context_.step("putting the copy of " + table.schema.qualified() + " into its place");
  TargetIdentity identity = context_.target.swap(table, note_of(notes_, shadow).value_or(TargetIdentity{}), unbounded(stop_));
  const Lsn horizon = horizon_of(table);
  const bool apart = shadow.target_name != table.target_name;
  context_.catalog.resynced(context_.lease, table, horizon, apart ? shadow.target_name : "", identity);
  if (apart) notes_.erase(shadow.target_name);
  notes_[table.target_name] = std::move(identity);
  tell(context_, table.schema.qualified() + " was copied anew");
  work_.finished(index);
}

void Snapshot::show(std::size_t index, std::size_t done, std::size_t total, std::uint64_t rows) {
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    const MirrorTable& table = tables_[index];
    TableStatus& shown = status.tables[index];
    shown.id = table.schema.id;
    shown.source = table.schema.qualified();
    shown.target = table.target_name;
    shown.chunks_done = done;
    shown.chunks_total = total;
    shown.rows_copied = rows;
  });
}

void Snapshot::work(ChunkReader& reader, const std::stop_token& stop) {
  try {
    std::unique_ptr<ChunkWriter> writer;
    while (const auto job = work_.next(stop)) copy(reader, writer, *job, stop);
  } catch (const Stopped&) {
  } catch (...) {
    work_.fail(std::current_exception());
  }
}

void Snapshot::copy(ChunkReader& reader, std::unique_ptr<ChunkWriter>& writer, const ChunkWork::Job& job,
                    const std::stop_token& stop) {
  if (!writer) writer = context_.target.open_writer(brief(stop));
  context_.step((anew_[job.table] ? "copying anew " : "copying ") + job.shape.schema.qualified() + ", chunk " + std::to_string(job.chunk.number + 1) + " of " +
                std::to_string(job.total));
  CopyCounts counts;
  if (writer->begin(job.shape, job.chunk, job.plan, counts, patient(stop)) == ChunkWriter::Begun::ready) {
    if (reader.open(job.shape, job.chunk, job.plan, patient(stop)) == ChunkReader::Opened::table_moved) {
      writer.reset();  // It may hold locks at the target that the fresh start needs.
      work_.moved(job);
      return;
    }
    for (auto rows = reader.read(patient(stop)); !rows.empty(); rows = reader.read(patient(stop)))
      writer->write(rows, patient(stop));
    counts = writer->finish(patient(stop));
    context_.count_unfit(job.shape, writer->unfit());
  }
  note(job, counts);
  work_.done(job);
}

void Snapshot::note(const ChunkWork::Job& job, CopyCounts counts) {
  context_.catalog.chunk_done(context_.lease, job.chunk, counts);
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    TableStatus& shown = status.tables[job.table];
    ++shown.chunks_done;
    shown.rows_copied += counts.rows;
  });
  context_.observer.chunk_done(context_.record.id, {job.chunk, true, counts});
  working_();
}

}  // namespace

void copy_tables(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working) {
  Snapshot(context, stop, working).run();
}

}  // namespace peerd
