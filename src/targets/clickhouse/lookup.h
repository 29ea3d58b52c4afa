#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "clickhouse/block.h"
#include "clickhouse/client.h"
#include "clickhouse/insert.h"
#include "peerd/changes/batch.h"

namespace peerd::clickhouse {

/// A column's value as the target has it, to be put into a block by Block::add_stored().
struct StoredCell {
  std::string_view bytes;
  bool null_array = false;
};

/// Asks a table for columns of its current rows, by key (rules.md 19): keys travel as an external table, the newest
/// version of each that is no tombstone answers, in slices bounded in bytes. One per target; the writer thread owns it.
class StoredRows {
 public:
  StoredRows(Client& client, StatementNames& names);

  struct Request {
    const TableLayout& layout;
    std::string_view table;  ///< At the target.
    TableId id;
    std::span<const std::span<const CellView>> keys;
    std::span<const std::uint16_t> columns;
    RowVersion before;  ///< Versions from here on are the batch's own.
  };
  /// i: index of the key; cells: of the columns, borrowed for the call. Keys without a live row are not called.
  using Found = std::function<void(std::size_t i, std::span<const StoredCell> cells)>;
  void fetch(const Request& request, const Found& found, const Wait& wait);

 private:
  std::string key_name(std::size_t i) const { return own_ + "k" + std::to_string(i); }
  std::string key_structure(const TableLayout& layout) const;
  std::string statement(const Request& request) const;
  std::size_t fetch_slice(const Request& request, std::size_t from, std::size_t count, const Found& found,
                          const Wait& wait);
  void write_keys(const Request& request, std::size_t from, std::size_t count);
  bool take_row(const Request& request, std::string_view& answer, const Found& found);

  Client& client_;
  StatementNames& names_;
  /// What each alias, and the external table, begins with: nobody can have named a column or a table so. ClickHouse would
  /// take an alias for a column of its name, anywhere in the statement.
  const std::string own_;
  Bytes body_, answer_;
  std::vector<StoredCell> cells_;
  std::size_t slice_ = 256;  ///< Keys; follows the size of the rows.
};

/// "toUInt128('…')".
std::string version_literal(RowVersion version);

}  // namespace peerd::clickhouse
