#pragma once

#include "bound.h"

namespace peerd::sql {

/// A window function of a SELECT: its number among the rows of its partition.
struct BoundWindow {
  enum class Kind { row_number, rank, dense_rank } kind = Kind::row_number;
  std::vector<Evaluate> partition;
  struct Order {
    Evaluate by;
    bool descending, nulls_first;
  };
  std::vector<Order> order;
};

/// Those of one SELECT. Their values stand behind the columns of its rows.
using Windows = std::vector<BoundWindow>;

/// Appends each window's value to every row; the rows come in the order of the last window, as Postgres leaves them.
/// `number` is the SELECT's place in Context::rows.
void add_windows(const Windows& windows, std::size_t number, Context& context, std::vector<Row>& rows);

}  // namespace peerd::sql
