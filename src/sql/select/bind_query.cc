#include <algorithm>

#include "binder.h"
#include "peerd/base/option_table.h"
#include "peerd/base/text.h"
#include "select_binder.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

bool is_open(const Node& node) { return category(node.type) == Category::unknown; }

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

}  // namespace

Plan Binder::query(const Query& query, Scope* outer) {
  const With* const before = with_;
  const std::size_t first = with_slots_.size();
  for (const auto& item : query.with) add_with(item, query.recursive, outer);
  const std::vector<std::size_t> slots(with_slots_.begin() + static_cast<std::ptrdiff_t>(first), with_slots_.end());
  Plan plan = set_tree(*query.body, query.order, outer);
  with_ = before;
  plan = limited(std::move(plan), query, outer);
  if (slots.empty()) return plan;
  // What WITH holds is read anew each time that the query runs: it may depend on the query around it.
  plan.run = [run = std::move(plan.run), slots](Context& context, const Sink& sink) {
    for (const std::size_t slot : slots) context.kept[slot].reset();
    return run(context, sink);
  };
  return plan;
}

Plan Binder::set_tree(const SetTree& tree, const std::vector<SortItem>& order, Scope* outer) {
  static const std::vector<SortItem> kNone;
  if (tree.select && tree.select->values.empty()) return SelectBinder(*this, *tree.select, order, outer).bind();
  Plan plan = tree.select  ? values(*tree.select, outer)
              : tree.query ? query(*tree.query, outer)
                           : set_operation(tree, outer);
  return order.empty() ? plan : sorted(std::move(plan), order);
}

Plan Binder::values(const Select& select, Scope* outer) {
  Scope scope;
  scope.outer = outer;
  scope.number = scopes_++;
  scope.no_aggregates = "VALUES";
  const std::size_t width = select.values[0].size();
  std::vector<std::vector<Node>> columns(width);
  for (const auto& row : select.values) {
    if (row.size() != width) throw StatementError("42601", "VALUES lists must all be the same length", {}, row[0]->at);
    for (std::size_t i = 0; i < width; ++i) columns[i].push_back(expression(*row[i], scope));
  }
  Plan plan;
  std::vector<std::vector<Evaluate>> rows(select.values.size());
  for (std::size_t i = 0; i < width; ++i) {
    unify(columns[i], "VALUES", select.at);
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r].push_back(columns[i][r].value);
    Node output = columns[i][0];
    output.name = "column" + std::to_string(i + 1);
    output.strength = 2;
    plan.outputs.push_back(std::move(output));
  }
  plan.run = [rows](Context& context, const Sink& sink) {
    for (const auto& row : rows) {
      Row out;
      for (const auto& value : row) out.push_back(value(context));
      context.tick();
      if (!sink(out)) return false;
    }
    return true;
  };
  return plan;
}

void Binder::retype(Plan& plan, const std::vector<std::uint32_t>& types, std::size_t at) {
  std::vector<std::pair<std::size_t, Evaluate>> fixed;
  std::vector<std::pair<std::size_t, Convert>> converted;
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    Node& output = plan.outputs[i];
    if (output.type == types[i]) continue;
    if (is_open(output)) {
      output = coerce(std::move(output), types[i], at);
      fixed.emplace_back(i, output.value);
      continue;
    }
    const Convert convert = converts(output.type, types[i]) ? find_cast(output.type, types[i]) : nullptr;
    if (!convert)
      throw StatementError(
          "42804", "types " + full_name(output.type) + " and " + full_name(types[i]) + " cannot be matched", {}, at);
    converted.emplace_back(i, convert);
    output.type = types[i];
  }
  if (fixed.empty() && converted.empty()) return;
  plan.run = [run = std::move(plan.run), fixed, converted](Context& context, const Sink& sink) {
    return run(context, [&](Row& row) {
      for (const auto& [i, value] : fixed) row[i] = value(context);
      for (const auto& [i, convert] : converted) row[i] = row[i].null() ? Value() : convert(row[i]);
      return sink(row);
    });
  };
}

void Binder::settle(Plan& plan) {
  std::vector<std::uint32_t> types;
  for (const auto& output : plan.outputs)
    types.push_back(is_open(output) ? static_cast<std::uint32_t>(oid::kText) : output.type);
  retype(plan, types, StatementError::kNowhere);
}

namespace {

/// UNION, INTERSECT, EXCEPT over rows of the same types.
Produce combined(const std::string& op, bool all, Produce left, Produce right) {
  if (op == "union" && all) {
    return [=](Context& context, const Sink& sink) { return left(context, sink) && right(context, sink); };
  }
  if (op == "union") {
    return [=](Context& context, const Sink& sink) {
      std::set<Row, RowLess> seen;
      Buffer held(context);
      const Sink fresh = [&](Row& row) {
        if (!seen.insert(row).second) return true;
        held.count(row);
        return sink(row);
      };
      return left(context, fresh) && right(context, fresh);
    };
  }
  return [=, intersect = op == "intersect"](Context& context, const Sink& sink) {
    std::map<Row, std::int64_t, RowLess> there;
    Buffer held(context);
    right(context, [&](Row& row) {
      if (++there[row] == 1) held.count(row);
      return true;
    });
    std::set<Row, RowLess> seen;
    return left(context, [&](Row& row) {
      const auto found = there.find(row);
      const bool present = found != there.end() && found->second > 0;
      if (all && present) --found->second;
      if (present != intersect) return true;
      if (!all && !seen.insert(row).second) return true;
      if (!all) held.count(row);
      return sink(row);
    });
  };
}

}  // namespace

