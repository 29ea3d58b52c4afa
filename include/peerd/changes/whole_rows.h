#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "peerd/changes/batch.h"

namespace peerd {

/// What one batch means for one row of a table without a key: one of the rows that stood as `before` when the batch
/// began becomes `after`. Only `before`: it goes; only `after`: it comes. Empty = there is none. Spans borrow from the
/// batch.
struct WholeRow {
  std::span<const CellView> before, after;
};

/// All of one table in one batch.
struct WholeRows {
  bool truncated = false;  ///< What stood goes first, and no row has a `before`.
  std::vector<WholeRow> rows;
  std::uint64_t taken = 0;  ///< Of them, those with a `before`.
};

/// Follows each row through a batch (rules.md 41). Equal rows are the same to the source, so that of those which came
/// or changed in the batch any may be the one that goes; only where there is none is it one that stood before. Hence
/// there are at least as many rows that stood equal to a `before` as there are such ones, and each takes another of
/// them. A row that ends as it began is left out. Reused from batch to batch. Pure; not thread-safe.
class RowCounter {
 public:
  /// Of one of the batch's tables. REQUIRES: it has no key. Valid until the next call, and while `batch` lives.
  const WholeRows& count(const Batch& batch, std::uint32_t table);

 private:
  void come(std::span<const CellView> before, std::span<const CellView> now);
  bool take(std::span<const CellView> row, WholeRow& taken);

  TableId table_;
  WholeRows rows_;
  std::vector<bool> gone_;  ///< By row of rows_.
  std::unordered_multimap<std::uint64_t, std::uint32_t> standing_;  ///< By hash of `after`: rows that came or changed.
};

}  // namespace peerd
