#pragma once

#include <string>
#include <string_view>

#include "peerd/changes/batch.h"

namespace peerd {

/// COPY's text form (Postgres docs, COPY, "Text Format"), row by row and cell by cell. Throws Error(internal) where it is
/// not that. The views are of the caller's bytes.
std::string_view next_copy_line(std::string_view& rows);
/// `last`: the line's last cell, which no tab follows.
std::string_view next_copy_cell(std::string_view& line, bool last);
/// Null or text. What has escapes is written out at the end of `room`; of a whole row that is never more than its line's size:
/// reserve that, so that earlier cells do not move.
CellView copy_cell(std::string_view cell, std::string& room);

[[noreturn]] void throw_malformed_copy();

}  // namespace peerd
