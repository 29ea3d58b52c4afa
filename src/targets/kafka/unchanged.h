#pragma once

#include <vector>

#include "peerd/changes/batch.h"
#include "peerd/changes/row_lookup.h"

namespace peerd::kafka {

/// Finds what the source did not send of updated rows: in an earlier change of the row in the batch, else at the source by
/// the key that the row has at the batch's end. A column that a later change of the batch has set, or whose row is gone,
/// stays unchanged: nothing tells what it was. Reused from batch to batch: keeps its memory and allocates nothing per row
/// once warm. The writer thread owns it; what it gives is valid until the next resolve().
class UnchangedCells {
 public:
  void resolve(const Batch& batch, const ApplyContext& context);
  /// The change's row with what was found; empty: nothing was missing, take the change's own.
  std::span<const CellView> row(std::size_t change) const { return find(change) ? find(change)->row : std::span<CellView>{}; }
  std::span<const std::uint8_t> missing(std::size_t change) const {
    return find(change) ? find(change)->missing : std::span<const std::uint8_t>{};
  }

 private:
  using Cells = std::span<const CellView>;
  static constexpr std::uint32_t kNone = ~0u, kGone = ~0u - 1;
  /// A row's life within the batch, across key changes.
  struct Life {
    std::uint32_t table;
    Cells key, last;  ///< Its key now; its latest row, unchanged where not known.
    bool gone = false;
    std::span<CellView> found{};
  };
  struct Fix {
    std::uint32_t life;
    std::span<CellView> row;
    std::span<std::uint8_t> missing;
  };
  /// Of an open-addressing hash table: which life has a key now. kGone: none any more.
  struct Slot {
    std::uint64_t hash;
    std::uint32_t life;
    Cells key;
  };
  const Fix* find(std::size_t change) const {
    return fixes_.empty() || fix_of_[change] == kNone ? nullptr : &fixes_[fix_of_[change]];
  }
  void start(const Batch& batch);
  Slot& slot(const Batch& batch, std::uint32_t table, Cells key);
  void follow(const Batch& batch, std::uint32_t change);
  void fix(std::uint32_t change, std::uint32_t life, Cells row);
  void ask(const Batch& batch, const ApplyContext& context, std::uint32_t table);

  Arena arena_;
  std::vector<Life> lives_;
  std::vector<Slot> slots_;
  std::vector<Fix> fixes_;
  std::vector<std::uint32_t> fix_of_;  ///< By change of the batch.
  std::vector<Cells> asked_keys_;
  std::vector<std::uint32_t> asked_lives_;
  std::vector<std::uint16_t> asked_columns_;
};

}  // namespace peerd::kafka
