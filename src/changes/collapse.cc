#include "peerd/changes/collapse.h"

#include <algorithm>
#include <bit>

#include "peerd/changes/horizon.h"

namespace peerd {
namespace {

using Cells = std::span<const CellView>;
constexpr std::uint32_t kNone = ~0u;

bool same(Cells a, Cells b) {
  return std::ranges::equal(
      a, b, [](const CellView& x, const CellView& y) { return x.kind == y.kind && x.bytes == y.bytes; });
}

bool has_unchanged(Cells row) {
  return std::ranges::any_of(row, [](const CellView& cell) { return cell.kind == CellView::Kind::unchanged; });
}

/// The key columns stand side by side in the row, in the key's order: the key is a part of the row as it is.
bool contiguous(std::span<const std::uint16_t> key) {
  for (std::size_t i = 1; i < key.size(); ++i)
    if (key[i] != key[0] + i) return false;
  return !key.empty();
}

}  // namespace

/// One pass over one batch.
struct Collapser::Work {
  Collapser& self;
  const Batch& batch;

  void start();
  TableOutcome& outcome_of(std::uint32_t table);
  RowOutcome& entry(TableOutcome& outcome, const TableSchema& schema, Cells key, bool& made);
  Cells key_of(const TableSchema& schema, const ChangeView& change);
  Cells key_row(const TableSchema& schema, Cells key);
  Cells filled(Cells row, Cells earlier);

  void insert(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change);
  void update(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change);
  void change_key(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change, Cells key);
  void remove(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change);
  void truncate(TableOutcome& outcome, const ChangeView& change);
};

void Collapser::Work::start() {
  self.arena_.reset();
  self.used_ = 0;
  self.outcome_of_.assign(batch.tables().size(), kNone);
  const std::size_t entries = batch.size() + batch.count().rekeyed;
  // Sized for this batch, at most half full: a small batch after a large one does not clear the large one's table.
  self.slots_.assign(std::bit_ceil(entries * 2 + 1), Slot{0, kNone, 0});
}

TableOutcome& Collapser::Work::outcome_of(std::uint32_t table) {
  std::uint32_t& index = self.outcome_of_[table];
  if (index != kNone) return self.outcomes_[index];
  index = static_cast<std::uint32_t>(self.used_++);
  if (self.outcomes_.size() < self.used_) self.outcomes_.emplace_back();
  TableOutcome& outcome = self.outcomes_[index];
  outcome.table = table;
  outcome.truncated.reset();
  outcome.rows.clear();
  return outcome;
}

/// The key's outcome so far. `made`: the key is new and the outcome holds nothing but the key yet.
RowOutcome& Collapser::Work::entry(TableOutcome& outcome, const TableSchema& schema, Cells key, bool& made) {
  const std::uint64_t hash = hash_key(schema.id, key);
  const auto index = static_cast<std::uint32_t>(&outcome - self.outcomes_.data());
  const std::size_t mask = self.slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; self.slots_[at].outcome != kNone; at = (at + 1) & mask) {
    const Slot& slot = self.slots_[at];
    if (slot.hash != hash || slot.outcome != index || slot.row >= outcome.rows.size()) continue;
    RowOutcome& row = outcome.rows[slot.row];
    if (!same(row.key, key)) continue;
    made = false;
    return row;
  }
  self.slots_[at] = {hash, index, static_cast<std::uint32_t>(outcome.rows.size())};
  made = true;
  RowOutcome& row = outcome.rows.emplace_back();
  row.key = key;
  return row;
}

Cells Collapser::Work::key_of(const TableSchema& schema, const ChangeView& change) {
  if (contiguous(schema.key)) {
    const Cells key = change.row.subspan(schema.key[0], schema.key.size());
    if (!has_unchanged(key)) return key;
  }
  const auto key = self.arena_.cells(schema.key.size());
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = change.row[schema.key[i]];
    // A key that lies in TOAST is not sent again; the old tuple has it.
    if (key[i].kind == CellView::Kind::unchanged && !change.old_key.empty()) key[i] = change.old_key[i];
  }
  return key;
}

