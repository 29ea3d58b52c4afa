#pragma once

#include <string>
#include <vector>

#include "peerd/changes/batch.h"

namespace peerd::kafka {

enum class Kind : std::uint8_t { insert, update, remove, read, truncate, horizon, tombstone };
std::string_view to_string(Kind kind);  ///< "delete" of remove.

enum class Format : std::uint8_t { peerdb, flat };

/// What one message says. Spans are borrowed.
struct Message {
  Kind kind;
  std::span<const CellView> row;           ///< By column; empty of an event. Unchanged cells are left out.
  std::span<const std::uint8_t> filled{};  ///< By column: not sent by the source, whether found or not; empty: none.
  std::uint64_t checkpoint = 0;
  std::int64_t commit_time_us = 0;  ///< 0: null.
  std::uint32_t xid = 0;
};

/// Keys and values of one table's messages as JSON. Appends to the caller's string; allocates nothing itself. Immutable.
class Encoder {
 public:
  Encoder(const TableSchema& schema, Format format);
  const TableSchema& schema() const { return schema_; }
  void key(std::span<const CellView> cells_in_key_order, std::string& out) const;
  void key_of_row(std::span<const CellView> row, std::string& out) const;
  void value(const Message& message, std::string& out) const;
  void unchanged_names(const Message& message, std::string& out) const;  ///< ["a","b"]
  /// A column whose name the flat form needs for itself, or "".
  std::string reserved_column() const;

 private:
  enum class Form : std::uint8_t { text, boolean, number, numeric, bytea, array };
  static Form form_of(std::uint32_t oid);
  void member(std::size_t column, const CellView& cell, bool& first, std::string& out) const;
  void members(const Message& message, bool& first, std::string& out) const;
  void envelope(const Message& message, std::string_view prefix, std::string& out) const;
  static void value_of(Form form, Form element, std::string_view text, std::string& out);
  static void array(Form element, std::string_view text, std::string& out);

  TableSchema schema_;
  Format format_;
  std::string source_;              ///< "s.t" as a JSON string.
  std::vector<std::string> names_;  ///< "\"id\":"
  std::vector<Form> forms_, elements_;
};

/// As a JSON string, quotes and all.
void append_json(std::string_view text, std::string& out);

}  // namespace peerd::kafka
