#include <algorithm>
#include <map>

#include "select_binder.h"

// How a SELECT runs: rows of FROM, WHERE, groups, outputs, DISTINCT, ORDER BY.
namespace peerd::sql {
namespace {

struct Order {
  std::size_t output;
  bool descending, nulls_first;
};

struct Core {
  std::size_t number = 0, width = 0, visible = 0;
  FillRow fill;
  Evaluate where, having;
  std::shared_ptr<Grouping> grouping;
  std::shared_ptr<const Windows> windows;
  std::vector<Evaluate> outputs;
  bool distinct = false;
  std::vector<std::size_t> distinct_on;
  std::vector<Order> sort;
};

bool holds(const Evaluate& condition, Context& context) {
  if (!condition) return true;
  const Value value = condition(context);
  return !value.null() && value.truth();
}

/// All rows at once, with the windows' values behind them.
bool each_of_windows(const Core& core, Context& context, const FillRow& rows, Row& row, const std::function<bool()>& take) {
  Buffer held(context);
  rows(context, row, [&] {
    held.add(row);
    return true;
  });
  add_windows(*core.windows, core.number, context, held.rows);
  for (const Row& whole : held.rows) {
    context.rows[core.number] = &whole;
    if (!take()) return false;
  }
  return true;
}

/// Calls `take` with each row that outputs are made of in hand: of FROM, or of the groups.
bool each_input(const Core& core, Context& context, const std::function<bool()>& take) {
  Row row(core.width);
  context.rows[core.number] = &row;
  const auto rows = [&](const std::function<bool()>& next) {
    return core.fill(context, row, [&] { return !holds(core.where, context) || next(); });
  };
  if (!core.windows->empty()) {
    const auto all = [&](Context&, Row&, const std::function<bool()>& next) { return rows(next); };
    return each_of_windows(core, context, all, row, take);
  }
  if (!core.grouping) return rows(take);
  struct Group {
    std::vector<std::unique_ptr<GroupState>> states;
  };
  std::map<Row, Group, RowLess> groups;
  Buffer held(context);
  const auto group_of = [&](Row key) -> Group& {
    const auto [found, fresh] = groups.try_emplace(std::move(key));
    if (fresh) {
      held.count(found->first);
      for (const auto& aggregate : core.grouping->aggregates) {
        found->second.states.push_back(std::make_unique<GroupState>(aggregate, context));
      }
    }
    return found->second;
  };
  if (core.grouping->keys.empty()) group_of({});
  rows([&] {
    Row key;
    for (const auto& part : core.grouping->keys) key.push_back(part.value(context));
    for (auto& state : group_of(std::move(key)).states) state->add(context);
    return true;
  });
  Row grouped;
  context.rows[core.number] = &grouped;
  for (auto& [key, group] : groups) {
    context.tick();
    grouped = key;
    for (auto& state : group.states) grouped.push_back(state->result());
    if (holds(core.having, context) && !take()) return false;
  }
  return true;
}

Row output_row(const Core& core, Context& context) {
  Row out;
  out.reserve(core.outputs.size());
  for (const auto& output : core.outputs) out.push_back(output(context));
  return out;
}

bool run_sorted(const Core& core, Context& context, const Sink& sink) {
  Buffer held(context);
  std::set<Row, RowLess> seen;
  each_input(core, context, [&] {
    Row out = output_row(core, context);
    if (core.distinct) {
      if (!seen.insert(out).second) return true;
      held.count(out);
    }
    held.add(std::move(out));
    return true;
  });
  std::stable_sort(held.rows.begin(), held.rows.end(), [&](const Row& a, const Row& b) {
    for (const auto& sort : core.sort) {
      const int order = compare_sorted(a[sort.output], b[sort.output], sort.descending, sort.nulls_first);
      if (order != 0) return order < 0;
    }
    return false;
  });
  std::set<Row, RowLess> first_of;
  for (auto& row : held.rows) {
    if (!core.distinct_on.empty()) {
      Row key;
      for (const std::size_t on : core.distinct_on) key.push_back(row[on]);
      if (!first_of.insert(std::move(key)).second) continue;
    }
    row.resize(core.visible);
    if (!sink(row)) return false;
  }
  return true;
}

bool run_unsorted(const Core& core, Context& context, const Sink& sink) {
  std::set<Row, RowLess> seen;
  Buffer held(context);
  return each_input(core, context, [&] {
    Row out = output_row(core, context);
    if (core.distinct) {
      if (!seen.insert(out).second) return true;
      held.count(out);
    }
    return sink(out);
  });
}

}  // namespace

Produce SelectBinder::producer() {
  auto core = std::make_shared<Core>();
  core->number = scope_.number;
  core->width = width_;
  core->visible = visible_;
  core->fill = fill_;
  core->where = where_;
  core->having = having_;
  core->grouping = grouping_;
  core->windows = windows_;
  for (const auto& output : outputs_) core->outputs.push_back(output.value);
  core->distinct = select_.distinct == Select::Distinct::yes;
  core->distinct_on = distinct_on_;
  for (const auto& sort : sort_) core->sort.push_back({sort.output, sort.descending, sort.nulls_first});
  return [core](Context& context, const Sink& sink) {
    // A SELECT may run inside of itself no more than once; the row of the one around it comes back.
    const Row* const before = context.rows[core->number];
    const bool buffered = !core->sort.empty() || !core->distinct_on.empty();
    const bool on = buffered ? run_sorted(*core, context, sink) : run_unsorted(*core, context, sink);
    context.rows[core->number] = before;
    return on;
  };
}

}  // namespace peerd::sql
