#include "windows.h"

#include <algorithm>
#include <map>

#include "binder.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

/// What a row is sorted by in one window.
struct Placed {
  Row partition, order;
  std::size_t row;
};

int compare_partitions(const Placed& a, const Placed& b) {
  for (std::size_t i = 0; i < a.partition.size(); ++i) {
    if (const int order = compare_sorted(a.partition[i], b.partition[i], false, false)) return order;
  }
  return 0;
}

int compare_order(const BoundWindow& window, const Placed& a, const Placed& b) {
  for (std::size_t i = 0; i < a.order.size(); ++i) {
    const auto& by = window.order[i];
    if (const int order = compare_sorted(a.order[i], b.order[i], by.descending, by.nulls_first)) return order;
  }
  return 0;
}

std::vector<Placed> sorted(const BoundWindow& window, std::size_t number, Context& context,
                           const std::vector<Row>& rows) {
  std::vector<Placed> all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    context.tick();
    context.rows[number] = &rows[i];
    Placed placed{{}, {}, i};
    for (const auto& part : window.partition) placed.partition.push_back(part(context));
    for (const auto& order : window.order) placed.order.push_back(order.by(context));
    all.push_back(std::move(placed));
  }
  std::ranges::stable_sort(all, [&](const Placed& a, const Placed& b) {
    const int order = compare_partitions(a, b);
    return order != 0 ? order < 0 : compare_order(window, a, b) < 0;
  });
  return all;
}

}  // namespace

void add_windows(const Windows& windows, std::size_t number, Context& context, std::vector<Row>& rows) {
  for (const BoundWindow& window : windows) {
    const std::vector<Placed> placed = sorted(window, number, context, rows);
    std::vector<Row> next;
    std::int64_t in_partition = 0, rank = 0, dense = 0;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      const bool fresh = i == 0 || compare_partitions(placed[i - 1], placed[i]) != 0;
      if (fresh) in_partition = rank = dense = 0;
      ++in_partition;
      if (fresh || compare_order(window, placed[i - 1], placed[i]) != 0) {
        rank = in_partition;
        ++dense;
      }
      const bool each = window.kind == BoundWindow::Kind::row_number;
      next.push_back(std::move(rows[placed[i].row]));
      next.back().emplace_back(each ? in_partition : window.kind == BoundWindow::Kind::rank ? rank : dense);
    }
    rows = std::move(next);
  }
}

Node Binder::window_function(const Expression& written, Scope& scope) {
  using Kind = BoundWindow::Kind;
  static const std::map<std::string, Kind> kKinds = {
      {"row_number", Kind::row_number}, {"rank", Kind::rank}, {"dense_rank", Kind::dense_rank}};
  const std::string& name = written.parts[0];
  const auto kind = kKinds.find(name);
  if (kind == kKinds.end())
    throw not_supported(name + "() OVER is not supported", "row_number(), rank() and dense_rank() are", written.at);
  if (!written.args.empty() || written.star || written.distinct || written.filter || !written.order.empty())
    throw StatementError("42883", "function " + name + " takes no arguments", {}, written.at);
  if (!scope.windows) {
    if (scope.no_aggregates)
      throw StatementError("42P20", std::string("window functions are not allowed in ") + scope.no_aggregates, {},
                           written.at);
    throw not_supported("window functions beside GROUP BY and aggregates are not supported", "group in a subquery",
                        written.at);
  }
  Windows& windows = *scope.windows;
  scope.windows = nullptr;
  const char* const before = std::exchange(scope.no_aggregates, "window definitions");
  BoundWindow window;
  window.kind = kind->second;
  for (const auto& part : written.window->partition)
    window.partition.push_back(settled(expression(*part, scope)).value);
  for (const auto& sort : written.window->order)
    window.order.push_back({settled(expression(*sort.by, scope)).value, sort.descending, sort.nulls_first});
  scope.no_aggregates = before;
  scope.windows = &windows;
  windows.push_back(std::move(window));
  Node node;
  node.type = oid::kInt8;
  node.name = name;
  node.strength = 2;
  const std::size_t slot = windows.size() - 1;
  node.key = "window" + std::to_string(scope.number) + "." + std::to_string(slot);
  node.value = [number = scope.number, &windows, slot](Context& context) {
    const Row& row = *context.rows[number];
    return row[row.size() - windows.size() + slot];
  };
  return node;
}

}  // namespace peerd::sql
