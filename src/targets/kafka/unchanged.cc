#include "kafka/unchanged.h"

#include <algorithm>
#include <bit>

#include "peerd/changes/horizon.h"

namespace peerd::kafka {
namespace {

using Cells = std::span<const CellView>;

bool misses(Cells row) {
  return std::ranges::any_of(row, [](const CellView& cell) { return cell.kind == CellView::Kind::unchanged; });
}

bool same(Cells a, Cells b) {
  return std::ranges::equal(a, b, [](const CellView& x, const CellView& y) { return x.bytes == y.bytes; });
}

}  // namespace

void UnchangedCells::resolve(const Batch& batch, const ApplyContext& context) {
  fixes_.clear();
  const auto changes = batch.changes();
  if (std::ranges::none_of(changes, [](const ChangeView& change) { return misses(change.row); })) return;
  start(batch);
  for (std::uint32_t i = 0; i < changes.size(); ++i) follow(batch, i);
  for (std::uint32_t table = 0; table < batch.tables().size(); ++table) ask(batch, context, table);
  for (const Fix& fix : fixes_) {
    const Life& life = lives_[fix.life];
    for (std::size_t c = 0; c < fix.row.size(); ++c)
      if (fix.row[c].kind == CellView::Kind::unchanged && !life.found.empty())
        fix.row[c] = life.found[c];
  }
}

void UnchangedCells::start(const Batch& batch) {
  arena_.reset();
  lives_.clear();
  fix_of_.assign(batch.size(), kNone);
  const auto rekeys = std::ranges::count_if(batch.changes(), [](const ChangeView& c) { return !c.old_key.empty(); });
  const std::size_t entries = batch.size() + static_cast<std::size_t>(rekeys);
  slots_.assign(std::bit_ceil(entries * 2 + 1), Slot{0, kNone, {}});
}

/// Of the key: what holds it, or the free one that it would go into.
UnchangedCells::Slot& UnchangedCells::slot(const Batch& batch, std::uint32_t table, Cells key) {
  const std::uint64_t hash = hash_key(batch.tables()[table].schema.id, key);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at].life != kNone; at = (at + 1) & mask) {
    const Slot& held = slots_[at];
    if (held.life != kGone && held.hash == hash && lives_[held.life].table == table && same(held.key, key)) break;
  }
  slots_[at].hash = hash;
  slots_[at].key = key;
  return slots_[at];
}

void UnchangedCells::follow(const Batch& batch, std::uint32_t i) {
  const ChangeView& change = batch.changes()[i];
  if (change.kind == ChangeView::Kind::truncate) {
    for (Life& life : lives_)
      if (life.table == change.table) life.gone = true;
    for (Slot& held : slots_)
      if (held.life < kGone && lives_[held.life].gone) held.life = kGone;
    return;
  }
  const TableSchema& schema = batch.tables()[change.table].schema;
  if (schema.keyless()) return;  // All of its rows are sent whole.
  const auto key = arena_.cells(schema.key.size());
  for (std::size_t k = 0; k < key.size(); ++k) key[k] = change.row[schema.key[k]];
  Slot& before = slot(batch, change.table, change.old_key.empty() ? Cells(key) : change.old_key);
  const bool known = before.life != kNone;
  std::uint32_t life = before.life;
  if (change.kind == ChangeView::Kind::remove) {
    if (!known) return;
    lives_[life].gone = true;
    before.life = kGone;
    return;
  }
  if (change.kind != ChangeView::Kind::update || !known) {
    life = static_cast<std::uint32_t>(lives_.size());
    lives_.push_back({change.table, key, {}});
  }
  if (known && !change.old_key.empty()) before.life = kGone;
  slot(batch, change.table, key).life = life;
  Cells row = change.row;
  if (misses(row)) {
    fix(i, life, row);
    row = fixes_.back().row;
  }
  lives_[life].key = key;
  lives_[life].last = row;
}

void UnchangedCells::fix(std::uint32_t change, std::uint32_t life, Cells row) {
  const Fix made{life, arena_.cells(row.size()), {reinterpret_cast<std::uint8_t*>(arena_.allocate(row.size())), row.size()}};
  for (std::size_t c = 0; c < row.size(); ++c) {
    const bool missing = row[c].kind == CellView::Kind::unchanged;
    made.missing[c] = missing ? 1 : 0;
    made.row[c] = missing && !lives_[life].last.empty() ? lives_[life].last[c] : row[c];
  }
  fix_of_[change] = static_cast<std::uint32_t>(fixes_.size());
  fixes_.push_back(made);
}

void UnchangedCells::ask(const Batch& batch, const ApplyContext& context, std::uint32_t table) {
  auto& keys = asked_keys_;
  auto& lives = asked_lives_;
  auto& columns = asked_columns_;
  keys.clear();
  lives.clear();
  columns.clear();
  const std::size_t width = batch.tables()[table].schema.columns.size();
  for (std::uint32_t l = 0; l < lives_.size(); ++l) {
    const Life& life = lives_[l];
    if (life.table != table || life.gone || !misses(life.last)) continue;
    keys.push_back(life.key);
    lives.push_back(l);
    for (std::uint16_t c = 0; c < width; ++c)
      if (life.last[c].kind == CellView::Kind::unchanged) columns.push_back(c);
  }
  if (keys.empty()) return;
  std::ranges::sort(columns);
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  struct Filler final : RowFound {
    UnchangedCells& self;
    const std::vector<std::uint32_t>& lives;
    const std::vector<std::uint16_t>& columns;
    std::size_t width;
    Filler(UnchangedCells& s, const std::vector<std::uint32_t>& l, const std::vector<std::uint16_t>& c, std::size_t w)
        : self(s), lives(l), columns(c), width(w) {}
    void operator()(std::size_t i, Cells cells) override {
      const auto found = self.arena_.cells(width);
      for (CellView& cell : found) cell.kind = CellView::Kind::unchanged;
      // Only what nothing in the batch has set: a later value of the batch says nothing of an earlier change.
      for (std::size_t c = 0; c < columns.size(); ++c)
        if (self.lives_[lives[i]].last[columns[c]].kind == CellView::Kind::unchanged)
          found[columns[c]] = {cells[c].kind, self.arena_.copy(cells[c].bytes)};
      self.lives_[lives[i]].found = found;
    }
  } filler(*this, lives, columns, width);
  const MirrorTable& mirrored = batch.tables()[table];
  const Lsn seen = context.source_rows.fetch(mirrored, keys, columns, batch.last_commit(), context.wait, filler);
  for (const Cells key : keys) context.horizons.raise_key(mirrored.schema.id, key, seen);
}

}  // namespace peerd::kafka
