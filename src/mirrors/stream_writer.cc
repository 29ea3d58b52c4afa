#include "stream_writer.h"

#include <algorithm>
#include <utility>

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"
#include "retry_policy.h"

namespace peerd {
namespace {

void count(const Batch& batch, BatchRecord& record) {
  const ChangeCounts counts = batch.count();
  record.inserts += counts.of(ChangeView::Kind::insert);
  record.updates += counts.of(ChangeView::Kind::update);
  record.deletes += counts.of(ChangeView::Kind::remove);
  record.truncates += counts.of(ChangeView::Kind::truncate);
  record.bytes += batch.bytes();
}

void count_by_table(const Batch& batch, std::vector<TableStatus>& shown) {
  for (std::size_t i = 0; i < batch.tables().size(); ++i) {
    const auto found = std::ranges::find(shown, batch.tables()[i].schema.id, &TableStatus::id);
    if (found == shown.end()) continue;
    const ChangeCounts& counts = batch.counts()[i];
    found->inserts += counts.of(ChangeView::Kind::insert);
    found->updates += counts.of(ChangeView::Kind::update);
    found->deletes += counts.of(ChangeView::Kind::remove);
  }
}

std::string renamed_columns(const TableSchema& from, const TableSchema& to) {
  std::string names;
  for (const Renaming& one : renamings(from, to))
    names += (names.empty() ? "" : ", ") + quote_identifier(one.from) + " is " + quote_identifier(one.to) + " now";
  return names;
}

/// "n" is bigint now, which was integer.
std::string retyped_columns(const TableSchema& from, const TableSchema& to) {
  std::string words;
  for (const Column& now : retypings(from, to)) {
    const auto before = std::ranges::find(from.columns, now.number, &Column::number);
    words += (words.empty() ? "" : ", ") + quote_identifier(now.name) + " is " + now.type_name + " now, which was " + before->type_name;
  }
  return words;
}

std::string nullable_columns(const TableSchema& from, const TableSchema& to) {
  std::string names;
  for (const Column& column : from.columns) {
    const auto now = std::ranges::find(to.columns, column.number, &Column::number);
    if (now != to.columns.end() && now->nullable && !column.nullable) names += (names.empty() ? "" : ", ") + quote_identifier(now->name);
  }
  return names;
}

/// Columns that were dropped, and of which rows of before may come once more, out of the spool.
std::map<TableId, std::vector<std::int16_t>> gone_columns(const std::vector<MirrorTable>& tables) {
  std::map<TableId, std::vector<std::int16_t>> gone;
  for (const MirrorTable& table : tables)
    for (const CatalogNotes::Excluded& column : table.notes.excluded)
      if (column.number > 0) gone[table.schema.id].push_back(column.number);
  return gone;
}

/// What the table is without, or has come to have.
std::string became(const TableSchema& from, const TableSchema& to, bool drops) {
  const auto beyond = [](const TableSchema& some, const TableSchema& others) {
    std::string names;
    for (const Column& column : some.columns) {
      if (std::ranges::find(others.columns, column.number, &Column::number) != others.columns.end()) continue;
      names += (names.empty() ? "" : ", ") + quote_identifier(column.name);
    }
    return names;
  };
  std::string words;
  const auto tell = [&](const char* what, const std::string& columns, const char* then) {
    if (!columns.empty()) words += (words.empty() ? "" : "; ") + (what + columns) + then;
  };
  tell("has gained columns ", beyond(to, from), ": the target follows");
  tell("has lost columns ", beyond(from, to), drops ? ": the target drops them" : ": the target keeps them, and nothing more comes for them");
  tell("has renamed columns: ", renamed_columns(from, to), ": the target follows; settings of the mapping stay with the column");
  tell("has columns of other types: ", retyped_columns(from, to), ": the target follows");
  tell("has columns that may be NULL now: ", nullable_columns(from, to), ": the target follows");
  return words;
}

}  // namespace

StreamWriter::StreamWriter(PhaseContext& context, ChangeStream& stream, ChangeQueue& queue, RowLookup& lookup,
                           Horizons& horizons, const MirrorProgress& progress, const std::function<void()>& working)
    : context_(context),
      stream_(stream),
      queue_(queue),
      lookup_(lookup),
      horizons_(horizons),
      working_(working),
      drops_(context.record.spec.drops_columns()),
      gone_(gone_columns(progress.tables)),
      tables_(progress.tables),
      target_notes_(progress.target_tables),
      shaped_at_(progress.shaped_at),
      stored_horizon_(horizons.highest()),
      stored_to_(progress.checkpoint ? progress.checkpoint->lsn : Lsn{}),
      spool_shaped_(progress.spool_shaped) {}

void StreamWriter::run(const std::stop_token& stop, const std::atomic<bool>& finish) {
  constexpr std::chrono::milliseconds kIdle{100}, kSettle{50};
  while (!finish) {
    store_notes();
    const auto begin = std::chrono::steady_clock::now();
    auto next = queue_.pop(Wait::at_most(unsettled_ ? kSettle : kIdle, stop));
    record_.stages[Stage::empty] += std::chrono::steady_clock::now() - begin;
    if (!next) {
      settle(stop);
      continue;
    }
    if (const auto* shape = std::get_if<NewShape>(&next->item)) {
      settle(stop);
      if (next->record == 0 || next->record > spool_shaped_) take_shape(*shape, next->record, stop);
      done_with(nullptr);
    } else {
      record_.waited = std::max(record_.waited, next->waited);
      apply(std::move(std::get<std::unique_ptr<Batch>>(next->item)), stop);
    }
  }
  settle(stop);
}

void StreamWriter::apply(std::unique_ptr<Batch> batch, const std::stop_token& stop) {
  for (const auto& [id, numbers] : gone_) batch->leave_out(id, numbers);
  note_truncates(*batch);
  const auto begin = std::chrono::steady_clock::now();
  const auto before = Blocked::so_far();
  const ApplyResult result = context_.target.apply(*batch, ApplyContext{lookup_, horizons_, patient(stop)});
  count_time(std::chrono::steady_clock::now() - begin, Blocked::so_far() - before, result.committing);
  count(*batch, record_);
  for (const MirrorTable& table : batch->tables())
    if (!result.unfit.empty()) context_.count_unfit(table, result.unfit);
  store_horizons(*batch);
  open_tail_ = batch->open_tail();
  complete_to_ = batch->complete_to();
  unsettled_ = result.durable.lsn < result.applied.lsn;
  if (result.durable.lsn > stored_to_) store(result.durable);
  show(*batch, result);
  done_with(std::move(batch));
  working_();
}

/// The reader may wait with the next.
void StreamWriter::done_with(std::unique_ptr<Batch> spent) {
  queue_.done(std::move(spent));
  if (queue_.wants() && queue_.offered) stream_.wake();
}

void StreamWriter::count_time(std::chrono::nanoseconds all, std::chrono::nanoseconds blocked, std::chrono::nanoseconds committing) {
  record_.applied += std::chrono::duration_cast<std::chrono::microseconds>(all);
  record_.stages[Stage::encode] += all - blocked;
  record_.stages[Stage::apply] += blocked - committing;
  record_.stages[Stage::commit] += committing;
}

void StreamWriter::store(Durable durable) {
  record_.first = stored_to_;
  record_.end = durable.lsn;
  record_.stages += queue_.reading.take();
  const auto begin = std::chrono::steady_clock::now();
  const Stored stored = context_.catalog.checkpoint(context_.lease, durable, record_);
  const auto checkpoint = std::chrono::steady_clock::now() - begin;
  stored_to_ = std::max(stored_to_, stored.lsn());
  stream_.confirm(stored);
  stream_.applied(stored);
  horizons_.passed(stored.lsn());
  // A position alone is no record: its times are those of what comes next.
  BatchRecord next{.first = {}, .end = {}};
  if (record_.changes() > 0) {
    context_.observer.batch_done(context_.record.id, record_);
  } else {
    next.applied = record_.applied;
    next.stages = record_.stages;
  }
  next.stages[Stage::checkpoint] += checkpoint;
  record_ = next;
  if (unstored_shape_ != 0 || !held_back_.empty()) store_shapes();
  queue_.stored(stored_to_);
}

/// Nothing follows soon, or the stream ends: what stands at the target is made durable, and is confirmed.
void StreamWriter::settle(const std::stop_token& stop) {
  if (!unsettled_) return;
  unsettled_ = false;
  const auto begin = std::chrono::steady_clock::now();
  const std::optional<Durable> durable = context_.target.settle(patient(stop));
  record_.stages[Stage::commit] += std::chrono::steady_clock::now() - begin;
  if (!durable || durable->lsn <= stored_to_) return;
  store(*durable);
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    status.applied = std::max(status.applied, durable->lsn);
    status.confirmed = std::max(status.confirmed, stored_to_);
    if (status.applied >= status.awaited) status.position_lag = {};
  });
}

