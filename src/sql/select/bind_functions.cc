#include <algorithm>

#include "binder.h"
#include "functions.h"
#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

std::string signature(const std::string& name, const std::vector<Node>& arguments) {
  std::vector<std::string> types;
  for (const auto& argument : arguments) types.push_back(full_name(argument.type));
  return name + "(" + join(types, ", ") + ")";
}

[[noreturn]] void no_function(const std::string& name, const std::vector<Node>& arguments, std::size_t at) {
  throw StatementError("42883", "function " + signature(name, arguments) + " does not exist",
                       "No function matches the given name and argument types. docs/sql.md lists those that peerd has.",
                       at);
}

/// The one that takes the arguments with the fewest conversions. Open arguments fit all: when they leave several, which
/// one is meant cannot be told (42725).
const Function* best_function(const std::string& name, const std::vector<Node>& arguments, std::size_t at) {
  const Function* best = nullptr;
  int most = -1;
  bool open_argument = false, several = false;
  for (const auto& argument : arguments) open_argument = open_argument || category(argument.type) == Category::unknown;
  for (const auto& candidate : functions()) {
    if (candidate.name != name || candidate.arguments.size() != arguments.size()) continue;
    int score = 0;
    bool fits = true;
    for (std::size_t i = 0; i < arguments.size() && fits; ++i) {
      const std::uint32_t given = arguments[i].type, wanted = candidate.arguments[i];
      fits = converts(given, wanted);
      if (given == wanted || (category(given) == Category::text && wanted == oid::kText)) score += 4;
      // Postgres prefers double precision and timestamps with a zone among what fits equally.
      const bool open = category(given) == Category::unknown;
      if (!open && given != wanted && (wanted == oid::kFloat8 || wanted == oid::kTimestamptz)) ++score;
    }
    if (!fits || score < most) continue;
    several = score == most;
    most = score;
    best = &candidate;
  }
  if (several && open_argument) {
    throw StatementError("42725", "function " + signature(name, arguments) + " is not unique",
                         "Could not choose a best candidate function. You might need to add explicit type casts.", at);
  }
  return best;
}

Node gathered(std::uint32_t type, const std::string& name, std::vector<Node>& nodes, Value (*run)(const Row&)) {
  Node node;
  node.type = type;
  node.key = name + "(";
  std::vector<Evaluate> parts;
  for (auto& part : nodes) {
    node.key += part.key + ",";
    parts.push_back(std::move(part.value));
  }
  node.key += ")";
  node.value = [parts, run](Context& context) {
    Row row;
    for (const auto& part : parts) row.push_back(part(context));
    return run(row);
  };
  return node;
}

Value extreme(const Row& row, int sign) {
  Value best;
  for (const auto& value : row) {
    if (!value.null() && (best.null() || compare(value, best) * sign > 0)) best = value;
  }
  return best;
}

}  // namespace

Node Binder::call(const std::string& name, std::vector<Node> arguments, std::size_t at) {
  const Function* function = best_function(name, arguments, at);
  if (!function) no_function(name, arguments, at);
  std::vector<Evaluate> values;
  Node node;
  node.type = function->result;
  node.key = name + "(";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    Node argument = coerce(std::move(arguments[i]), function->arguments[i], at);
    node.key += argument.key + ",";
    values.push_back(std::move(argument.value));
  }
  node.key += ")";
  node.value = [values, run = function->run](Context& context) -> Value {
    Row row;
    row.reserve(values.size());
    for (const auto& value : values) {
      row.push_back(value(context));
      if (row.back().null()) return {};
    }
    return run(context, row);
  };
  return node;
}

