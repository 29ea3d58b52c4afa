#include "kafka/unchanged.h"

#include <algorithm>
#include <string>

namespace peerd::kafka {
namespace {

using Cells = std::span<const CellView>;

bool misses(Cells row) {
  return std::ranges::any_of(row, [](const CellView& cell) { return cell.kind == CellView::Kind::unchanged; });
}

std::string name_of(std::uint32_t table, Cells key) {
  std::string out = std::to_string(table);
  for (const CellView& cell : key) out += "," + std::to_string(cell.bytes.size()) + ":" + std::string(cell.bytes);
  return out;
}

}  // namespace

void UnchangedCells::resolve(const Batch& batch, const ApplyContext& context) {
  fixes_.clear();
  const auto changes = batch.changes();
  if (std::ranges::none_of(changes, [](const ChangeView& change) { return misses(change.row); })) return;
  arena_.reset();
  lives_.clear();
  by_key_.clear();
  for (std::size_t i = 0; i < changes.size(); ++i) follow(batch, i);
  for (std::uint32_t table = 0; table < batch.tables().size(); ++table) ask(batch, context, table);
  for (auto& [_, fix] : fixes_) {
    const Life& life = lives_[fix.life];
    for (std::size_t c = 0; c < fix.row.size(); ++c)
      if (fix.row[c].kind == CellView::Kind::unchanged && !life.found.empty())
        fix.row[c] = life.found[c];
  }
}

void UnchangedCells::follow(const Batch& batch, std::size_t i) {
  const ChangeView& change = batch.changes()[i];
  if (change.kind == ChangeView::Kind::truncate) {
    for (Life& life : lives_)
      if (life.table == change.table) life.gone = true;
    std::erase_if(by_key_, [&](const auto& entry) { return lives_[entry.second].table == change.table; });
    return;
  }
  const TableSchema& schema = batch.tables()[change.table].schema;
  const auto key = arena_.cells(schema.key.size());
  for (std::size_t k = 0; k < key.size(); ++k) key[k] = change.row[schema.key[k]];
  const std::string now = name_of(change.table, key);
  const std::string before = change.old_key.empty() ? now : name_of(change.table, change.old_key);
  const auto known = by_key_.find(before);
  if (change.kind == ChangeView::Kind::remove) {
    if (known == by_key_.end()) return;
    lives_[known->second].gone = true;
    by_key_.erase(known);
    return;
  }
  std::size_t life = lives_.size();
  const bool goes_on = change.kind == ChangeView::Kind::update && known != by_key_.end();
  if (goes_on) life = known->second;
  if (!goes_on) lives_.push_back({change.table, key, {}});
  if (before != now && known != by_key_.end()) by_key_.erase(known);
  by_key_[now] = life;
  Cells row = change.row;
  if (misses(row)) {
    Fix fix{life, arena_.cells(row.size()), std::vector<std::uint8_t>(row.size())};
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool missing = row[c].kind == CellView::Kind::unchanged;
      fix.missing[c] = missing ? 1 : 0;
      fix.row[c] = missing && !lives_[life].last.empty() ? lives_[life].last[c] : row[c];
    }
    row = fix.row;
    fixes_.emplace(i, std::move(fix));
  }
  lives_[life].key = key;
  lives_[life].last = row;
}

void UnchangedCells::ask(const Batch& batch, const ApplyContext& context, std::uint32_t table) {
  std::vector<Cells> keys;
  std::vector<std::size_t> lives;
  std::vector<std::uint16_t> columns;
  const std::size_t width = batch.tables()[table].schema.columns.size();
  for (std::size_t l = 0; l < lives_.size(); ++l) {
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
    const std::vector<std::size_t>& lives;
    const std::vector<std::uint16_t>& columns;
    std::size_t width;
    Filler(UnchangedCells& s, const std::vector<std::size_t>& l, const std::vector<std::uint16_t>& c, std::size_t w)
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