/// A horizon that lookups raised for single keys is stored for the tables of the batch before the checkpoint is: whoever
/// starts from that checkpoint must know that rows from the future stand at the target (rules.md 14).
void StreamWriter::store_horizons(const Batch& batch) {
  if (horizons_.highest() <= stored_horizon_) return;
  stored_horizon_ = horizons_.highest();
  for (const MirrorTable& table : batch.tables()) context_.catalog.copied(context_.lease, table.schema.id, stored_horizon_);
}

/// Before it is applied: no row is left that would tell of it where the answer is lost (Target::reached()).
void StreamWriter::note_truncates(const Batch& batch) {
  const Lsn to = std::max(Lsn{batch.last_commit().value + 1}, horizons_.highest());
  for (std::size_t i = 0; i < batch.tables().size(); ++i)
    if (batch.counts()[i].of(ChangeView::Kind::truncate) > 0) context_.catalog.copied(context_.lease, batch.tables()[i].schema.id, to);
}

/// Before what it hangs on is stored: after a crash it is told again rather than never.
void StreamWriter::tell(const NewShape& shape) {
  if (shape.words.empty()) return;
  log(LogLevel::warning, shape.words + (shape.hint.empty() ? "" : "; " + shape.hint),
      {.mirror = context_.record.spec.name, .table = shape.table.schema.qualified()});
  context_.catalog.log(context_.record.id,
                       {.level = "warning", .message = shape.words, .detail = {}, .hint = shape.hint});
}

