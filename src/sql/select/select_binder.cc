#include "select_binder.h"

#include <algorithm>

#include "statement_error.h"

namespace peerd::sql {
namespace {

using Kind = Expression::Kind;

bool is_position(const Expression& written) {
  return written.kind == Kind::number && written.text.find_first_not_of("0123456789") == std::string::npos;
}

std::size_t position_of(const Expression& written, std::size_t columns, const char* clause) {
  const std::size_t n = written.text.size() > 6 ? 0 : static_cast<std::size_t>(std::atoi(written.text.c_str()));
  if (n >= 1 && n <= columns) return n - 1;
  throw StatementError("42P10", std::string(clause) + " position " + written.text + " is not in select list", {},
                       written.at);
}

}  // namespace

SelectBinder::SelectBinder(Binder& binder, const Select& select, const std::vector<SortItem>& order, Scope* outer)
    : binder_(binder), select_(select), order_(order) {
  scope_.outer = outer;
  scope_.number = binder.scopes_++;
}

Plan SelectBinder::bind() {
  from();
  if (select_.where) {
    scope_.no_aggregates = "WHERE";
    where_ = binder_.as_boolean(binder_.expression(*select_.where, scope_), "WHERE", select_.where->at).value;
  }
  group();
  scope_.no_aggregates = nullptr;
  scope_.grouping = grouping_.get();
  if (!grouping_) scope_.windows = windows_.get();
  outputs();
  if (select_.having)
    having_ = binder_.as_boolean(binder_.expression(*select_.having, scope_), "HAVING", select_.having->at).value;
  sort();
  distinct_on();
  Plan plan;
  plan.outputs.assign(outputs_.begin(), outputs_.begin() + static_cast<std::ptrdiff_t>(visible_));
  plan.run = producer();
  return plan;
}

void SelectBinder::from() {
  Side all;
  bool first = true;
  for (const auto& written : select_.from) {
    Side next = item(*written);
    if (first) {
      all = std::move(next);
      first = false;
      continue;
    }
    const BoundFrom left = all.from, right = next.from;
    all.from.fill = joined(left, right, {}, false, false);
    all.from.end = right.end;
    all.from.end_source = right.end_source;
    all.seen.insert(all.seen.end(), next.seen.begin(), next.seen.end());
  }
  fill_ = first ? FillRow([](Context&, Row&, const std::function<bool()>& next) { return next(); }) : all.from.fill;
  scope_.seen = std::move(all.seen);
}

SelectBinder::Side SelectBinder::item(const FromItem& written) {
  return written.kind == FromItem::Kind::join ? join(written) : single(written);
}

SelectBinder::Side SelectBinder::single(const FromItem& written) {
  std::vector<BoundColumn> columns;
  Produce rows;
  Source source;
  if (written.kind == FromItem::Kind::query) {
    Plan plan = binder_.query(*written.query, scope_.outer);
    binder_.settle(plan);
    columns = binder_.columns_of(plan, {}, written.alias, written.at);
    rows = plan.run;
    source.alias = written.alias;
  } else if (written.kind == FromItem::Kind::function) {
    std::tie(columns, rows) = binder_.table_function(written, scope_);
    source.alias = written.alias.empty() ? written.parts.back() : written.alias;
  } else {
    std::tie(columns, rows) = binder_.table(written.parts, written.at);
    source.alias = written.alias.empty() ? written.parts.back() : written.alias;
  }
  for (std::size_t i = 0; i < written.columns.size(); ++i) {
    if (i >= columns.size()) {
      throw StatementError("42P10",
                           "table \"" + source.alias + "\" has " + std::to_string(columns.size()) +
                               " columns available but " + std::to_string(written.columns.size()) +
                               " columns specified",
                           {}, written.at);
    }
    columns[i].name = written.columns[i];
  }
  for (const auto& other : scope_.sources) {
    if (other.alias == source.alias)
      throw StatementError("42712", "table name \"" + source.alias + "\" specified more than once", {}, written.at);
  }
  Side side;
  side.from.lateral = written.kind == FromItem::Kind::function;
  source.first = side.from.first = width_;
  side.from.end = width_ += columns.size();
  side.from.first_source = scope_.sources.size();
  side.from.end_source = side.from.first_source + 1;
  source.columns = std::move(columns);
  scope_.sources.push_back(source);
  for (std::size_t i = 0; i < source.columns.size(); ++i) {
    side.seen.push_back({binder_.source_column(scope_, side.from.first_source, i, written.at),
                         source.alias + "." + source.columns[i].name});
  }
  side.from.fill = [rows, first = source.first](Context& context, Row& row, const std::function<bool()>& next) {
    return rows(context, [&](Row& part) {
      context.tick();
      std::copy(part.begin(), part.end(), row.begin() + static_cast<std::ptrdiff_t>(first));
      return next();
    });
  };
  return side;
}

SelectBinder::Side SelectBinder::join(const FromItem& written) {
  Side left = item(*written.left), right = item(*written.right);
  Side side;
  side.from.first = left.from.first;
  side.from.end = right.from.end;
  side.from.first_source = left.from.first_source;
  side.from.end_source = right.from.end_source;
  Node condition;
  std::vector<std::string> names = written.using_columns;
  if (written.natural) {
    for (const auto& column : left.seen) {
      const bool common = std::any_of(right.seen.begin(), right.seen.end(),
                                      [&](const auto& c) { return c.node.name == column.node.name; });
      if (common) names.push_back(column.node.name);
    }
  }
  if (names.empty()) {
    side.seen = left.seen;
    side.seen.insert(side.seen.end(), right.seen.begin(), right.seen.end());
    if (written.on) condition = join_on(written, left, right, side.seen);
  } else {
    condition = equal_columns(names, left, right, side.seen, written.at);
  }
  side.from.fill = joined(left.from, right.from, condition.value, written.left_outer, written.right_outer);
  return side;
}

/// ON sees the two sides of its own join and nothing else of the FROM list.
Node SelectBinder::join_on(const FromItem& written, const Side& left, const Side& right,
                           std::vector<SeenColumn>& seen) {
  Scope on;
  on.outer = scope_.outer;
  on.number = scope_.number;
  on.no_aggregates = "JOIN conditions";
  on.seen = seen;
  on.sources.assign(scope_.sources.begin() + static_cast<std::ptrdiff_t>(left.from.first_source),
                    scope_.sources.begin() + static_cast<std::ptrdiff_t>(right.from.end_source));
  return binder_.as_boolean(binder_.expression(*written.on, on), "JOIN/ON", written.on->at);
}

Node SelectBinder::equal_columns(const std::vector<std::string>& names, Side left, Side right,
                                 std::vector<SeenColumn>& seen, std::size_t at) {
  std::vector<Evaluate> conditions;
  const auto take = [&](std::vector<SeenColumn>& from, const std::string& name, const char* side) {
    const auto same = [&](const SeenColumn& column) { return column.node.name == name; };
    const auto found = std::find_if(from.begin(), from.end(), same);
    if (found == from.end())
      throw StatementError(
          "42703", "column \"" + name + "\" specified in USING clause does not exist in " + side + " table", {}, at);
    if (std::find_if(found + 1, from.end(), same) != from.end())
      throw StatementError("42702", "common column name \"" + name + "\" appears more than once in " + side + " table",
                           {}, at);
    Node node = found->node;
    from.erase(found);
    return node;
  };
  for (const auto& name : names) {
    std::vector<Node> both{take(left.seen, name, "left"), take(right.seen, name, "right")};
    conditions.push_back(binder_.compared("=", both[0], both[1], at).value);
    Node merged = *binder_.polymorphic("coalesce", both, at);
    merged.name = name;
    merged.strength = 2;
    seen.push_back({merged, name});
  }
  seen.insert(seen.end(), left.seen.begin(), left.seen.end());
  seen.insert(seen.end(), right.seen.begin(), right.seen.end());
  Node node;
  node.value = [conditions](Context& context) {
    for (const auto& condition : conditions) {
      const Value equal = condition(context);
      if (equal.null() || !equal.truth()) return Value(false);
    }
    return Value(true);
  };
  return node;
}

void SelectBinder::group() {
  bool aggregates = select_.having != nullptr || !select_.group_by.empty();
  for (const auto& entry : select_.entries) aggregates = aggregates || has_aggregate(*entry.value);
  for (const auto& item : order_) aggregates = aggregates || has_aggregate(*item.by);
  for (const auto& on : select_.distinct_on) aggregates = aggregates || has_aggregate(*on);
  if (!aggregates) return;
  scope_.no_aggregates = "GROUP BY";
  auto grouping = std::make_shared<Grouping>();
  for (const auto& written : select_.group_by) grouping->keys.push_back(binder_.settled(group_key(*written)));
  grouping_ = std::move(grouping);
}

/// A position, a column, an output's alias, or any expression.
Node SelectBinder::group_key(const Expression& written) {
  const Expression* meant = &written;
  if (is_position(written)) {
    meant = select_.entries[position_of(written, select_.entries.size(), "GROUP BY")].value.get();
  } else if (written.kind == Kind::column && written.parts.size() == 1) {
    const bool input = std::any_of(scope_.seen.begin(), scope_.seen.end(),
                                   [&](const auto& c) { return c.node.name == written.parts[0]; });
    for (const auto& entry : select_.entries) {
      if (!input && entry.alias == written.parts[0]) meant = entry.value.get();
    }
  } else if (written.kind == Kind::text || written.kind == Kind::number) {
    throw StatementError("42601", "non-integer constant in GROUP BY", {}, written.at);
  }
  if (meant->kind == Kind::star)
    throw not_supported("GROUP BY of a star's position is not supported", "name the columns", written.at);
  return binder_.expression(*meant, scope_);
}

void SelectBinder::add_output(Node node, const std::string& alias) {
  if (!alias.empty()) node.name = alias;
  if (category(node.type) == Category::unknown) node.value = [](Context&) { return Value(); };
  outputs_.push_back(std::move(node));
}

void SelectBinder::outputs() {
  for (const auto& entry : select_.entries) {
    if (entry.value->kind == Kind::star) {
      star(*entry.value);
    } else {
      add_output(binder_.expression(*entry.value, scope_), entry.alias);
    }
  }
  visible_ = outputs_.size();
}

void SelectBinder::star(const Expression& written) {
  if (written.parts.empty()) {
    if (scope_.seen.empty() && scope_.sources.empty())
      throw StatementError("42601", "SELECT * with no tables specified is not valid", {}, written.at);
    for (const auto& seen : scope_.seen) add_output(binder_.grouped(scope_, seen.node, seen.shown, written.at), {});
    return;
  }
  for (std::size_t i = 0; i < scope_.sources.size(); ++i) {
    if (scope_.sources[i].alias != written.parts.back()) continue;
    for (std::size_t c = 0; c < scope_.sources[i].columns.size(); ++c)
      add_output(binder_.source_column(scope_, i, c, written.at), {});
    return;
  }
  throw StatementError("42P01", "missing FROM-clause entry for table \"" + written.parts.back() + "\"", {}, written.at);
}

std::size_t SelectBinder::hidden_output(Node node) {
  node = binder_.settled(std::move(node));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].key == node.key && outputs_[i].type == node.type) return i;
  }
  outputs_.push_back(std::move(node));
  return outputs_.size() - 1;
}