Cells Collapser::Work::key_row(const TableSchema& schema, Cells key) {
  const auto row = self.arena_.cells(schema.columns.size());
  for (std::size_t i = 0; i < key.size(); ++i) row[schema.key[i]] = key[i];
  return row;
}

/// `row` with its unchanged cells taken from `earlier`, where they may be unchanged too.
Cells Collapser::Work::filled(Cells row, Cells earlier) {
  if (!has_unchanged(row)) return row;
  const auto out = self.arena_.cells(row.size());
  for (std::size_t i = 0; i < row.size(); ++i)
    out[i] = row[i].kind == CellView::Kind::unchanged ? earlier[i] : row[i];
  return out;
}

void Collapser::Work::insert(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change) {
  bool made = false;
  RowOutcome& row = entry(outcome, schema, key_of(schema, change), made);
  const Lsn commit = change.version.commit;
  row = {RowOutcome::Kind::upsert, true, false, false, change.version, change.row, row.key, {}, commit};
}

void Collapser::Work::update(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change) {
  const Cells key = key_of(schema, change);
  if (!change.old_key.empty() && !same(change.old_key, key)) return change_key(outcome, schema, change, key);
  bool made = false;
  RowOutcome& row = entry(outcome, schema, key, made);
  if (made || row.kind == RowOutcome::Kind::remove) {
    const Lsn commit = change.version.commit;
    row = {RowOutcome::Kind::upsert, false, false, false, change.version, change.row, row.key, row.key, commit};
  } else {
    row.version = change.version;
    row.row = filled(change.row, row.row);
  }
}

void Collapser::Work::change_key(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change,
                                 Cells key) {
  bool made = false;
  RowOutcome& old = entry(outcome, schema, change.old_key, made);
  const Lsn commit = change.version.commit;
  RowOutcome moved{RowOutcome::Kind::upsert, false, false, false, change.version, change.row, key, old.key, commit};
  if (!made && old.kind == RowOutcome::Kind::upsert) {
    moved.fresh = old.fresh;
    moved.row = filled(change.row, old.row);
    moved.base_key = old.base_key;
    moved.base_commit = old.base_commit;
  }
  moved.rekeyed = !moved.base_key.empty() && !same(moved.base_key, key);
  const Cells gone = key_row(schema, old.key);
  old = {RowOutcome::Kind::remove, false, false, true, change.version, gone, old.key, {}, commit};
  // Last: it may move the rows.
  RowOutcome& row = entry(outcome, schema, key, made);
  moved.key = row.key;
  row = moved;
}

void Collapser::Work::remove(TableOutcome& outcome, const TableSchema& schema, const ChangeView& change) {
  bool made = false;
  RowOutcome& row = entry(outcome, schema, key_of(schema, change), made);
  const bool stood = !made && row.kind == RowOutcome::Kind::upsert;
  const Cells base = stood ? row.base_key : row.key;
  const Lsn first = stood ? row.base_commit : change.version.commit;
  row = {RowOutcome::Kind::remove, false, false, false, change.version, change.row, row.key, base, first};
}

void Collapser::Work::truncate(TableOutcome& outcome, const ChangeView& change) {
  outcome.truncated = change.version;
  outcome.rows.clear();
}

std::span<const TableOutcome> Collapser::collapse(const Batch& batch) {
  Work work{*this, batch};
  work.start();
  for (const ChangeView& change : batch.changes()) {
    const TableSchema& schema = batch.tables()[change.table].schema;
    if (schema.keyless()) continue;
    TableOutcome& outcome = work.outcome_of(change.table);
    switch (change.kind) {
      case ChangeView::Kind::insert: work.insert(outcome, schema, change); break;
      case ChangeView::Kind::update: work.update(outcome, schema, change); break;
      case ChangeView::Kind::remove: work.remove(outcome, schema, change); break;
      case ChangeView::Kind::truncate: work.truncate(outcome, change); break;
    }
  }
  return {outcomes_.data(), used_};
}

bool Collapser::inserts_only(const Batch& batch) {
  return batch.count().of(ChangeView::Kind::insert) == batch.size();
}

}  // namespace peerd
