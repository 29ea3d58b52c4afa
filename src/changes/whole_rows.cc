#include "peerd/changes/whole_rows.h"

#include <algorithm>

#include "peerd/changes/horizon.h"

namespace peerd {
namespace {

using Cells = std::span<const CellView>;

bool same(Cells a, Cells b) {
  return std::ranges::equal(a, b, [](const CellView& x, const CellView& y) { return x.kind == y.kind && x.bytes == y.bytes; });
}

}  // namespace

/// One of those that came or changed in the batch and stand as `row` now: it stands no more. False: there is none.
bool RowCounter::take(Cells row, WholeRow& taken) {
  const auto [begin, end] = standing_.equal_range(hash_key(table_, row));
  for (auto at = begin; at != end; ++at) {
    if (!same(rows_.rows[at->second].after, row)) continue;
    taken = rows_.rows[at->second];
    gone_[at->second] = true;
    standing_.erase(at);
    return true;
  }
  return false;
}

void RowCounter::come(Cells before, Cells now) {
  if (!now.empty()) standing_.emplace(hash_key(table_, now), static_cast<std::uint32_t>(rows_.rows.size()));
  rows_.rows.push_back({before, now});
  gone_.push_back(false);
}

const WholeRows& RowCounter::count(const Batch& batch, std::uint32_t table) {
  table_ = batch.tables()[table].schema.id;
  const auto clear = [&](bool truncated) {
    rows_.truncated = truncated;
    rows_.rows.clear();
    gone_.clear();
    standing_.clear();
  };
  clear(false);
  for (const ChangeView& change : batch.changes()) {
    if (change.table != table) continue;
    WholeRow taken;
    switch (change.kind) {
      case ChangeView::Kind::truncate: clear(true); break;
      case ChangeView::Kind::insert: come({}, change.row); break;
      case ChangeView::Kind::update:
        if (!take(change.old_row, taken)) taken.before = change.old_row;
        come(taken.before, change.row);
        break;
      case ChangeView::Kind::remove:
        if (!take(change.row, taken)) taken.before = change.row;
        if (!taken.before.empty()) come(taken.before, {});
        break;
    }
  }
  std::size_t kept = 0;
  rows_.taken = 0;
  for (std::size_t i = 0; i < rows_.rows.size(); ++i) {
    const WholeRow row = rows_.rows[i];
    if (gone_[i] || (!row.before.empty() && !row.after.empty() && same(row.before, row.after))) continue;
    rows_.taken += row.before.empty() ? 0 : 1;
    rows_.rows[kept++] = row;
  }
  rows_.rows.resize(kept);
  return rows_;
}

}  // namespace peerd
