#pragma once

#include <memory>

#include "peerd/changes/batch.h"

namespace peerd {

/// Fills one Batch at a time. The reader thread owns it. Allocates nothing per row once its arena is warm.
class BatchBuilder {
 public:
  /// Reuses `spent`'s memory when one is handed back.
  explicit BatchBuilder(std::unique_ptr<Batch> spent = nullptr);

  /// The target wants ChangeView::old_row: whoever fills the builder looks at it.
  void keep_old_rows(bool wanted) { keeps_old_rows_ = wanted; }
  bool keeps_old_rows() const noexcept { return keeps_old_rows_; }

  /// The index under which changes name this table; the same schema gives the same index.
  /// REQUIRES: no other shape of it in this batch (shape_differs() is false).
  std::uint32_t table(const MirrorTable& table);
  bool shape_differs(const MirrorTable& table) const;  ///< This batch already holds that table in another shape.

  void begin(std::int64_t commit_time_us, std::uint32_t xid = 0);  ///< A transaction begins; Unix time, µs.
  /// Room for one change's cells, to be filled in place; `bytes_of` copies a value's bytes into the arena.
  std::span<CellView> cells(std::size_t count) { return batch_->arena_.cells(count); }
  std::string_view keep(std::string_view bytes) { return batch_->arena_.copy(bytes); }
  /// Appends a change whose cells came from cells() and keep() of this builder: nothing is copied. Leaves out what was
  /// committed before the table's start: its snapshot shows it already (rules.md 9).
  void append(const ChangeView& change);
  /// Appends a message whose bytes came from keep(). Within a transaction it is of that one, `position` its own; outside of
  /// any, the batch is complete to `position` with it.
  void append_message(std::string_view prefix, std::string_view content, Lsn commit, Lsn position);
  void commit(Lsn end);  ///< The open transaction ended; its end_lsn.
  void moved(Lsn idle);  ///< A keepalive's position between transactions. REQUIRES: !in_transaction().

  bool in_transaction() const noexcept { return in_transaction_; }
  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept { return batch_->changes_.size() + batch_->messages_.size(); }  ///< Changes and messages.
  std::size_t bytes() const noexcept { return batch_->bytes(); }
  std::int64_t oldest_commit_us() const noexcept { return batch_->oldest_commit_us(); }
  Lsn complete_to() const noexcept { return batch_->complete_to_; }

  /// Closes the batch and starts the next, which goes on with the open transaction, if any.
  std::unique_ptr<Batch> take(std::unique_ptr<Batch> spent = nullptr);

 private:
  std::unique_ptr<Batch> batch_;
  std::int64_t commit_time_us_ = 0;
  std::uint32_t xid_ = 0;
  bool noted_ = false;  ///< The open transaction is among this batch's transactions().
  bool in_transaction_ = false;
  bool keeps_old_rows_ = false;
  bool transaction_has_changes_ = false;  ///< Or messages, in this batch or in those before.
};

}  // namespace peerd
