#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>

#include "peerd/changes/batch.h"
#include "peerd/changes/lsn.h"
#include "peerd/changes/table.h"

namespace peerd {

/// The position below which a target may hold rows from the future (docs/semantics.md, rules.md 14-18).
/// One per mirror; the writer thread owns it. Per table, and raised for single keys by source lookups.
class Horizons {
 public:
  /// After a table's last chunk, and at each start of the stream (rule 15). Only rises.
  void raise(TableId table, Lsn to);
  /// After a lookup of this key at the source, found or gone. `key` are the key cells in key order. Beyond kMostKeys
  /// single ones (a long backlog after a restart) their tables' horizons rise instead: that asks more often, and forgets nothing.
  void raise_key(TableId table, std::span<const CellView> key, Lsn to);

  /// True when a change committed at `commit` lies at or below the horizon of its table: no key of it can be trusted.
  bool below(TableId table, Lsn commit) const;
  /// True when it lies at or below the table's horizon or the key's own.
  bool below(TableId table, std::span<const CellView> key, Lsn commit) const;

  /// The highest of all: the mirror is consistent once durable has reached it.
  Lsn highest() const noexcept { return highest_; }
  /// Forgets single keys whose horizon `durable` has passed. Called after each checkpoint.
  void passed(Lsn durable);
  std::size_t keys() const noexcept { return keys_.size(); }
  static constexpr std::size_t kMostKeys = 1u << 18;

 private:
  std::map<TableId, Lsn> tables_;
  struct KeyHorizon {
    TableId table;
    Lsn to;
  };
  std::unordered_map<std::uint64_t, KeyHorizon> keys_;  ///< By hash of (table, key): a collision only raises one key too many.
  Lsn highest_;
};

/// FNV-style hash of key cells, stable within a process.
std::uint64_t hash_key(TableId table, std::span<const CellView> key);

}  // namespace peerd
