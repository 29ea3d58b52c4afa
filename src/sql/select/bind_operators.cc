#include <cmath>

#include "binder.h"
#include "patterns.h"
#include "statement_error.h"
#include "times.h"

namespace peerd::sql {
namespace {

/// A strict operator of two values.
template <typename Function>
Node strict(std::uint32_t type, const std::string& op, const Node& left, const Node& right, Function function) {
  Node node;
  node.type = type;
  node.key = "(" + left.key + op + right.key + ")";
  node.value = [a = left.value, b = right.value, function](Context& context) -> Value {
    const Value x = a(context);
    if (x.null()) return {};
    const Value y = b(context);
    if (y.null()) return {};
    return function(x, y);
  };
  return node;
}

[[noreturn]] void division_by_zero() { throw StatementError("22012", "division by zero"); }

std::int64_t whole_arithmetic(char op, std::int64_t a, std::int64_t b, std::uint32_t type) {
  std::int64_t result = 0;
  bool over = false;
  switch (op) {
    case '+':
      over = __builtin_add_overflow(a, b, &result);
      break;
    case '-':
      over = __builtin_sub_overflow(a, b, &result);
      break;
    case '*':
      over = __builtin_mul_overflow(a, b, &result);
      break;
    default:
      if (b == 0) division_by_zero();
      if (b == -1) {  // The least number has no counterpart.
        over = op == '/' && __builtin_sub_overflow(std::int64_t{0}, a, &result);
      } else {
        result = op == '/' ? a / b : a % b;
      }
  }
  if (over) throw StatementError("22003", full_name(type) + " out of range");
  return in_range(result, type);
}

double real_arithmetic(char op, double a, double b) {
  if (op == '/' && b == 0) division_by_zero();
  const double result = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : op == '^' ? std::pow(a, b) : a / b;
  if (std::isinf(result) && !std::isinf(a) && !std::isinf(b))
    throw StatementError("22003", "value out of range: overflow");
  if (op == '^' && std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
    throw StatementError("2201F", "a negative number raised to a non-integer power yields a complex result");
  }
  return result;
}

Decimal decimal_arithmetic(char op, const Decimal& a, const Decimal& b) {
  switch (op) {
    case '+':
      return add(a, b);
    case '-':
      return subtract(a, b);
    case '*':
      return multiply(a, b);
    case '/':
      return divide(a, b);
    default:
      return modulo(a, b);
  }
}

bool is_open(const Node& node) { return category(node.type) == Category::unknown; }

}  // namespace

void Binder::no_operator(const std::string& op, const Node& left, const Node& right, std::size_t at) const {
  throw StatementError(
      "42883", "operator does not exist: " + full_name(left.type) + " " + op + " " + full_name(right.type),
      "No operator matches the given name and argument types. You might need to add explicit type casts.", at);
}

Node Binder::compared(const std::string& op, Node left, Node right, std::size_t at) {
  const std::uint32_t type = common_type(left.type, right.type);
  const bool both_open = is_open(left) && is_open(right);
  if ((type == 0 && !both_open) || category(type) == Category::nothing) no_operator(op, left, right, at);
  std::vector<Node> sides{std::move(left), std::move(right)};
  unify(sides, "comparison", at);
  const auto with = [&](auto holds) {
    return strict(oid::kBool, op, sides[0], sides[1],
                  [holds](const Value& a, const Value& b) -> Value { return holds(compare(a, b)); });
  };
  if (op == "=") return with([](int order) { return order == 0; });
  if (op == "<>") return with([](int order) { return order != 0; });
  if (op == "<") return with([](int order) { return order < 0; });
  if (op == "<=") return with([](int order) { return order <= 0; });
  if (op == ">") return with([](int order) { return order > 0; });
  if (op == ">=") return with([](int order) { return order >= 0; });
  no_operator(op, sides[0], sides[1], at);
}

Node Binder::number_arithmetic(const std::string& op, Node left, Node right, std::size_t at) {
  std::uint32_t type = common_type(left.type, right.type);
  if (is_open(left) && is_open(right)) {
    throw StatementError("42725", "operator is not unique: unknown " + op + " unknown",
                         "Could not choose a best candidate operator. You might need to add explicit type casts.", at);
  }
  if (type == 0 || category(type) != Category::number || type == oid::kOid || is_object_number(type))
    no_operator(op, left, right, at);
  if (op == "^") {
    if (type == oid::kNumeric)
      throw not_supported("^ of numeric values is not supported", "cast to double precision", at);
    type = oid::kFloat8;
  }
  if (op == "%" && type == oid::kFloat8) no_operator(op, left, right, at);
  left = coerce(std::move(left), type, at);
  right = coerce(std::move(right), type, at);
  const char sign = op[0];
  if (type == oid::kFloat8) {
    return strict(type, op, left, right, [sign](const Value& a, const Value& b) -> Value {
      return real_arithmetic(sign, a.real(), b.real());
    });
  }
  if (type == oid::kNumeric) {
    return strict(type, op, left, right, [sign](const Value& a, const Value& b) -> Value {
      return decimal_arithmetic(sign, a.decimal(), b.decimal());
    });
  }
  return strict(type, op, left, right, [sign, type](const Value& a, const Value& b) -> Value {
    return whole_arithmetic(sign, a.integer(), b.integer(), type);
  });
}

std::optional<Node> Binder::time_arithmetic(const std::string& op, const Node& left, const Node& right,
                                            std::size_t at) {
  const Category a = category(left.type), b = category(right.type);
  if (a != Category::time && b != Category::time && a != Category::interval && b != Category::interval)
    return std::nullopt;
  const int sign = op == "-" ? -1 : 1;
  const auto stamped = [](std::uint32_t type) { return type == oid::kDate ? oid::kTimestamp : type; };
  const bool sum = op == "+" || op == "-";
  if (sum && (a == Category::unknown || b == Category::unknown)) {
    // As Postgres guesses: an open operand is of the other's type, where there is such an operator; else an interval.
    const Node& known = a == Category::unknown ? right : left;
    const bool same = category(known.type) == Category::interval || op == "-";
    if (!same && known.type == oid::kDate) {
      throw StatementError("42725",
                           "operator is not unique: " + full_name(left.type) + " " + op + " " + full_name(right.type),
                           "You might need to add explicit type casts.", at);
    }
    const std::uint32_t type = same ? known.type : static_cast<std::uint32_t>(oid::kInterval);
    return time_arithmetic(op, coerce(left, a == Category::unknown ? type : left.type, at),
                           coerce(right, b == Category::unknown ? type : right.type, at), at);
  }
  if (sum && a == Category::time && b == Category::interval) {
    const Node from = coerce(left, stamped(left.type), at);
    return strict(from.type, op, from, right,
                  [sign](const Value& x, const Value& y) -> Value { return add(x.integer(), y.interval(), sign); });
  }
  if (op == "+" && a == Category::interval && b == Category::time) return time_arithmetic(op, right, left, at);
  if (sum && a == Category::interval && b == Category::interval) {
    return strict(oid::kInterval, op, left, right,
                  [sign](const Value& x, const Value& y) -> Value { return add(x.interval(), y.interval(), sign); });
  }
  if (op == "-" && left.type == oid::kDate && right.type == oid::kDate) {
    return strict(oid::kInt4, op, left, right,
                  [](const Value& x, const Value& y) -> Value { return x.integer() - y.integer(); });
  }
  if (op == "-" && a == Category::time && b == Category::time) {
    const std::uint32_t type = common_type(left.type, right.type);
    return strict(oid::kInterval, op, coerce(left, type, at), coerce(right, type, at),
                  [](const Value& x, const Value& y) -> Value { return difference(x.integer(), y.integer()); });
  }
  const bool small = right.type == oid::kInt4 || right.type == oid::kInt2;
  if (sum && left.type == oid::kDate && small) {
    return strict(oid::kDate, op, left, right,
                  [sign](const Value& x, const Value& y) -> Value { return x.integer() + sign * y.integer(); });
  }
  if (op == "+" && right.type == oid::kDate && category(left.type) == Category::number)
    return time_arithmetic(op, right, left, at);
  const auto scaled = [&](const Node& interval, const Node& factor) {
    return strict(oid::kInterval, op, interval, coerce(factor, oid::kFloat8, at),
                  [divides = op == "/"](const Value& x, const Value& y) -> Value {
                    if (divides && y.real() == 0) division_by_zero();
                    return multiply(x.interval(), divides ? 1 / y.real() : y.real());
                  });
  };
  const auto factor = [&](const Node& node) { return can_coerce(node, oid::kFloat8); };
  if ((op == "*" || op == "/") && a == Category::interval && factor(right)) return scaled(left, right);
  if (op == "*" && b == Category::interval && factor(left)) return scaled(right, left);
  no_operator(op, left, right, at);
}

Node Binder::binary(const std::string& op, Node left, Node right, std::size_t at) {
  static const std::set<std::string, std::less<>> kCompare = {"=", "<>", "<", "<=", ">", ">="};
  if (kCompare.contains(op)) return compared(op, std::move(left), std::move(right), at);
  const bool texts = can_coerce(left, oid::kText) && can_coerce(right, oid::kText);
  if (op == "||") {
    const auto text = [](const Node& node) { return category(node.type) == Category::text || is_open(node); };
    if (category(left.type) == Category::array || category(right.type) == Category::array)
      return array_joined(std::move(left), std::move(right), at);
    if (!text(left) && !text(right)) no_operator(op, left, right, at);
    left = cast_to(std::move(left), {oid::kText, -1}, at);
    right = cast_to(std::move(right), {oid::kText, -1}, at);
    return strict(oid::kText, op, left, right,
                  [](const Value& a, const Value& b) -> Value { return a.text() + b.text(); });
  }
  if (op == "~" || op == "~*" || op == "!~" || op == "!~*") {
    if (!texts) no_operator(op, left, right, at);
    left = coerce(std::move(left), oid::kText, at);
    right = coerce(std::move(right), oid::kText, at);
    auto last = std::make_shared<std::pair<std::string, std::optional<Pattern>>>();
    return strict(
        oid::kBool, op, left, right,
        [last, negated = op[0] == '!', ignore_case = op.back() == '*'](const Value& a, const Value& b) -> Value {
          if (!last->second || last->first != b.text()) *last = {b.text(), Pattern(b.text(), ignore_case)};
          return last->second->found_in(a.text()) != negated;
        });
  }
  if (op == "+" || op == "-" || op == "*" || op == "/") {
    if (auto node = time_arithmetic(op, left, right, at)) return *node;
  }
  if (op == "+" || op == "-" || op == "*" || op == "/" || op == "%" || op == "^") {
    return number_arithmetic(op, std::move(left), std::move(right), at);
  }
  if (op == "==") no_operator(op, left, right, at);
  throw not_supported("operator " + op + " is not supported", {}, at);
}

namespace {

/// The outcome of comparing with each of some values: ANY is true at the first that holds, ALL false at the first that
/// does not.
class Verdict {
 public:
  explicit Verdict(bool all) : all_(all) {}
  /// False when it is settled.
  bool take(const Value& holds) {
    if (holds.null()) {
      unknown_ = true;
    } else if (holds.truth() != all_) {
      settled_ = true;
    }
    return !settled_;
  }
  Value result() const { return settled_ ? Value(!all_) : unknown_ ? Value() : Value(all_); }

