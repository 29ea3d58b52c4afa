#include "from.h"

namespace peerd::sql {
namespace {

void clear(Row& row, const BoundFrom& side) {
  for (std::size_t i = side.first; i < side.end; ++i) row[i] = Value();
}

}  // namespace

FillRow joined(BoundFrom left, BoundFrom right, Evaluate condition, bool left_outer, bool right_outer) {
  return [=](Context& context, Row& row, const std::function<bool()>& next) {
    Buffer held(context);
    right.fill(context, row, [&] {
      held.add(Row(row.begin() + static_cast<std::ptrdiff_t>(right.first),
                   row.begin() + static_cast<std::ptrdiff_t>(right.end)));
      return true;
    });
    std::vector<bool> used(held.rows.size(), false);
    const auto place = [&](const Row& part) {
      std::copy(part.begin(), part.end(), row.begin() + static_cast<std::ptrdiff_t>(right.first));
    };
    const bool on = left.fill(context, row, [&] {
      bool matched = false;
      for (std::size_t i = 0; i < held.rows.size(); ++i) {
        context.tick();
        place(held.rows[i]);
        if (condition) {
          const Value holds = condition(context);
          if (holds.null() || !holds.truth()) continue;
        }
        matched = used[i] = true;
        if (!next()) return false;
      }
      if (matched || !left_outer) return true;
      clear(row, right);
      return next();
    });
    if (!on || !right_outer) return on;
    clear(row, left);
    for (std::size_t i = 0; i < held.rows.size(); ++i) {
      if (used[i]) continue;
      place(held.rows[i]);
      if (!next()) return false;
    }
    return true;
  };
}

}  // namespace peerd::sql
