#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/control/control.h"

namespace peerd::rest {

// Rows of a view as peerd's own routes answer them: the columns' names as they are, numbers and booleans as JSON has them,
// timestamps as "2026-01-31T11:00:00.123Z", NULL as null.

/// Text in JSON's quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);
/// One row as an object, its members in the columns' order. REQUIRES: the row is the view's.
std::string row_json(const View& view, const std::vector<View::Cell>& row);
/// An array of such objects.
std::string rows_json(const View& view, std::span<const std::vector<View::Cell>> rows);

}  // namespace peerd::rest
