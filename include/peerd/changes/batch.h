#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "peerd/changes/lsn.h"
#include "peerd/changes/table.h"

namespace peerd {

/// One Postgres wire value in text form, borrowed from the batch's arena.
struct CellView {
  enum class Kind : std::uint8_t { null, unchanged, text };  ///< unchanged = TOAST value not sent.
  Kind kind = Kind::null;
  std::string_view bytes;
};

struct ChangeView {
  enum class Kind : std::uint8_t { insert, update, remove, truncate };
  Kind kind;
  std::uint32_t table;              ///< Index into Batch::tables().
  RowVersion version;               ///< Commit position (Begin's final_lsn) and the change's own.
  /// By column of the schema. Of a remove: the key cells, null elsewhere; of a table without a key all of the row that
  /// went. Of a truncate: empty.
  std::span<const CellView> row;
  std::span<const CellView> old_key;  ///< In key order (schema.key); empty unless an update changed the key.
  /// Of an update of a table without a key: always, and whole. Of other tables
  /// only where the target asks for it (Target::wants_old_rows()): by column, what the source sent of an updated or
  /// removed row as it was, `unchanged` where it did not. All of it with REPLICA IDENTITY FULL; else the key of an
  /// update that kept it and of which Postgres sent it nevertheless (a key that is stored out of line). Empty: nothing
  /// was sent.
  std::span<const CellView> old_row{};
};

/// How many changes there are of each kind.
struct ChangeCounts {
  std::array<std::uint64_t, 4> of_kind{};
  std::uint64_t rekeyed = 0;  ///< Of the updates, those that changed the key.
  std::uint64_t of(ChangeView::Kind kind) const { return of_kind[static_cast<std::size_t>(kind)]; }
  std::uint64_t all() const { return of_kind[0] + of_kind[1] + of_kind[2] + of_kind[3]; }
  void add(const ChangeView& change) {
    ++of_kind[static_cast<std::size_t>(change.kind)];
    rekeyed += change.old_key.empty() ? 0 : 1;
  }
  ChangeCounts& operator+=(const ChangeCounts& other) {
    for (std::size_t i = 0; i < of_kind.size(); ++i) of_kind[i] += other.of_kind[i];
    rekeyed += other.rekeyed;
    return *this;
  }
  bool operator==(const ChangeCounts&) const = default;
};

/// A source transaction that has changes in a batch.
struct TransactionView {
  std::uint32_t first;             ///< Index of its first change in this batch; its last is before the next one's first.
  std::uint32_t xid;               ///< 0 where the source does not tell.
  std::int64_t commit_time_us;     ///< Unix time, µs.
};

/// A logical message (pg_logical_emit_message), which belongs to no table. Only in batches of mirrors that ask for them
/// (MirrorSpec::message_prefixes()).
struct MessageView {
  std::uint32_t before;         ///< Index of the change that it precedes in this batch; Batch::size(): it follows all.
  bool transactional;           ///< Part of a transaction; else sent as it was emitted, whatever became of that one.
  /// Commit position of its transaction and its own (the end of its record). Outside of transactions `commit` is the
  /// record's last byte: less than the commit position of whatever comes next.
  RowVersion version;
  std::uint32_t xid;            ///< 0 outside of transactions.
  std::int64_t commit_time_us;  ///< Unix time, µs; 0 outside of transactions.
  std::string_view prefix, content;
};

/// Bump memory for cells and bytes: blocks that never move, freed all at once. Not thread-safe.
class Arena {
 public:
  /// At least `bytes` bytes, aligned for CellView.
  std::byte* allocate(std::size_t bytes);
  std::string_view copy(std::string_view text);
  std::span<CellView> cells(std::size_t count);  ///< Default-constructed.
  /// What was taken since the last reset(), with what was lost at the ends of blocks. Kept blocks do not count: a reused
  /// batch would be full before its first row.
  std::size_t bytes() const noexcept { return blocks_begun_ * kBlockBytes - (end_ - next_) + large_bytes_; }
  void reset() noexcept;  ///< Forgets everything, keeps ordinary blocks for the next use.