std::size_t SelectBinder::sort_output(const Expression& written) {
  if (is_position(written)) return position_of(written, visible_, "ORDER BY");
  if (written.kind == Kind::text || written.kind == Kind::number)
    throw StatementError("42601", "non-integer constant in ORDER BY", {}, written.at);
  if (written.kind == Kind::column && written.parts.size() == 1) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < visible_; ++i) {
      if (outputs_[i].name != written.parts[0]) continue;
      if (found && outputs_[*found].key != outputs_[i].key)
        throw StatementError("42702", "ORDER BY \"" + written.parts[0] + "\" is ambiguous", {}, written.at);
      if (!found) found = i;
    }
    if (found) return *found;
  }
  return hidden_output(binder_.expression(written, scope_));
}

void SelectBinder::sort() {
  for (const auto& item : order_) {
    const std::size_t output = sort_output(*item.by);
    if (output >= visible_ && select_.distinct == Select::Distinct::yes) {
      throw StatementError("42P10", "for SELECT DISTINCT, ORDER BY expressions must appear in select list", {},
                           item.by->at);
    }
    sort_.push_back({output, item.descending, item.nulls_first});
  }
}

void SelectBinder::distinct_on() {
  for (const auto& written : select_.distinct_on) distinct_on_.push_back(sort_output(*written));
  std::set<std::size_t> open(distinct_on_.begin(), distinct_on_.end());
  const std::set<std::size_t> all = open;
  for (const auto& order : sort_) {
    if (open.empty()) break;
    if (!all.contains(order.output)) {
      throw StatementError("42P10", "SELECT DISTINCT ON expressions must match initial ORDER BY expressions", {},
                           select_.distinct_on[0]->at);
    }
    open.erase(order.output);
  }
}

}  // namespace peerd::sql
