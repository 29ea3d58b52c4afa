#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "peerd/changes/batch.h"
#include "peerd/postgres/connection.h"

namespace peerd::pgtarget {

/// Appends a value in COPY's text form: backslash, tab, newline and carriage return escaped.
void append_escaped(std::string& out, std::string_view value);

/// Streams rows into an open COPY … FROM STDIN in text form. Keeps its buffer from COPY to COPY; allocates nothing per
/// row.
class CopyText {
 public:
  void begin(postgres::Connection& connection, std::string_view sql, const Wait& wait);
  void cell(const CellView& cell);  ///< REQUIRES: not `unchanged`, which goes as NULL.
  void null();
  void number(std::int64_t value);
  void end_row(const Wait& wait);
  std::uint64_t finish(const Wait& wait);  ///< Rows.

 private:
  void separate() {
    if (!first_) buffer_.push_back('\t');
    first_ = false;
  }
  postgres::Connection* connection_ = nullptr;
  std::string buffer_;
  bool first_ = true;
};

/// What surrounds the rows of a binary COPY (Postgres docs, COPY, Binary Format).
std::string_view binary_copy_header();
std::string_view binary_copy_trailer();

}  // namespace peerd::pgtarget
