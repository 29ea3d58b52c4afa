#include "binder.h"
#include "patterns.h"
#include "statement_error.h"

// IS, BETWEEN, IN, LIKE, CASE, ARRAY.
namespace peerd::sql {

using Kind = Expression::Kind;

Node Binder::test(const Expression& written, Scope& scope) {
  Node left = expression(*written.args[0], scope);
  Node node;
  node.type = oid::kBool;
  const bool negated = written.negated;
  const std::string sign = negated ? "is not" : "is";
  if (written.kind == Kind::is_null) {
    left = settled(std::move(left));
    node.key = "(" + left.key + sign + "null)";
    node.value = [inner = left.value, negated](Context& context) { return Value(inner(context).null() != negated); };
  } else if (written.kind == Kind::is_truth) {
    left = as_boolean(std::move(left), "IS", written.at);
    node.key = "(" + left.key + sign + written.text + ")";
    node.value = [inner = left.value, negated, unknown = written.text == "unknown",
                  wanted = written.text == "true"](Context& context) {
      const Value value = inner(context);
      return Value((unknown ? value.null() : !value.null() && value.truth() == wanted) != negated);
    };
  } else {
    Node right = expression(*written.args[1], scope);
    std::vector<Node> sides{std::move(left), std::move(right)};
    const bool open = category(sides[0].type) == Category::unknown && category(sides[1].type) == Category::unknown;
    if (!open && common_type(sides[0].type, sides[1].type) == 0) no_operator("=", sides[0], sides[1], written.at);
    unify(sides, "IS DISTINCT FROM", written.at);
    node.key = "(" + sides[0].key + sign + "distinct" + sides[1].key + ")";
    node.value = [a = sides[0].value, b = sides[1].value, negated](Context& context) {
      return Value((compare_with_nulls(a(context), b(context)) != 0) != negated);
    };
  }
  return node;
}

namespace {

Value three_valued_and(const Value& a, const Value& b) {
  if (!a.null() && !a.truth()) return false;
  if (!b.null() && !b.truth()) return false;
  return a.null() || b.null() ? Value() : Value(true);
}

Value negate_if(bool negated, Value value) { return value.null() || !negated ? value : Value(!value.truth()); }

}  // namespace

Node Binder::between(const Expression& written, Scope& scope) {
  // x BETWEEN a AND b is x >= a AND x <= b, each compared by a type of its own.
  Node operand = expression(*written.args[0], scope);
  const std::string key = operand.key;
  const Once left = once(std::move(operand)), low = once(expression(*written.args[1], scope)),
             high = once(expression(*written.args[2], scope));
  const auto fill = [a = left.fill, b = low.fill, c = high.fill](Context& context) {
    a(context);
    b(context);
    c(context);
  };
  Node from = compared(">=", left.node, low.node, written.at), to = compared("<=", left.node, high.node, written.at);
  Node node;
  node.type = oid::kBool;
  node.key = "(" + std::string(written.negated ? "not" : "") + "between" + (written.star ? "symmetric" : "") +
             from.key + to.key + ")";
  if (!written.star) {
    node.value = [fill, a = from.value, b = to.value, negated = written.negated](Context& context) {
      fill(context);
      return negate_if(negated, three_valued_and(a(context), b(context)));
    };
    return node;
  }
  Node back_from = compared(">=", left.node, high.node, written.at),
       back_to = compared("<=", left.node, low.node, written.at);
  node.value = [fill, a = from.value, b = to.value, c = back_from.value, d = back_to.value,
                negated = written.negated](Context& context) {
    fill(context);
    const Value one = three_valued_and(a(context), b(context)), other = three_valued_and(c(context), d(context));
    if ((!one.null() && one.truth()) || (!other.null() && other.truth())) return Value(!negated);
    return one.null() || other.null() ? Value() : Value(negated);
  };
  return node;
}

Node Binder::in_list(const Expression& written, Scope& scope) {
  std::vector<Node> nodes;
  for (const auto& argument : written.args) nodes.push_back(expression(*argument, scope));
  std::uint32_t type = nodes[0].type;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    const std::uint32_t wider = common_type(type, nodes[i].type);
    if (wider == 0 && category(type) != Category::unknown) no_operator("=", nodes[0], nodes[i], written.at);
    type = wider;
  }
  unify(nodes, "IN", written.at);
  Node node;
  node.type = oid::kBool;
  std::vector<Evaluate> items;
  node.key = std::string(written.negated ? "(notin" : "(in");
  for (const auto& item : nodes) node.key += item.key;
  node.key += ")";
  for (auto& item : nodes) items.push_back(std::move(item.value));
  node.value = [items, negated = written.negated](Context& context) {
    const Value wanted = items[0](context);
    bool unknown = wanted.null();
    for (std::size_t i = 1; i < items.size(); ++i) {
      const Value item = items[i](context);
      if (item.null() || wanted.null()) {
        unknown = true;
      } else if (compare(wanted, item) == 0) {
        return Value(!negated);
      }
    }
    return unknown ? Value() : Value(negated);
  };
  return node;
}

