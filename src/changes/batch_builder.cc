#include "peerd/changes/batch_builder.h"

#include <algorithm>
#include <utility>

namespace peerd {

BatchBuilder::BatchBuilder(std::unique_ptr<Batch> spent) { take(std::move(spent)); }

std::uint32_t BatchBuilder::table(const MirrorTable& table) {
  auto& tables = batch_->tables_;
  const auto at = std::ranges::find(tables, table.schema.id, [](const MirrorTable& t) { return t.schema.id; });
  const auto index = static_cast<std::uint32_t>(at - tables.begin());
  if (at == tables.end()) batch_->add_table(table);
  return index;
}

bool BatchBuilder::shape_differs(const MirrorTable& table) const {
  return std::ranges::any_of(batch_->tables_,
                             [&](const MirrorTable& t) { return t.schema.id == table.schema.id && t != table; });
}

void BatchBuilder::begin(std::int64_t commit_time_us, std::uint32_t xid) {
  commit_time_us_ = commit_time_us;
  xid_ = xid;
  noted_ = false;
  in_transaction_ = true;
  transaction_has_changes_ = false;
}

void BatchBuilder::append(const ChangeView& change) {
  if (change.version.commit < batch_->tables_[change.table].start) return;
  if (batch_->oldest_commit_us_ == 0) batch_->oldest_commit_us_ = commit_time_us_;
  transaction_has_changes_ = true;
  if (!std::exchange(noted_, true))
    batch_->transactions_.push_back({static_cast<std::uint32_t>(batch_->changes_.size()), xid_, commit_time_us_});
  batch_->add(change);
}

void BatchBuilder::append_message(std::string_view prefix, std::string_view content, Lsn commit, Lsn position) {
  const auto before = static_cast<std::uint32_t>(batch_->changes_.size());
  if (in_transaction_) {
    transaction_has_changes_ = true;
    if (batch_->oldest_commit_us_ == 0) batch_->oldest_commit_us_ = commit_time_us_;
    batch_->messages_.push_back({before, true, {commit, position}, xid_, commit_time_us_, prefix, content});
    return;
  }
  // The server skips what begins before the position that it is started at: a commit record may begin just here.
  batch_->messages_.push_back({before, false, {Lsn{position.value - 1}, position}, 0, 0, prefix, content});
  batch_->whole_messages_ = batch_->messages_.size();
  batch_->complete_to_ = std::max(batch_->complete_to_, position);
}

void BatchBuilder::commit(Lsn end) {
  Batch& batch = *batch_;
  const auto count = static_cast<std::uint32_t>(batch.changes_.size());
  const bool head_ends = batch.open_head_ && batch.commit_ends_.empty();
  const std::uint32_t last = batch.commit_ends_.empty() ? 0 : batch.commit_ends_.back();
  if (head_ends || count > last) batch.commit_ends_.push_back(count);
  batch.whole_messages_ = batch.messages_.size();
  batch.complete_to_ = std::max(batch.complete_to_, end);
  in_transaction_ = false;
  transaction_has_changes_ = false;
}

void BatchBuilder::moved(Lsn idle) { batch_->complete_to_ = std::max(batch_->complete_to_, idle); }

std::unique_ptr<Batch> BatchBuilder::take(std::unique_ptr<Batch> spent) {
  if (!spent) spent = std::make_unique<Batch>();
  spent->clear();
  noted_ = false;
  spent->complete_to_ = batch_ ? batch_->complete_to_ : Lsn{};
  // A transaction that began without a change so far is nothing that a target could hold open.
  spent->open_head_ = transaction_has_changes_;
  if (batch_) batch_->open_tail_ = transaction_has_changes_;
  batch_.swap(spent);
  return spent;
}

}  // namespace peerd
