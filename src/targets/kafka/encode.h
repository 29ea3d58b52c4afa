#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peerd/changes/batch.h"

namespace peerd::kafka {

enum class Kind : std::uint8_t { insert, update, remove, read, truncate, horizon, tombstone, message };
std::string_view to_string(Kind kind);  ///< "delete" of remove.

enum class Format : std::uint8_t { peerdb, flat, debezium };

/// What one message says. Spans are borrowed.
struct Message {
  Kind kind;
  std::span<const CellView> row;           ///< By column; empty of an event. Unchanged cells were not found.
  std::span<const CellView> old_row{};     ///< ChangeView::old_row; not of the insert that a key change ends with.
  std::span<const std::uint8_t> filled{};  ///< By column: not sent by the source, whether found or not; empty: none.
  std::uint64_t checkpoint = 0;
  std::int64_t commit_time_us = 0;  ///< 0: null.
  std::uint32_t xid = 0;
  std::uint64_t last_commit = 0;  ///< Position of the transaction before; 0: not known. Debezium's `sequence`.
  std::int64_t sent_us = 0;       ///< When the batch or block was begun to be sent, Unix time. Debezium's `ts_ms`.
};

/// What a logical message brings, beside its Message: kind `message`, without a row.
struct Logical {
  std::string_view prefix, content;
  bool transactional;
};
/// {"prefix":"…"}. Throws as Encoder does.
void logical_key(std::string_view prefix, std::string& out);

/// Who speaks to whom, as messages name them.
struct Names {
  std::string mirror, database;  ///< The mirror; the source's database.
};

/// For errors of a row: "the row's key is (a, b)".
std::string key_words(const TableSchema& schema);

/// The clock of Message::sent_us: read once for a batch or block.
std::int64_t unix_us();

/// Keys and values of one table's messages as JSON. Appends to the caller's string and allocates nothing itself, but
/// for scratch memory that is kept. Immutable; any thread. What the format cannot hold throws Error(bad_value) that
/// names table and column, never the value: `out` then ends with a part of it.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual const TableSchema& schema() const = 0;
  /// Nothing of a table without a key.
  virtual void key_of_row(std::span<const CellView> row, std::string& out) const = 0;
  virtual void value(const Message& message, std::string& out) const = 0;
  virtual void logical(const Message& message, const Logical& logical, std::string& out) const = 0;
  virtual void unchanged_names(const Message& message, std::string& out) const = 0;  ///< ["a","b"]
  /// A column whose name the format needs for itself, or "".
  virtual std::string reserved_column() const { return {}; }
};

/// Throws Error(bad_value) where a name is no UTF-8.
std::unique_ptr<Encoder> make_encoder(const TableSchema& schema, Format format, const Names& names);

}  // namespace peerd::kafka