Plan Binder::set_operation(const SetTree& tree, Scope* outer) {
  static const std::vector<SortItem> kNone;
  Plan left = set_tree(*tree.left, kNone, outer), right = set_tree(*tree.right, kNone, outer);
  if (left.outputs.size() != right.outputs.size()) {
    throw StatementError("42601", "each " + upper(tree.op) + " query must have the same number of columns", {},
                         tree.at);
  }
  std::vector<std::uint32_t> types;
  for (std::size_t i = 0; i < left.outputs.size(); ++i) {
    const std::uint32_t a = left.outputs[i].type, b = right.outputs[i].type;
    std::uint32_t type = common_type(a, b);
    if (category(type) == Category::unknown) {
      const bool open = is_open(left.outputs[i]) && is_open(right.outputs[i]);
      if (!open)
        throw StatementError("42804",
                             upper(tree.op) + " types " + full_name(a) + " and " + full_name(b) + " cannot be matched",
                             {}, tree.at);
      type = oid::kText;
    }
    types.push_back(type);
  }
  retype(left, types, tree.at);
  retype(right, types, tree.at);
  left.run = combined(tree.op, tree.all, std::move(left.run), std::move(right.run));
  return left;
}

Plan Binder::sorted(Plan plan, const std::vector<SortItem>& order) {
  struct Order {
    std::size_t output;
    bool descending, nulls_first;
  };
  settle(plan);
  std::vector<Order> sort;
  for (const auto& item : order) {
    const Expression& by = *item.by;
    std::optional<std::size_t> found;
    if (by.kind == Expression::Kind::number) {
      const int n = std::atoi(by.text.c_str());
      if (n < 1 || static_cast<std::size_t>(n) > plan.outputs.size())
        throw StatementError("42P10", "ORDER BY position " + by.text + " is not in select list", {}, by.at);
      found = static_cast<std::size_t>(n - 1);
    }
    for (std::size_t i = 0; i < plan.outputs.size() && by.kind == Expression::Kind::column && by.parts.size() == 1;
         ++i) {
      if (plan.outputs[i].name != by.parts[0]) continue;
      if (found) throw StatementError("42702", "ORDER BY \"" + by.parts[0] + "\" is ambiguous", {}, by.at);
      found = i;
    }
    if (!found) {
      throw not_supported("invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
                          "Only result column names can be used, not expressions or functions.", by.at);
    }
    sort.push_back({*found, item.descending, item.nulls_first});
  }
  plan.run = [run = std::move(plan.run), sort](Context& context, const Sink& sink) {
    Buffer held(context);
    run(context, [&](Row& row) {
      held.add(row);
      return true;
    });
    std::stable_sort(held.rows.begin(), held.rows.end(), [&](const Row& a, const Row& b) {
      for (const auto& by : sort) {
        const int compared = compare_sorted(a[by.output], b[by.output], by.descending, by.nulls_first);
        if (compared != 0) return compared < 0;
      }
      return false;
    });
    return std::all_of(held.rows.begin(), held.rows.end(), [&](Row& row) { return sink(row); });
  };
  return plan;
}

Evaluate Binder::row_count(const Expression& written, const char* clause, Scope* outer) {
  Scope scope;
  scope.outer = outer;
  scope.number = scopes_++;
  scope.no_aggregates = clause;
  Node node = expression(written, scope);
  if (category(node.type) == Category::number) return cast_to(std::move(node), {oid::kInt8, -1}, written.at).value;
  if (!can_coerce(node, oid::kInt8)) {
    throw StatementError(
        "42804", std::string("argument of ") + clause + " must be type bigint, not type " + full_name(node.type), {},
        written.at);
  }
  return coerce(std::move(node), oid::kInt8, written.at).value;
}

Plan Binder::limited(Plan plan, const Query& query, Scope* outer) {
  if (!query.limit && !query.offset) return plan;
  Evaluate limit, offset;
  if (query.limit) limit = row_count(*query.limit, "LIMIT", outer);
  if (query.offset) offset = row_count(*query.offset, "OFFSET", outer);
  plan.run = [run = std::move(plan.run), limit, offset](Context& context, const Sink& sink) {
    std::int64_t left = INT64_MAX, skip = 0;
    if (limit) {
      const Value value = limit(context);
      if (!value.null()) left = value.integer();
      if (left < 0) throw StatementError("2201W", "LIMIT must not be negative");
    }
    if (offset) {
      const Value value = offset(context);
      if (!value.null()) skip = value.integer();
      if (skip < 0) throw StatementError("2201X", "OFFSET must not be negative");
    }
    bool wanted = true;
    if (left == 0) return true;
    run(context, [&](Row& row) {
      if (skip > 0) return --skip, true;
      wanted = sink(row);
      return wanted && --left > 0;
    });
    return wanted;
  };
  return plan;
}

}  // namespace peerd::sql
