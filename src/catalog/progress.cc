#include <algorithm>

#include "peerd/base/error.h"
#include "spec_json.h"
#include "sql_catalog.h"

namespace peerd {

namespace {

constexpr std::int64_t kKept = 1000;         // Batches and log lines of a mirror.
constexpr std::int64_t kAfterAll = 1 << 30;  // The place of a table that set_tables() has not listed.

std::int64_t epoch_of(const Lease& lease) { return static_cast<std::int64_t>(lease.epoch); }
std::int64_t bits(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::int64_t oid(TableId table) { return table.oid; }

}  // namespace

MirrorProgress SqlCatalog::progress(MirrorId mirror) {
  Lock lock(mutex_);
  // One transaction, so that all parts are of one moment.
  sqlite::Transaction transaction(database_);
  MirrorProgress progress;
  {
    Rows rows = ask(Sql::progress, {mirror.value});
    if (!rows.next()) throw Error(ErrorCode::not_found, "the mirror does not exist");
    progress.slot_intended = rows.integer(0) != 0;
    progress.slot_outdated = rows.integer(0) == 2;
    if (const std::string slot = rows.text(1); !slot.empty()) progress.slot = SlotStart{slot, read_lsn(rows.text(2))};
    if (const std::uint64_t system = unsigned_of(rows.integer(3)); system != 0 || progress.slot)
      progress.identity = SourceIdentity{system, static_cast<std::uint32_t>(rows.integer(4)),
                                         static_cast<std::uint32_t>(rows.integer(7)), rows.text(8)};
    if (const std::string checkpoint = rows.text(5); !checkpoint.empty())
      progress.checkpoint = Durable{read_lsn(checkpoint)};
    progress.shaped_at = read_lsn(rows.text(6));
    progress.spooled_to = read_lsn(rows.text(9));
    progress.spool_shaped = unsigned_of(rows.integer(10));
  }
  progress.tables = read_tables(mirror, &progress.notes);
  for (Rows rows = ask(Sql::target_notes, {mirror.value}); rows.next();) {
    const std::string name = rows.text(0);
    if (name.empty()) progress.target = read_identity(rows.text(1));
    if (!name.empty()) progress.target_tables[name] = read_identity(rows.text(1));
  }
  transaction.commit();
  return progress;
}

std::vector<MirrorTable> SqlCatalog::read_tables(MirrorId mirror, std::vector<MirrorProgress::TableNote>* notes) {
  std::vector<MirrorTable> tables;
  for (Rows rows = ask(Sql::all_tables, {mirror.value}); rows.next();) {
    tables.push_back(read_table(rows.text(1)));
    tables.back().start = read_lsn(rows.text(2));
    if (notes)
      notes->push_back({tables.back().schema.id, rows.integer(3) != 0, rows.integer(4) != 0, read_lsn(rows.text(5)),
                        static_cast<std::uint32_t>(rows.integer(6)), static_cast<Resync>(rows.integer(7)), read_parked(rows.text(8))});
  }
  return tables;
}

void SqlCatalog::intend_slot(const Lease& lease) {
  Lock lock(mutex_);
  require_lease(run(Sql::intend_slot, {lease.mirror.value, epoch_of(lease)}));
}

void SqlCatalog::forget_slot(const Lease& lease) {
  Lock lock(mutex_);
  require_lease(run(Sql::forget_slot, {lease.mirror.value, epoch_of(lease)}));
}

void SqlCatalog::put_source(const Lease& lease, const SourceIdentity& identity) {
  require_lease(run(Sql::note_source, {lease.mirror.value, epoch_of(lease), bits(identity.system_identifier),
                                       std::int64_t{identity.timeline}, std::int64_t{identity.database_oid},
                                       identity.database}));
}

void SqlCatalog::note_source(const Lease& lease, const SourceIdentity& identity) {
  Lock lock(mutex_);
  put_source(lease, identity);
}

void SqlCatalog::begin(const Lease& lease, const SlotStart& slot, const SourceIdentity& identity) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  put_source(lease, identity);
  run(Sql::begin_slot, {lease.mirror.value, epoch_of(lease), slot.slot, lsn_text(slot.consistent_point)});
  transaction.commit();
}

void SqlCatalog::forget_table(MirrorId mirror, const MirrorTable& table) {
  run(Sql::delete_table_chunks, {mirror.value, oid(table.schema.id)});
  run(Sql::delete_table, {mirror.value, oid(table.schema.id)});
  run(Sql::delete_target_note, {mirror.value, table.target_name});
}

void SqlCatalog::set_tables(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  put_tables(lease, tables, shaped_at);
  transaction.commit();
}

void SqlCatalog::took_shape(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at, std::uint64_t record) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  put_tables(lease, tables, shaped_at);
  run(Sql::set_spool_shaped, {lease.mirror.value, epoch_of(lease), bits(record)});
  transaction.commit();
}

