#pragma once

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
  std::span<const CellView> row;    ///< By column of the schema. Of a remove: the key cells, null elsewhere. Of a truncate: empty.
  std::span<const CellView> old_key;  ///< In key order (schema.key); empty unless an update changed the key.
};

/// Bump memory for cells and bytes: blocks that never move, freed all at once. Not thread-safe.
class Arena {
 public:
  /// At least `bytes` bytes, aligned for CellView.
  std::byte* allocate(std::size_t bytes);
  std::string_view copy(std::string_view text);
  std::span<CellView> cells(std::size_t count);  ///< Default-constructed.
  std::size_t bytes() const noexcept { return reserved_; }  ///< All that it holds from the system.
  void reset() noexcept;  ///< Forgets everything, keeps ordinary blocks for the next use.

 private:
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  std::size_t current_ = 0, used_ = 0, reserved_ = 0;
};

/// Changes in commit order. Immutable once closed; one thread at a time holds it. Never splits a row.
/// At most one schema per table: a change of shape closes the batch, even inside a transaction.
class Batch {
 public:
  std::span<const MirrorTable> tables() const noexcept { return tables_; }
  std::span<const ChangeView> changes() const noexcept { return changes_; }
  std::size_t size() const noexcept { return changes_.size(); }
  std::size_t bytes() const noexcept { return arena_.bytes() + changes_.capacity() * sizeof(ChangeView); }
  /// End (Commit's end_lsn) of the last whole transaction in it or before it; a keepalive's position when it is later.
  Lsn complete_to() const noexcept { return complete_to_; }
  bool open_tail() const noexcept { return open_tail_; }    ///< Its last transaction goes on in the next batch.
  bool open_head() const noexcept { return open_head_; }    ///< Its first transaction began in an earlier batch.
  std::int64_t oldest_commit_us() const noexcept { return oldest_commit_us_; }  ///< Unix time, µs; 0 = none. For lag.
  /// After each element, a transaction ended: counts of changes from the beginning, rising. For targets that keep them whole.
  std::span<const std::uint32_t> commit_ends() const noexcept { return commit_ends_; }

 private:
  friend class BatchBuilder;
  Arena arena_;
  std::vector<MirrorTable> tables_;
  std::vector<ChangeView> changes_;
  std::vector<std::uint32_t> commit_ends_;
  Lsn complete_to_;
  std::int64_t oldest_commit_us_ = 0;
  bool open_tail_ = false, open_head_ = false;
};

}  // namespace peerd