/// Functions of any type. nullopt when it is none of them.
std::optional<Node> Binder::polymorphic(const std::string& name, std::vector<Node>& arguments, std::size_t at) {
  const bool list = name == "coalesce" || name == "greatest" || name == "least";
  if (list) {
    if (arguments.empty()) throw StatementError("42601", "syntax error at or near \")\"", {}, at);
    const std::string upper = name == "coalesce" ? "COALESCE" : name == "greatest" ? "GREATEST" : "LEAST";
    const std::uint32_t type = unify(arguments, upper.c_str(), at);
    if (name == "greatest") return gathered(type, name, arguments, [](const Row& row) { return extreme(row, 1); });
    if (name == "least") return gathered(type, name, arguments, [](const Row& row) { return extreme(row, -1); });
    Node node;
    node.type = type;
    node.key = "coalesce(";
    std::vector<Evaluate> values;
    for (auto& argument : arguments) {
      node.key += argument.key + ",";
      values.push_back(std::move(argument.value));
    }
    node.key += ")";
    node.value = [values](Context& context) {
      for (const auto& value : values) {
        Value result = value(context);
        if (!result.null()) return result;
      }
      return Value();
    };
    return node;
  }
  if (name == "nullif" && arguments.size() == 2) {
    // The left side's type, where the comparison leaves it as it is.
    const auto whole = [](std::uint32_t of) { return of == oid::kInt2 || of == oid::kInt4 || of == oid::kInt8; };
    const std::uint32_t first = arguments[0].type, second = arguments[1].type;
    const bool kept = (whole(first) && whole(second)) || category(first) == Category::time;
    std::uint32_t type = kept ? first : common_type(first, second);
    if (category(type) == Category::unknown) {
      const bool open = category(first) == Category::unknown && category(second) == Category::unknown;
      if (!open) no_operator("=", arguments[0], arguments[1], at);
      type = oid::kText;
    }
    Node left = coerce(arguments[0], type, at);
    Node equal = compared("=", left, arguments[1], at);
    Node node;
    node.type = type;
    node.key = "nullif(" + equal.key + ")";
    node.value = [value = left.value, same = equal.value](Context& context) {
      const Value is_same = same(context);
      return !is_same.null() && is_same.truth() ? Value() : value(context);
    };
    return node;
  }
  if ((name == "concat" && !arguments.empty()) || (name == "concat_ws" && arguments.size() > 1)) {
    for (auto& argument : arguments) {
      // concat() writes a value as the wire does: t, not true.
      if (argument.type == oid::kBool) {
        argument.value = [inner = std::move(argument.value)](Context& context) {
          const Value value = inner(context);
          return value.null() ? Value() : Value(std::string(value.truth() ? "t" : "f"));
        };
        argument.type = oid::kText;
      }
      if (category(argument.type) == Category::array)
        throw not_supported(name + "() of arrays is not supported", {}, at);
      argument = cast_to(std::move(argument), {oid::kText, -1}, at);
    }
    if (name == "concat") {
      return gathered(oid::kText, name, arguments, [](const Row& row) -> Value {
        std::string text;
        for (const auto& value : row) text += value.null() ? "" : value.text();
        return text;
      });
    }
    return gathered(oid::kText, name, arguments, [](const Row& row) -> Value {
      if (row[0].null()) return {};
      std::string text;
      bool any = false;
      for (std::size_t i = 1; i < row.size(); ++i) {
        if (row[i].null()) continue;
        if (any) text += row[0].text();
        text += row[i].text();
        any = true;
      }
      return text;
    });
  }
  if (name == "format_type" && arguments.size() == 2) {  // Of no type here the modifier shows, and it may be NULL.
    arguments.pop_back();
    return call(name, std::move(arguments), at);
  }
  if (name == "pg_typeof" && arguments.size() == 1) return constant(oid::kText, full_name(arguments[0].type));
  if (name == "cardinality" && arguments.size() == 1 && category(arguments[0].type) == Category::array) {
    return gathered(oid::kInt4, name, arguments, [](const Row& row) -> Value {
      if (row[0].null()) return {};
      return static_cast<std::int64_t>(row[0].array().size());
    });
  }
  return std::nullopt;
}

std::optional<Node> Binder::session_function(const std::string& name, const Expression& written, Scope& scope) {
  const auto text = [](const std::string& value) { return constant(oid::kText, value); };
  if (written.args.empty()) {
    if (name == "version") return text(facts_.version);
    if (name == "current_database" || name == "current_catalog") return constant(oid::kName, facts_.database);
    if (name == "current_schema") return constant(oid::kName, std::string("public"));
    if (name == "current_user" || name == "session_user" || name == "current_role" || name == "user")
      return constant(oid::kName, facts_.user);
    if (name == "pg_backend_pid") return constant(oid::kInt4, std::int64_t{facts_.process});
    return std::nullopt;
  }
  if (name == "pg_get_userbyid" && written.args.size() == 1) return text(facts_.user);
  if (name == "current_schemas" && written.args.size() == 1) {
    return constant(array_of(oid::kName),
                    std::make_shared<const Row>(Row{std::string("pg_catalog"), std::string("public")}));
  }
  if (name != "current_setting" || written.args.size() > 2) return std::nullopt;
  const Node setting = expression(*written.args[0], scope);
  if (!setting.literal)
    throw not_supported("current_setting of anything but a literal is not supported", "SHOW", written.at);
  const auto value = facts_.setting(to_lower(*setting.literal));
  if (value) return text(*value);
  if (written.args.size() == 2 && written.args[1]->kind == Expression::Kind::truth && written.args[1]->text == "true")
    return constant(oid::kText, {});
  throw StatementError("42704", "unrecognized configuration parameter \"" + *setting.literal + "\"", {},
                       written.args[0]->at);
}

