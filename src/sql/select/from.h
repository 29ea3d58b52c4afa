#pragma once

#include <functional>

#include "binder.h"

namespace peerd::sql {

/// Fills its part of the row of a SELECT, once per row of a FROM item, and goes on with `next`; false when `next` said
/// so.
using FillRow = std::function<bool(Context&, Row&, const std::function<bool()>& next)>;

/// The columns [first, end) of a SELECT's row that the FROM items so far have.
struct BoundFrom {
  FillRow fill;
  std::size_t first = 0, end = 0;
  std::size_t first_source = 0, end_source = 0;
  bool lateral = false;  ///< Its rows follow from those that stand before it in FROM.
};

/// Two sides and the condition; the right side is read once and held, or, where it is lateral, for each row of the left.
FillRow joined(BoundFrom left, BoundFrom right, Evaluate condition, bool left_outer, bool right_outer);

}  // namespace peerd::sql
