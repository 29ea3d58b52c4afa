#pragma once

#include <unordered_map>
#include <vector>

#include "peerd/changes/batch.h"
#include "peerd/changes/row_lookup.h"

namespace peerd::kafka {

/// Finds what the source did not send of updated rows: in an earlier change of the row in the batch, else at the source by
/// the key that the row has at the batch's end. A column that a later change of the batch has set, or whose row is gone,
/// stays unchanged: nothing tells what it was. Reused from batch to batch; the writer thread owns it.
class UnchangedCells {
 public:
  void resolve(const Batch& batch, const ApplyContext& context);
  /// The change's row with what was found; empty: nothing was missing, take the change's own.
  std::span<const CellView> row(std::size_t change) const { return find(change) ? find(change)->row : std::span<CellView>{}; }
  std::span<const std::uint8_t> missing(std::size_t change) const {
    return find(change) ? std::span<const std::uint8_t>(find(change)->missing) : std::span<const std::uint8_t>{};
  }

 private:
  /// A row's life within the batch, across key changes.
  struct Life {
    std::uint32_t table;
    std::span<const CellView> key, last;  ///< Its key now; its latest row, unchanged where not known.
    bool gone = false;
    std::span<CellView> found{};
  };
  struct Fix {
    std::size_t life;
    std::span<CellView> row;
    std::vector<std::uint8_t> missing;
  };
  const Fix* find(std::size_t change) const {
    if (fixes_.empty()) return nullptr;
    const auto at = fixes_.find(change);
    return at == fixes_.end() ? nullptr : &at->second;
  }
  void follow(const Batch& batch, std::size_t change);
  void ask(const Batch& batch, const ApplyContext& context, std::uint32_t table);

  Arena arena_;
  std::vector<Life> lives_;
  std::unordered_map<std::string, std::size_t> by_key_;  ///< Only of batches that miss something.
  std::unordered_map<std::size_t, Fix> fixes_;
};

}  // namespace peerd::kafka