Node Binder::like(const Expression& written, Scope& scope) {
  std::vector<Evaluate> texts;
  Node node;
  node.type = oid::kBool;
  node.key = "(" + std::string(written.negated ? "not" : "") + written.text;
  Node first;
  for (const auto& argument : written.args) {
    Node part = expression(*argument, scope);
    const Category kind = category(part.type);
    if (kind != Category::text && kind != Category::unknown) {
      if (texts.empty())
        no_operator(written.text == "like" ? "~~" : "~~*", part, settled(expression(*written.args[1], scope)),
                    written.at);
      no_operator(written.text == "like" ? "~~" : "~~*", first, part, written.at);
    }
    part = coerce(std::move(part), oid::kText, written.at);
    node.key += part.key;
    texts.push_back(part.value);
    first = std::move(part);
  }
  node.key += ")";
  node.value = [texts, ignore_case = written.text == "ilike", negated = written.negated](Context& context) {
    Row values;
    for (const auto& text : texts) values.push_back(text(context));
    for (const auto& value : values) {
      if (value.null()) return Value();
    }
    const std::string escape = values.size() > 2 ? values[2].text() : "\\";
    return Value(like_matches(values[0].text(), values[1].text(), escape, ignore_case) != negated);
  };
  return node;
}

Node Binder::choice(const Expression& written, Scope& scope) {
  std::vector<Evaluate> conditions;
  std::vector<Node> results;
  std::string key = "(case";
  Once operand{{}, [](Context&) {}};
  if (written.has_operand) {
    operand = once(expression(*written.args[0], scope));
    key += operand.node.key;
  }
  const std::size_t first = written.has_operand ? 1 : 0, last = written.args.size() - (written.has_else ? 1 : 0);
  for (std::size_t i = first; i < last; i += 2) {
    Node when = expression(*written.args[i], scope);
    when = written.has_operand ? compared("=", operand.node, std::move(when), written.args[i]->at)
                               : as_boolean(std::move(when), "CASE/WHEN", written.args[i]->at);
    key += when.key;
    conditions.push_back(std::move(when.value));
    results.push_back(expression(*written.args[i + 1], scope));
  }
  std::string name = "case";
  int strength = 1;
  if (written.has_else) {
    results.push_back(expression(*written.args.back(), scope));
    if (results.back().strength > 1) {
      name = results.back().name;
      strength = results.back().strength;
    }
  }
  Node node;
  node.type = unify(results, "CASE", written.at);
  node.name = name;
  node.strength = strength;
  std::vector<Evaluate> values;
  for (auto& result : results) {
    key += "then" + result.key;
    values.push_back(std::move(result.value));
  }
  node.key = key + ")";
  node.value = [conditions, values, fill = operand.fill](Context& context) {
    fill(context);
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      const Value met = conditions[i](context);
      if (!met.null() && met.truth()) return values[i](context);
    }
    return values.size() > conditions.size() ? values.back()(context) : Value();
  };
  return node;
}

Node Binder::array(const Expression& written, Scope& scope) {
  std::vector<Node> nodes;
  for (const auto& argument : written.args) nodes.push_back(expression(*argument, scope));
  if (nodes.empty())
    throw StatementError("42P18", "cannot determine type of empty array",
                         "Explicitly cast to the desired type, for example ARRAY[]::integer[].", written.at);
  Node node;
  node.type = array_of(unify(nodes, "ARRAY", written.at));
  if (node.type == 0) throw not_supported("arrays of this type are not supported", {}, written.at);
  node.name = "array";
  node.strength = 2;
  std::vector<Evaluate> items;
  node.key = "(array";
  for (auto& item : nodes) {
    node.key += item.key + ",";
    items.push_back(std::move(item.value));
  }
  node.key += ")";
  node.value = [items](Context& context) -> Value {
    auto values = std::make_shared<Row>();
    for (const auto& item : items) values->push_back(item(context));
    return std::shared_ptr<const Row>(std::move(values));
  };
  return node;
}

}  // namespace peerd::sql
