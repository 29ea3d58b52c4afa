#include "from.h"

namespace peerd::sql {
namespace {

void clear(Row& row, const BoundFrom& side) {
  for (std::size_t i = side.first; i < side.end; ++i) row[i] = Value();
}

bool holds(Context& context, const Evaluate& condition) {
  if (!condition) return true;
  const Value value = condition(context);
  return !value.null() && value.truth();
}

FillRow joined_laterally(BoundFrom left, BoundFrom right, Evaluate condition, bool left_outer) {
  return [=](Context& context, Row& row, const std::function<bool()>& next) {
    return left.fill(context, row, [&] {
      bool matched = false;
      const bool on = right.fill(context, row, [&] {
        if (!holds(context, condition)) return true;
        matched = true;
        return next();
      });
      if (!on || matched || !left_outer) return on;
      clear(row, right);
      return next();
    });
  };
}

}  // namespace

FillRow joined(BoundFrom left, BoundFrom right, Evaluate condition, bool left_outer, bool right_outer) {
  if (right.lateral) return joined_laterally(std::move(left), std::move(right), std::move(condition), left_outer);
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
        if (!holds(context, condition)) continue;
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