void SqlCatalog::put_tables(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at) {
  require_lease(run(Sql::set_shaped_at, {lease.mirror.value, epoch_of(lease), lsn_text(shaped_at)}));
  const std::int64_t mirror = lease.mirror.value;
  for (const MirrorTable& before : read_tables(lease.mirror, nullptr)) {
    const auto now = std::find_if(tables.begin(), tables.end(),
                                  [&](const MirrorTable& table) { return table.schema.id == before.schema.id; });
    if (now == tables.end()) forget_table(lease.mirror, before);
    // Another start voids what was copied from the old one (rules.md 9).
    if (now != tables.end() && now->start != before.start) {
      run(Sql::void_table, {mirror, oid(before.schema.id)});
      run(Sql::delete_table_chunks, {mirror, oid(before.schema.id)});
    }
  }
  std::int64_t position = 0;
  for (const MirrorTable& table : tables)
    run(Sql::put_table, {mirror, oid(table.schema.id), position++, table_json(table), lsn_text(table.start)});
}

void SqlCatalog::plan(const Lease& lease, const MirrorTable& table, std::span<const Chunk> chunks) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  const std::int64_t mirror = lease.mirror.value, id = oid(table.schema.id);
  run(Sql::delete_table_chunks, {mirror, id});
  run(Sql::put_planned_table,
      {mirror, id, kAfterAll, table_json(table), lsn_text(table.start), std::int64_t{!chunks.empty()}});
  for (const Chunk& chunk : chunks) {
    run(Sql::insert_chunk, {mirror, id, lsn_text(chunk.start), std::int64_t{chunk.number},
                            std::int64_t{chunk.file_node}, bits(chunk.first_block), bits(chunk.end_block),
                            chunk.range ? key_range_json(*chunk.range) : std::string(), oid(chunk.part)});
  }
  transaction.commit();
}

void SqlCatalog::chunk_done(const Lease& lease, const Chunk& chunk, CopyCounts counts) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  run(Sql::chunk_done, {lease.mirror.value, oid(chunk.table), lsn_text(chunk.start), std::int64_t{chunk.number},
                        bits(counts.rows), bits(counts.bytes)});
  transaction.commit();
}

std::vector<ChunkRecord> SqlCatalog::chunks(MirrorId mirror) {
  Lock lock(mutex_);
  std::vector<ChunkRecord> records;
  for (Rows rows = ask(Sql::all_chunks, {mirror.value}); rows.next();) {
    ChunkRecord record;
    record.chunk.table.oid = static_cast<std::uint32_t>(rows.integer(0));
    record.chunk.start = read_lsn(rows.text(1));
    record.chunk.number = static_cast<std::uint32_t>(rows.integer(2));
    record.chunk.file_node = static_cast<std::uint32_t>(rows.integer(3));
    record.chunk.first_block = unsigned_of(rows.integer(4));
    record.chunk.end_block = unsigned_of(rows.integer(5));
    record.done = rows.integer(6) != 0;
    record.counts = {unsigned_of(rows.integer(7)), unsigned_of(rows.integer(8))};
    if (const std::string range = rows.text(9); !range.empty()) record.chunk.range = read_key_range(range);
    record.chunk.part.oid = static_cast<std::uint32_t>(rows.integer(10));
    records.push_back(std::move(record));
  }
  return records;
}

void SqlCatalog::moved(const Lease& lease, TableId table) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  run(Sql::moved_table, {lease.mirror.value, oid(table)});
  transaction.commit();
}

void SqlCatalog::copied(const Lease& lease, TableId table, Lsn horizon) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  run(Sql::copied_table, {lease.mirror.value, oid(table), lsn_text(horizon)});
  transaction.commit();
}

void SqlCatalog::park(const Lease& lease, TableId table, const ParkedTable& parked) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  run(Sql::park_table, {lease.mirror.value, oid(table), parked_json(parked)});
  transaction.commit();
}

void SqlCatalog::ask_resync(MirrorId mirror, std::span<const TableId> tables) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  for (const TableId table : tables) {
    if (run(Sql::ask_resync, {mirror.value, oid(table)}) == 1) continue;
    throw Error(ErrorCode::wrong_state, "a table of the mirror was changed by somebody else meanwhile", "try again");
  }
  transaction.commit();
}

void SqlCatalog::begin_resync(const Lease& lease, TableId before, const MirrorTable& table) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  const std::int64_t mirror = lease.mirror.value;
  if (before != table.schema.id) {
    for (const MirrorTable& other : read_tables(lease.mirror, nullptr)) {
      if (other.schema.id != table.schema.id) continue;
      throw Error(ErrorText{.code = ErrorCode::schema_changed,
                            .message = "table " + table.schema.qualified() + " is what the mirror knows as " + other.target_name +
                                       " at the target: tables have changed names at the source",
                            .hint = "give them their names back and RESUME MIRROR; or ALTER MIRROR … DROP TABLE both, and ADD TABLE them again",
                            .table = table.schema.qualified(), .retry = Retry::after_operator});
    }
  }
  if (run(Sql::begin_resync, {mirror, oid(before), oid(table.schema.id), table_json(table), lsn_text(table.start)}) == 0) return;
  for (const TableId id : {before, table.schema.id}) run(Sql::delete_table_chunks, {mirror, oid(id)});
  if (before != table.schema.id) run(Sql::delete_table, {mirror, oid(before)});
  transaction.commit();
}

