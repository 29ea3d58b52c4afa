#include "peerd/changes/batch.h"

#include <algorithm>

#include "peerd/changes/renaming.h"

namespace peerd {

void Batch::clear() noexcept {
  arena_.reset();
  tables_.clear();
  counts_.clear();
  changes_.clear();
  commit_ends_.clear();
  transactions_.clear();
  messages_.clear();
  whole_messages_ = 0;
  complete_to_ = Lsn{};
  oldest_commit_us_ = 0;
  open_tail_ = open_head_ = false;
}

void Batch::add_table(const MirrorTable& table) {
  tables_.push_back(table);
  counts_.emplace_back();
}

void Batch::add(const ChangeView& change) {
  counts_[change.table].add(change);
  changes_.push_back(change);
}

void Batch::leave_out(TableId table, const std::vector<std::int16_t>& numbers) {
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    if (tables_[t].schema.id != table) continue;
    const std::vector<Column> before = tables_[t].schema.columns;
    const auto leaves = [&](std::size_t i) { return std::ranges::find(numbers, before[i].number) != numbers.end(); };
    drop_columns(tables_[t].schema, tables_[t].notes, numbers);
    tables_[t].notes = {};
    const std::size_t left = tables_[t].schema.columns.size();
    if (left == before.size()) continue;
    const auto without = [&](std::span<const CellView> row) -> std::span<const CellView> {
      if (row.size() != before.size()) return row;
      const std::span<CellView> out = arena_.cells(left);
      for (std::size_t i = 0, next = 0; i < row.size(); ++i)
        if (!leaves(i)) out[next++] = row[i];
      return out;
    };
    for (ChangeView& change : changes_) {
      if (change.table != t) continue;
      change.row = without(change.row);
      change.old_row = without(change.old_row);
    }
  }
}

}  // namespace peerd
