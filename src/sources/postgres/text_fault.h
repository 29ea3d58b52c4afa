#pragma once

#include <vector>

#include "peerd/base/error.h"
#include "postgres/slot.h"

namespace peerd {

/// The server could not send a text as UTF-8: its bytes are none (SQL_ASCII), or a character of its encoding has no
/// counterpart.
bool is_text_fault(const Error& error);

enum class During { copy, stream };
/// The server says of what it could not send neither table nor column. Throws bad_value that names those columns of the
/// first of `tables` that hold such a text now, as `ask` finds them, else the tables.
[[noreturn]] void throw_text_fault(const Error& error, During during, const std::vector<const TableSchema*>& tables,
                                   const Ask& ask, const std::stop_token& stop);

/// Does the work, and throws so where that is its fault.
template <class Work>
void naming_text_fault(const std::vector<const TableSchema*>& tables, const Ask& ask, const std::stop_token& stop, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (!is_text_fault(error)) throw;
    throw_text_fault(error, During::stream, tables, ask, stop);
  }
}

}  // namespace peerd
