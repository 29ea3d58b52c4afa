#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "peerd/changes/batch.h"

namespace peerd {

/// What one batch means for one key of a table: its last change, with unchanged cells filled from the same row's
/// earlier changes in the batch as far as the stream itself sent them (rules.md 16). Spans borrow from the batch and from
/// the Collapser.
struct RowOutcome {
  enum class Kind : std::uint8_t {
    upsert,  ///< The row stands as `row` under `key`; cells may still be `unchanged`: to be looked up under `base_key`.
    remove   ///< Nothing stands under `key`. `row` holds the key cells, and null elsewhere.
  };
  Kind kind;
  bool fresh;     ///< upsert of a row that an insert of this batch began: no cell is unchanged, base_key is empty.
  bool rekeyed;   ///< The row came here from another key by an update; base_key != key. Its old key has its own outcome.
  bool moved_away;  ///< remove because the row left for another key, not because it was deleted.
  RowVersion version;                  ///< Of the change that decided.
  std::span<const CellView> row, key;  ///< By column; in key order.
  std::span<const CellView> base_key;  ///< The key under which the row stood before this batch; empty when it did not.
};

/// All of one table in one batch. Each key occurs once, in the order of first appearance.
struct TableOutcome {
  std::uint32_t table;                   ///< Index into Batch::tables().
  std::optional<RowVersion> truncated;   ///< The last TRUNCATE; what came before it is dropped. Applied before `rows`.
  std::vector<RowOutcome> rows;
};

/// Turns a batch into one outcome per key (once, for all targets). Reused from batch to batch: keeps its memory and
/// allocates nothing per row once warm. Pure; not thread-safe. The result is valid until the next call and while `batch` lives.
class Collapser {
 public:
  std::span<const TableOutcome> collapse(const Batch& batch);
  /// True when every change is an insert: targets may load the batch as it is, in order.
  static bool inserts_only(const Batch& batch);

 private:
  struct Slot {
    std::uint64_t hash;
    std::uint32_t table, row;
  };
  struct Impl;
  std::vector<TableOutcome> outcomes_;
  std::vector<Slot> slots_;
  Arena arena_;
};

}  // namespace peerd