 private:
  static constexpr std::size_t kBlockBytes = 1 << 20;
  std::byte* grow(std::size_t bytes);

  std::vector<std::unique_ptr<std::byte[]>> blocks_;  ///< The first blocks_begun_ are in use, the last of these partly.
  std::vector<std::unique_ptr<std::byte[]>> large_;   ///< One for each value that is larger than a block.
  std::size_t blocks_begun_ = 0, large_bytes_ = 0;
  std::byte* next_ = nullptr;  ///< The free part of the last block in use.
  std::byte* end_ = nullptr;
};

/// Changes in commit order. Immutable once closed; one thread at a time holds it. Never splits a row.
/// At most one schema per table: a change of shape closes the batch, even inside a transaction.
class Batch {
 public:
  std::span<const MirrorTable> tables() const noexcept { return tables_; }
  std::span<const ChangeView> changes() const noexcept { return changes_; }
  std::size_t size() const noexcept { return changes_.size(); }
  /// By table, as tables() has them: counted as the batch was filled.
  std::span<const ChangeCounts> counts() const noexcept { return counts_; }
  ChangeCounts count() const noexcept {
    ChangeCounts sum;
    for (const ChangeCounts& counts : counts_) sum += counts;
    return sum;
  }
  std::size_t bytes() const noexcept {
    return arena_.bytes() + changes_.size() * sizeof(ChangeView) + messages_.size() * sizeof(MessageView);
  }
  /// End (Commit's end_lsn) of the last whole transaction in it or before it; a keepalive's position, or that of a message
  /// outside of transactions, when it is later.
  Lsn complete_to() const noexcept { return complete_to_; }
  /// Commit position of its last change, of the open tail's transaction too: what a source lookup must see (rules.md 18).
  Lsn last_commit() const noexcept { return changes_.empty() ? Lsn{} : changes_.back().version.commit; }
  bool open_tail() const noexcept { return open_tail_; }    ///< Its last transaction goes on in the next batch.
  bool open_head() const noexcept { return open_head_; }    ///< Its first transaction began in an earlier batch.
  std::int64_t oldest_commit_us() const noexcept { return oldest_commit_us_; }  ///< Unix time, µs; 0 = none. For lag.
  /// After each element, a transaction ended: counts of changes from the beginning, rising; transactions without changes
  /// are left out. The first is 0 when the open head ended before any change of this batch. For targets that keep them whole.
  std::span<const std::uint32_t> commit_ends() const noexcept { return commit_ends_; }
  /// One for each transaction that has changes here, rising by `first`; an open head and an open tail have theirs.
  std::span<const TransactionView> transactions() const noexcept { return transactions_; }
  /// In the stream's order, as `before` has them among the changes. Those from whole_messages() on are the open tail's.
  std::span<const MessageView> messages() const noexcept { return messages_; }
  std::size_t whole_messages() const noexcept { return whole_messages_; }
  /// Of a batch that was closed: that table's rows come without the columns of these numbers, none of them of its key.
  void leave_out(TableId table, const std::vector<std::int16_t>& numbers);

 private:
  friend class BatchBuilder;
  friend class BatchCodec;
  void clear() noexcept;  ///< As newly made; memory is kept.
  void add_table(const MirrorTable& table);
  void add(const ChangeView& change);

  Arena arena_;
  std::vector<MirrorTable> tables_;
  std::vector<ChangeCounts> counts_;
  std::vector<ChangeView> changes_;
  std::vector<std::uint32_t> commit_ends_;
  std::vector<TransactionView> transactions_;
  std::vector<MessageView> messages_;
  std::size_t whole_messages_ = 0;
  Lsn complete_to_;
  std::int64_t oldest_commit_us_ = 0;
  bool open_tail_ = false, open_head_ = false;
};

}  // namespace peerd