bool SqlCatalog::begin_swap(const Lease& lease, TableId table) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  const bool begun = run(Sql::begin_swap, {lease.mirror.value, oid(table)}) == 1;
  transaction.commit();
  return begun;
}

void SqlCatalog::resynced(const Lease& lease, const MirrorTable& table, Lsn horizon, const std::string& shadow,
                          const TargetIdentity& identity) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  // Not when it was asked for again meanwhile; what stands at the target is noted all the same.
  run(Sql::resynced_table, {lease.mirror.value, oid(table.schema.id), lsn_text(horizon)});
  if (!shadow.empty()) run(Sql::delete_target_note, {lease.mirror.value, shadow});
  run(Sql::put_target_note, {lease.mirror.value, table.target_name, identity_json(identity)});
  transaction.commit();
}

void SqlCatalog::note_target(const Lease& lease, const std::string& name, const TargetIdentity& identity) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  require_lease(run(Sql::fence, {lease.mirror.value, epoch_of(lease)}));
  run(Sql::put_target_note, {lease.mirror.value, name, identity_json(identity)});
  transaction.commit();
}

Stored SqlCatalog::checkpoint(const Lease& lease, Durable durable, const BatchRecord& batch) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  const std::int64_t mirror = lease.mirror.value;
  require_lease(run(Sql::store_checkpoint, {mirror, epoch_of(lease), lsn_text(durable.lsn)}));
  if (batch.changes() > 0) {
    using std::chrono::duration_cast, std::chrono::microseconds, std::chrono::milliseconds;
    const auto ms = [](microseconds time) { return std::int64_t{duration_cast<milliseconds>(time).count()}; };
    const auto us = [&](Stage stage) { return std::int64_t{duration_cast<microseconds>(batch.stages[stage]).count()}; };
    run(Sql::insert_batch, {mirror, wall_us(), lsn_text(batch.first), lsn_text(batch.end), bits(batch.inserts),
                            bits(batch.updates), bits(batch.deletes), bits(batch.truncates), bits(batch.bytes),
                            ms(batch.waited), ms(batch.applied), us(Stage::receive), us(Stage::decode), us(Stage::full),
                            us(Stage::empty), us(Stage::encode), us(Stage::apply), us(Stage::commit), us(Stage::checkpoint)});
    run(Sql::prune_batches, {mirror, kKept});
  }
  transaction.commit();
  return vouch(durable);
}

Stored SqlCatalog::spooled(const Lease& lease, Spooled position) {
  Lock lock(mutex_);
  require_lease(run(Sql::store_spooled, {lease.mirror.value, epoch_of(lease), lsn_text(position.lsn())}));
  return vouch(position);
}

std::vector<ProgressStore::BatchNote> SqlCatalog::batches(MirrorId mirror) {
  Lock lock(mutex_);
  std::vector<BatchNote> notes;
  for (Rows rows = ask(Sql::all_batches, {mirror.value}); rows.next();) {
    BatchNote note;
    note.id = rows.integer(0);
    note.at_us = rows.integer(1);
    BatchRecord& batch = note.batch;
    batch.first = read_lsn(rows.text(2));
    batch.end = read_lsn(rows.text(3));
    batch.inserts = unsigned_of(rows.integer(4));
    batch.updates = unsigned_of(rows.integer(5));
    batch.deletes = unsigned_of(rows.integer(6));
    batch.truncates = unsigned_of(rows.integer(7));
    batch.bytes = unsigned_of(rows.integer(8));
    batch.waited = std::chrono::milliseconds(rows.integer(9));
    batch.applied = std::chrono::milliseconds(rows.integer(10));
    for (std::size_t stage = 0; stage < kStageNames.size(); ++stage)
      batch.stages.at(stage) = std::chrono::microseconds(rows.integer(11 + static_cast<int>(stage)));
    notes.push_back(note);
  }
  return notes;
}

void SqlCatalog::log(MirrorId mirror, const LogRecord& record) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  run(Sql::insert_log, {mirror.value, record.at_us != 0 ? record.at_us : wall_us(), record.level, record.message,
                        record.detail, record.hint});
  run(Sql::prune_logs, {mirror.value, kKept});
  transaction.commit();
}

std::vector<LogRecord> SqlCatalog::logs(MirrorId mirror) {
  Lock lock(mutex_);
  std::vector<LogRecord> records;
  for (Rows rows = ask(Sql::all_logs, {mirror.value}); rows.next();) {
    records.push_back({rows.integer(0), rows.integer(1), rows.text(2), rows.text(3), rows.text(4), rows.text(5)});
  }
  return records;
}

}  // namespace peerd