/// Not before all that came in the shape of before is at the target for good: it would come again, out of the spool as it was,
/// after a crash; and a transaction that is open at the target may take back what was altered in it.
void StreamWriter::store_shapes() {
  if (open_tail_ || stored_to_ < complete_to_) return;
  held_back_.clear();
  for (MirrorTable& table : tables_) table.notes.dropping.clear();
  if (unstored_shape_ == 0) return store_tables();
  context_.catalog.took_shape(context_.lease, tables_, shaped_at_, unstored_shape_);
  spool_shaped_ = std::exchange(unstored_shape_, 0);
}

/// Until then the catalog keeps the shapes of before: whoever starts from there comes by the new ones again.
void StreamWriter::store_tables() {
  std::vector<MirrorTable> tables = tables_;
  for (MirrorTable& table : tables) {
    const auto held = held_back_.find(table.schema.id);
    if (held == held_back_.end()) continue;
    MirrorTable before = held->second;
    before.coverage = table.coverage;
    before.notes.renaming.clear();
    for (Renaming& one : renamings(before.schema, table.schema)) before.notes.renaming.push_back({std::move(one.to), one.number});
    before.notes.dropping.clear();
    for (const auto& [name, number] : table.notes.dropping) {
      const auto own = std::ranges::find(before.schema.columns, number, &Column::number);
      if (own == before.schema.columns.end()) continue;
      before.notes.dropping.push_back({name, number});
      if (own->name != name) before.notes.renaming.push_back({name, number});
    }
    for (Column& column : retypings(before.schema, table.schema)) {
      std::erase_if(before.notes.retyping, [&](const Column& known) { return known.number == column.number; });
      before.notes.retyping.push_back(std::move(column));
    }
    table = std::move(before);
  }
  context_.catalog.set_tables(context_.lease, tables, held_back_.empty() ? shaped_at_ : held_shaped_at_);
}

/// Its names and types are stored before they are given: of a crash in the middle names are taken back at the next start, which
/// finds the table as the catalog has it; with types it may be either. So is what is to be dropped: the target knows if it was.
void StreamWriter::begin_shape(const MirrorTable& from, const MirrorTable& to) {
  if (held_back_.empty()) held_shaped_at_ = shaped_at_;
  held_back_.emplace(from.schema.id, from);
  const bool drops = drops_ && !droppings(from.schema, to.schema).empty();
  if (!drops && renamings(from.schema, to.schema).empty() && retypings(from.schema, to.schema).empty()) return;
  const MirrorTable before = std::exchange(*find_table(from.schema.id), to);
  store_tables();
  *find_table(from.schema.id) = before;
}