Node Binder::function(const Expression& written, Scope& scope) {
  if (written.parts.size() > 1)
    throw StatementError("42883", "function " + join(written.parts, ".") + " does not exist", {}, written.at);
  const std::string& name = written.parts[0];
  const auto named = [&](Node node) {
    if (name == "[]") return node;  // Called as its array is.
    node.name = name == "current_role" ? "current_role" : name;
    node.strength = 2;
    return node;
  };
  if (written.window) return window_function(written, scope);
  if (is_aggregate(name)) return named(aggregate(written, scope));
  if (written.star || written.distinct || !written.order.empty() || written.filter) {
    throw StatementError("42809", name + " is not an aggregate function", {}, written.at);
  }
  if (auto node = session_function(name, written, scope)) return named(*node);
  std::vector<Node> arguments;
  for (const auto& argument : written.args) arguments.push_back(expression(*argument, scope));
  if (auto node = polymorphic(name, arguments, written.at)) return named(*node);
  if (auto node = array_function(name, arguments, written.at)) return named(*node);
  return named(call(name, std::move(arguments), written.at));
}

Node Binder::aggregate(const Expression& written, Scope& scope) {
  const std::string& name = written.parts[0];
  if (!scope.grouping) {
    const std::string where = scope.no_aggregates ? scope.no_aggregates : "";
    if (where == "aggregates")
      throw StatementError("42803", "aggregate function calls cannot be nested", {}, written.at);
    throw StatementError("42803", "aggregate functions are not allowed in " + where, {}, written.at);
  }
  Grouping* const grouping = scope.grouping;
  const char* const before = scope.no_aggregates;
  const auto outer_references = [&] {
    int sum = 0;
    for (const Scope* at = scope.outer; at; at = at->outer) sum += at->references;
    return sum;
  };
  const int own = scope.references, others = outer_references();
  scope.grouping = nullptr;
  scope.no_aggregates = "aggregates";
  BoundAggregate bound;
  std::vector<Node> arguments;
  try {
    for (const auto& argument : written.args) arguments.push_back(expression(*argument, scope));
    if (written.filter)
      bound.filter = as_boolean(expression(*written.filter, scope), "FILTER", written.filter->at).value;
    for (const auto& sort : written.order) {
      Node by = settled(expression(*sort.by, scope));
      if (written.distinct && (arguments.empty() || by.key != settled(arguments[0]).key)) {
        throw StatementError("42P10",
                             "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list", {},
                             sort.by->at);
      }
      bound.order.push_back({by.value, sort.descending, sort.nulls_first});
      bound.key += by.key + (sort.descending ? "desc" : "asc");
    }
  } catch (...) {
    scope.grouping = grouping;
    scope.no_aggregates = before;
    throw;
  }
  scope.grouping = grouping;
  scope.no_aggregates = before;
  if (scope.references == own && outer_references() != others) {
    throw not_supported("an aggregate of an outer query's columns is not supported", {}, written.at);
  }
  std::vector<std::uint32_t> types;
  for (const auto& argument : arguments) types.push_back(argument.type);
  if (name == "count" && arguments.empty() && !written.star) {
    throw StatementError("42809", "count(*) must be used to call a parameterless aggregate function", {}, written.at);
  }
  auto kind = find_aggregate(name, types, written.star);
  if (!kind) no_function(name, arguments, written.at);
  bound.kind = *kind;
  bound.distinct = written.distinct;
  bound.key += name + (written.distinct ? "distinct(" : "(");
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    Node argument = coerce(std::move(arguments[i]), kind->arguments[i], written.at);
    bound.key += argument.key + ",";
    bound.arguments.push_back(std::move(argument.value));
  }
  Node node;
  node.type = kind->result;
  node.key =
      "agg" + std::to_string(scope.number) + bound.key + ")" + (bound.filter ? std::to_string(++subqueries_) : "");
  const std::size_t slot = grouping->aggregates.size();
  grouping->aggregates.push_back(std::move(bound));
  node.value = [number = scope.number, grouping, slot](Context& context) {
    return (*context.rows[number])[grouping->keys.size() + slot];
  };
  return node;
}

}  // namespace peerd::sql
