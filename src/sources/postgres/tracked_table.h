#pragma once

#include <optional>

#include "postgres/describe.h"
#include "postgres/relation_shape.h"

namespace peerd {

/// A mirrored table while it is streamed: the shape that the target is prepared for, and the one that the WAL sends.
class TrackedTable {
 public:
  TrackedTable(MirrorTable table, std::vector<std::string> exclude)
      : table_(std::move(table)), exclude_(std::move(exclude)) {}

  const MirrorTable& table() const { return table_; }
  const Shape& shape() const { return shape_; }
  /// A Relation message came. Judged at the first change after it that counts.
  void announced(SentRelation relation) {
    relation_ = std::move(relation);
    settled_to_ = std::nullopt;
  }
  /// True when rows of a transaction that commits at `commit` can be projected by shape(); false when the table has
  /// gained columns: added() says which. An older shape is followed up to `shaped_at`, where the table's own shape
  /// holds from. Throws Error(schema_changed) on anything else.
  bool settle(Lsn commit, Lsn shaped_at) {
    // What an older shape allowed holds no longer than that.
    if (settled_to_ && commit <= *settled_to_) return true;
    return judge(commit, shaped_at);
  }
  const std::vector<Column>& added() const { return shape_.added; }
  /// The table has these columns from now on.
  void widen(const std::vector<Column>& columns);

 private:
  bool judge(Lsn commit, Lsn shaped_at);
  [[noreturn]] void changed(const std::string& what, const std::string& hint = {}) const;

  MirrorTable table_;
  std::vector<std::string> exclude_;
  std::optional<SentRelation> relation_;
  Shape shape_;
  std::optional<Lsn> settled_to_;  ///< Up to this commit position shape_ is good.
};

/// Errors that end a stream until the operator acts; `what` follows the table's name.
[[noreturn]] void throw_schema_changed(const TableSchema& schema, const std::string& what, const std::string& hint);

}  // namespace peerd
