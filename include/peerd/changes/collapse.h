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
  /// upsert of a row that came here from another key by an update: base_key is neither empty nor `key`. Its old key has
  /// its own outcome.
  bool rekeyed;
  bool moved_away;  ///< remove because the row left for another key, not because it was deleted.
  RowVersion version;                  ///< Of the change that decided.
  std::span<const CellView> row, key;  ///< By column; in key order.
  /// The key under which the row stood before this batch; empty when it did not, and where moved_away. Of a deleted row
  /// too: it differs from `key` when the row changed its key in the batch before it was deleted.
  std::span<const CellView> base_key;
  /// Commit of the row's first change in the batch. It, and not version.commit, is what Horizons::below is asked with
  /// beside base_key: in a batch across the horizon the target's row there may be later than that first change.
  Lsn base_commit;
};

/// All of one table in one batch; tables without changes have none, nor have those without a key (whole_rows.h). Each
/// key occurs once, in the order of first appearance.
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
  struct Work;
  /// Of an open-addressing hash table over all keys of all tables. A slot that a TRUNCATE made stale is told by comparing
  /// the key of the row that it names.
  struct Slot {
    std::uint64_t hash;
    std::uint32_t outcome, row;
  };
  std::vector<TableOutcome> outcomes_;  ///< The first used_ belong to the last batch; the others wait with their memory.
  std::size_t used_ = 0;
  std::vector<std::uint32_t> outcome_of_;  ///< By table of the batch.
  std::vector<Slot> slots_;
  Arena arena_;
};

}  // namespace peerd
