#include "peerd/changes/batch.h"

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

}  // namespace peerd
