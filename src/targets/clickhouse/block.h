#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "clickhouse/bytes.h"
#include "clickhouse/column_type.h"
#include "peerd/base/error.h"
#include "peerd/changes/lsn.h"

namespace peerd::clickhouse {

/// A NULL came for a column outside the key that was NOT NULL when the table was described.
struct NullRefused : Error {
  NullRefused(ErrorText text, std::size_t column) : Error(std::move(text)), column(column) {}
  std::size_t column;
};

/// Rows on their way into one table, column by column: a Native block. Keeps its memory from block to block and
/// allocates nothing per row once warm. A row is its columns in order, each by one call, then end_row(). One thread at
/// a time.
class Block {
 public:
  static constexpr std::size_t kMostRows = 65'536, kMostBytes = 4 << 20;

  explicit Block(const TableLayout& layout);

  // Of the next column of the open row. Throw Error(bad_value), or NullRefused, naming table and column where the value cannot be held.
  void add_null();
  void add_text(std::string_view text);                       ///< Postgres's text form.
  void add_binary(std::string_view bytes);                    ///< COPY's binary form, as copy_plan() asked for it.
  void add_stored(std::string_view stored, bool null_array);  ///< What take_stored() cut out of an answer in RowBinary.
  void add_empty();                                           ///< Of a tombstone: NULL, or the type's default.
  void end_row(RowVersion version, bool deleted);
  void clear();  ///< Drops all rows, an open one too.
  /// By column: how many values since the last call did not fit, and were written as the layout's on_unfit says.
  std::vector<std::uint64_t> take_unfit();

  std::size_t rows() const noexcept { return rows_; }
  std::size_t bytes() const noexcept;
  bool full() const noexcept { return rows_ >= kMostRows || bytes() >= kMostBytes; }
  const TableLayout& layout() const noexcept { return layout_; }

  // Of the column that was added last, all rows: for those who want a value's bytes.
  std::string_view last_values() const { return columns_[next_ - 1].values.view(); }
  std::string_view last_nulls() const { return columns_[next_ - 1].nulls.view(); }

  using Sink = std::function<void(std::string_view)>;
  /// Hands the block out in pieces and is empty again.
  void write(const Sink& sink);

 private:
  struct Columns {
    Bytes values, nulls, offsets, notes;  ///< nulls: of the values; offsets, notes: of arrays.
    std::uint64_t elements = 0;
  };
  const ColumnType& type() const { return layout_.types[next_]; }
  Columns& begin_cell();
  bool bend(const char* wrong, std::string_view text, Bytes& values);
  void end_array(bool null);
  void add_array_text(std::string_view text);
  void add_array_binary(std::string_view bytes);
  void add_element(std::string_view value, bool null,
                   const char* (*append)(const ColumnType&, std::string_view, Bytes&));
  [[noreturn]] void refuse(const char* wrong) const;
  void write_column(std::string_view name, std::string_view type, std::string_view data, const Sink& sink);

  const TableLayout layout_;
  std::vector<Columns> columns_;
  std::vector<std::uint64_t> unfit_;
  Bytes deleted_, versions_, head_, scratch_;
  std::size_t next_ = 0, rows_ = 0;
};

/// The columns of an INSERT in a block's order: "`a`, `_peerdb_null_a`, …".
std::string insert_columns(const TableLayout& layout);

/// Cuts a value off an answer in RowBinary: of a Nullable with its flag, of an array with its count. nullopt: not all
/// there.
std::optional<std::string_view> take_stored(const ColumnType& type, std::string_view& answer);
/// One element of an array, always Nullable.
std::optional<std::string_view> take_stored_element(const ColumnType& type, std::string_view& answer);
std::optional<std::uint64_t> take_varint(std::string_view& bytes);

}  // namespace peerd::clickhouse