/// What stands against it is the table's, whoever says it.
void StreamWriter::alter(const MirrorTable& from, const MirrorTable& to, const std::stop_token& stop) {
  try {
    context_.target.alter(from, to, patient(stop));
  } catch (Error& error) {
    if (error.text.table.empty() && verdict_of(error.text) != Verdict::retry) error.text.table = from.schema.qualified();
    throw;
  }
}

MirrorTable* StreamWriter::find_table(TableId id) {
  const auto found = std::ranges::find(tables_, id, [](const MirrorTable& table) { return table.schema.id; });
  return found == tables_.end() ? nullptr : &*found;
}

void StreamWriter::take_shape(NewShape shape, std::uint64_t record, const std::stop_token& stop) {
  const std::string name = shape.table.schema.qualified();
  const bool only_notes = shape.commit == Lsn{};
  MirrorTable* const found = find_table(shape.table.schema.id);
  if (found == nullptr) throw Error(ErrorCode::internal, "a new shape came for " + name + ", which is not mirrored");
  if (const auto gone = gone_.find(shape.table.schema.id); gone != gone_.end())
    drop_columns(shape.table.schema, shape.table.notes, gone->second);
  shape.table.notes.dropping = found->notes.dropping;
  if (drops_)
    for (const Column& column : droppings(found->schema, shape.table.schema))
      shape.table.notes.dropping.push_back({column.name, column.number});
  std::string words;
  if (!only_notes) {
    begin_shape(*found, shape.table);
    alter(*found, shape.table, stop);
    words = became(found->schema, shape.table.schema, drops_);
    if (!shape.table.notes.excluded.empty() || !renamings(found->schema, shape.table.schema).empty())
      note_altered(context_, target_notes_, shape.table, patient(stop));
  }
  const CoverageNote noted = std::move(found->coverage);  // Newer than what the stream was opened with.
  *found = shape.table;
  found->coverage = noted;
  found->notes.renaming.clear();
  if (shape.horizon > Lsn{}) {
    horizons_.raise(shape.table.schema.id, shape.horizon);
    context_.catalog.copied(context_.lease, shape.table.schema.id, horizons_.highest());
  }
  shaped_at_ = std::max(shaped_at_, shape.commit);
  tell(shape);
  if (record != 0) unstored_shape_ = record;
  if (record == 0 && only_notes) store_tables();
  else store_shapes();
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    status.horizon = shown_horizon(horizons_.highest(), tables_);
  });
  if (only_notes) return;
  log(LogLevel::info, "the table " + words,
      {.mirror = context_.record.spec.name, .table = name, .lsn = to_string(shape.commit)});
  context_.catalog.log(context_.record.id, {.level = "info", .message = name + " " + words,
                                            .detail = "from the transaction at " + to_string(shape.commit) + " on", .hint = {}});
}

/// What a table's coverage is compared with at the next start (rules.md 36).
void StreamWriter::store_notes() {
  if (unstored_shape_ != 0) return;
  const auto notes = stream_.noted();
  if (notes.empty()) return;
  for (const auto& [id, note] : notes) {
    for (MirrorTable& table : tables_)
      if (table.schema.id == id) table.coverage = note;
  }
  store_tables();
  context_.catalog.log(context_.record.id, {.level = "info", .message = "how the tables stand at the source is noted anew",
                                            .detail = std::to_string(notes.size()) + " tables; gaps are looked for from here on", .hint = {}});
}

void StreamWriter::show(const Batch& batch, const ApplyResult& result) {
  const std::string words = queue_.words();
  context_.board.update(context_.record.id, [&](MirrorStatus& status) {
    status.applied = std::max(status.applied, result.durable.lsn);
    status.confirmed = std::max(status.confirmed, stored_to_);
    status.horizon = shown_horizon(horizons_.highest(), tables_);
    if (status.applied >= status.awaited) status.position_lag = {};
    status.rows_streamed += batch.size();
    status.step = words.empty() ? "streaming" : words;
    count_by_table(batch, status.tables);
  });
}

}  // namespace peerd