 private:
  bool all_, unknown_ = false, settled_ = false;
};

}  // namespace

Node Binder::quantified(const Expression& written, Scope& scope) {
  Once operand = once(expression(*written.args[0], scope));
  Node left = operand.node;
  const bool all = written.star;
  const std::size_t at = written.at;
  // The right side's value in hand lies in a cell that the comparison reads.
  auto cell = std::make_shared<Value>();
  const auto compare_with = [&](std::uint32_t element) {
    Node item;
    item.type = element;
    item.key = "item";
    item.value = [cell](Context&) { return *cell; };
    if (written.text.find("like") == std::string::npos) return binary(written.text, left, std::move(item), at);
    if (!can_coerce(left, oid::kText) || !can_coerce(item, oid::kText)) no_operator("~~", left, item, at);
    left = coerce(std::move(left), oid::kText, at);
    return strict(oid::kBool, written.text, left, item,
                  [negated = written.text.starts_with("not"), ignore_case = written.text.ends_with("ilike")](
                      const Value& a, const Value& b) -> Value {
                    return like_matches(a.text(), b.text(), "\\", ignore_case) != negated;
                  });
  };
  Node node;
  node.type = oid::kBool;
  node.key = "quantified" + std::to_string(++subqueries_);
  if (written.query) {
    Plan plan = query(*written.query, &scope);
    settle(plan);
    if (plan.outputs.size() != 1) throw StatementError("42601", "subquery has too many columns", {}, at);
    Node compare = compare_with(plan.outputs[0].type);
    if (compare.type != oid::kBool)
      throw StatementError("42809", "op ANY/ALL (array) requires operator to yield boolean", {}, at);
    node.value = [run = plan.run, holds = compare.value, fill = operand.fill, cell, all](Context& context) {
      fill(context);
      Verdict verdict(all);
      run(context, [&](Row& row) {
        *cell = row[0];
        return verdict.take(holds(context));
      });
      return verdict.result();
    };
    return node;
  }
  Node right = expression(*written.args[1], scope);
  if (is_open(right)) {
    const std::uint32_t type = array_of(is_open(left) ? static_cast<std::uint32_t>(oid::kText) : left.type);
    right = coerce(std::move(right), type, at);
  }
  if (category(right.type) != Category::array)
    throw StatementError("42809", "op ANY/ALL (array) requires array on right side", {}, at);
  Node compare = compare_with(element_of(right.type));
  if (compare.type != oid::kBool)
    throw StatementError("42809", "op ANY/ALL (array) requires operator to yield boolean", {}, at);
  node.value = [items = right.value, holds = compare.value, fill = operand.fill, cell, all](Context& context) {
    const Value array = items(context);
    if (array.null()) return Value();
    fill(context);
    Verdict verdict(all);
    for (const auto& item : array.array()) {
      *cell = item;
      if (!verdict.take(holds(context))) break;
    }
    return verdict.result();
  };
  return node;
}

/// EXISTS, IN (SELECT …), a subquery as a value, ARRAY(SELECT …).
Node Binder::with_query(const Expression& written, Scope& scope) {
  Plan plan = query(*written.query, &scope);
  settle(plan);
  Node node;
  node.key = "subquery" + std::to_string(++subqueries_);
  node.strength = 2;
  if (written.kind == Expression::Kind::exists) {
    node.type = oid::kBool;
    node.name = "exists";
    node.value = [run = plan.run](Context& context) { return Value(!run(context, [](Row&) { return false; })); };
    return node;
  }
  if (plan.outputs.size() != 1) {
    const bool in = written.kind == Expression::Kind::in_query;
    throw StatementError("42601", in ? "subquery has too many columns" : "subquery must return only one column", {},
                         written.at);
  }
  const std::uint32_t type = plan.outputs[0].type;
  if (written.kind == Expression::Kind::in_query) {
    auto cell = std::make_shared<Value>();
    Node item;
    item.type = type;
    item.value = [cell](Context&) { return *cell; };
    Once operand = once(expression(*written.args[0], scope));
    Node equal = compared("=", operand.node, std::move(item), written.at);
    node.type = oid::kBool;
    node.strength = 0;
    node.value = [run = plan.run, holds = equal.value, fill = operand.fill, cell,
                  negated = written.negated](Context& context) {
      fill(context);
      Verdict verdict(false);
      run(context, [&](Row& row) {
        *cell = row[0];
        return verdict.take(holds(context));
      });
      const Value value = verdict.result();
      return value.null() ? Value() : Value(value.truth() != negated);
    };
    return node;
  }
  node.type = type;
  node.name = plan.outputs[0].name;
  if (written.kind == Expression::Kind::array_query) {
    node.name = "array";
    node.type = array_of(type);
    if (node.type == 0) throw not_supported("arrays of this type are not supported", {}, written.at);
    node.value = [run = plan.run](Context& context) -> Value {
      auto values = std::make_shared<Row>();
      Buffer held(context);
      run(context, [&](Row& row) {
        held.count(row);
        values->push_back(row[0]);
        return true;
      });
      return std::shared_ptr<const Row>(std::move(values));
    };
    return node;
  }
  node.value = [run = plan.run](Context& context) {
    Value value;
    bool any = false;
    run(context, [&](Row& row) {
      if (any) throw StatementError("21000", "more than one row returned by a subquery used as an expression");
      any = true;
      value = row[0];
      return true;
    });
    return value;
  };
  return node;
}

}  // namespace peerd::sql
