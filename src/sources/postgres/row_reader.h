#pragma once

#include "peerd/changes/batch_builder.h"
#include "postgres/slot.h"

namespace peerd {

/// All rows of a table as they are at the source, a piece at a time, for a stream that stands still meanwhile. Every row is
/// from the future up to the piece's horizon: its later changes come in the stream (rules.md 8 to 14, as with chunks).
class RowReader {
 public:
  /// `schema`: the table's columns in the shape that the target has. `parts`: what holds the rows, the table itself or some
  /// of its partitions; one that is no partition any more is passed over.
  RowReader(TableSchema schema, std::vector<TableId> parts) : schema_(std::move(schema)), parts_(std::move(parts)) {}
  const std::vector<TableId>& parts() const { return parts_; }

  /// Reads the next piece in a short transaction of its own; false at the end. A table that is rewritten meanwhile is read
  /// from its first block on again: that a row comes twice does no harm. Fails with 55P03 when it does not get its lock soon.
  bool next(postgres::Connection& connection, const Wait& wait);
  /// Where the source's WAL ended after the piece was read; it is flushed up to there.
  Lsn horizon() const { return horizon_; }
  /// Columns that are NULL in the piece and cannot be by this schema, which has the reader's columns.
  std::vector<std::uint16_t> nulls_beyond(const TableSchema& schema) const;
  /// The piece as updates of all columns, in the open transaction, for a stream that stands at `position`.
  void append(const MirrorTable& table, Lsn position, BatchBuilder& into);

 private:
  bool next_of_part(postgres::Connection& connection, const Wait& wait);
  std::optional<std::string> lock(postgres::Connection& connection, const Wait& wait);
  void check_columns(postgres::Connection& connection, const Wait& wait);
  void measure(postgres::Connection& connection, const Wait& wait);
  void read_blocks(postgres::Connection& connection, const std::string& name, const Wait& wait);
  std::string part() const { return std::to_string(parts_[part_].oid); }

  const TableSchema schema_;
  const std::vector<TableId> parts_;
  std::size_t part_ = 0;  ///< The one that is read.
  std::uint64_t file_node_ = 0, next_block_ = 0, end_block_ = 0;
  std::uint64_t blocks_ = 1;  ///< Of the next piece, so that one holds some MiB whatever the rows are.
  std::vector<std::optional<std::string>> cells_;
  Lsn horizon_;
};

}  // namespace peerd
