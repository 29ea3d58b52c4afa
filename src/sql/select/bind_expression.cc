#include <algorithm>

#include "binder.h"
#include "lexer.h"
#include "patterns.h"
#include "peerd/base/option_table.h"
#include "peerd/base/text.h"
#include "proc_names.h"
#include "statement_error.h"
#include "system_tables.h"
#include "token_cursor.h"

namespace peerd::sql {
namespace {

using Kind = Expression::Kind;

std::string shown_name(const Expression& column) { return join(column.parts, "."); }

}  // namespace

Node constant(std::uint32_t type, Value value) {
  Node node;
  node.type = type;
  node.key = "(" + (value.null() ? std::string("NULL") : "'" + write_value(type, value) + "'") +
             "::" + std::to_string(type) + ")";
  node.value = [value = std::move(value)](Context&) { return value; };
  return node;
}

bool has_aggregate(const Expression& written) {
  const bool call = written.kind == Kind::call && written.parts.size() == 1 && !written.window;
  if (call && is_aggregate(written.parts[0])) return true;
  return std::any_of(written.args.begin(), written.args.end(), [](const auto& a) { return has_aggregate(*a); });
}

namespace {

bool has_query(const Expression& written) {
  return written.query ||
         std::any_of(written.args.begin(), written.args.end(), [](const auto& a) { return has_query(*a); });
}

}  // namespace

Once once(Node node) {
  if (category(node.type) == Category::unknown) return {std::move(node), [](Context&) {}};
  auto cell = std::make_shared<Value>();
  Evaluate value = std::exchange(node.value, [cell](Context&) { return *cell; });
  return {std::move(node), [cell, value = std::move(value)](Context& context) { *cell = value(context); }};
}

/// Behind grouping an expression is one of the keys, or made of keys and aggregates.
Node Binder::expression(const Expression& written, Scope& scope) {
  if (!scope.grouping || has_query(written) || has_aggregate(written)) return plain(written, scope);
  const bool open = written.kind == Kind::text || written.kind == Kind::null || written.kind == Kind::parameter;
  if (open || written.kind == Kind::column) return plain(written, scope);
  Grouping* const grouping = scope.grouping;
  scope.grouping = nullptr;
  Node node;
  try {
    node = plain(written, scope);
  } catch (...) {
    scope.grouping = grouping;
    throw;
  }
  scope.grouping = grouping;
  for (std::size_t i = 0; i < grouping->keys.size(); ++i) {
    if (grouping->keys[i].key != node.key || node.type != grouping->keys[i].type) continue;
    node.value = [number = scope.number, i](Context& context) { return (*context.rows[number])[i]; };
    return node;
  }
  return plain(written, scope);
}

Node Binder::plain(const Expression& written, Scope& scope) {
  switch (written.kind) {
    case Kind::text: {
      Node node;
      node.literal = written.text;
      node.key = "'" + written.text + "'";
      return node;
    }
    case Kind::null: {
      Node node;
      node.null = true;
      node.key = "NULL";
      return node;
    }
    case Kind::truth:
      return constant(oid::kBool, written.text == "true");
    case Kind::number:
      return number(written);
    case Kind::parameter:
      return parameter(written);
    case Kind::column:
      return column(written, scope);
    case Kind::star:
      throw StatementError("42601", "syntax error at or near \"*\"", {}, written.at);
    case Kind::call:
      return function(written, scope);
    case Kind::operation:
      if (written.args.size() == 1) return prefixed(written, scope);
      return binary(written.text, expression(*written.args[0], scope), expression(*written.args[1], scope), written.at);
    case Kind::logic:
      return logic(written, scope);
    case Kind::cast:
      return cast(written, scope);
    case Kind::is_null:
    case Kind::is_truth:
    case Kind::is_distinct:
      return test(written, scope);
    case Kind::between:
      return between(written, scope);
    case Kind::in_list:
      return in_list(written, scope);
    case Kind::like:
      return like(written, scope);
    case Kind::choice:
      return choice(written, scope);
    case Kind::array:
      return array(written, scope);
    case Kind::quantified:
      return quantified(written, scope);
    default:
      return with_query(written, scope);
  }
}

/// A sign. An open operand becomes double precision, as Postgres guesses.
Node Binder::prefixed(const Expression& written, Scope& scope) {
  Node operand = expression(*written.args[0], scope);
  if (category(operand.type) == Category::unknown) operand = coerce(std::move(operand), oid::kFloat8, written.at);
  const bool number = category(operand.type) == Category::number;
  if (written.text == "+" && number) {
    operand.name = Node().name;
    operand.strength = 0;
    return operand;
  }
  if (written.text != "-") throw not_supported("operator " + written.text + " is not supported", {}, written.at);
  if (operand.type == oid::kFloat8 || operand.type == oid::kInterval) {
    return binary("*", std::move(operand), constant(oid::kFloat8, -1.0), written.at);
  }
  return binary("-", constant(oid::kInt2, std::int64_t{0}), std::move(operand), written.at);
}

Node Binder::number(const Expression& written) {
  const std::string& text = written.text;
  if (text.find_first_of(".eE") == std::string::npos && text.size() < 20) {
    try {
      const Value value = read_value(oid::kInt8, text);
      const bool small = value.integer() >= INT32_MIN && value.integer() <= INT32_MAX;
      return constant(small ? oid::kInt4 : oid::kInt8, value);
    } catch (const StatementError&) {  // Beyond bigint: numeric.
    }
  }
  return constant(oid::kNumeric, parse_decimal(text));
}

Node Binder::parameter(const Expression& written) {
  Token token;
  token.text = written.text;
  token.begin = written.at;
  const std::size_t n = parameter_number(token);
  if (n > parameters_.size()) parameters_.resize(n, oid::kUnknown);
  Node node;
  node.key = "$" + written.text;
  node.type = parameters_[n - 1];
  if (node.type == oid::kUnknown || node.type == oid::kUnknownText) {
    node.type = oid::kUnknown;
    node.parameter = n;
    return node;
  }
  if (category(node.type) == Category::nothing) {
    throw not_supported("parameters of type " + full_name(node.type) + " are not supported", "send it as text",
                        written.at);
  }
  node.value = [n](Context& context) { return context.parameters[n - 1]; };
  return node;
}

Node Binder::settled(Node node) {
  return category(node.type) == Category::unknown ? coerce(std::move(node), oid::kText, StatementError::kNowhere)
                                                  : node;
}

bool Binder::can_coerce(const Node& node, std::uint32_t type) const { return converts(node.type, type); }

Node Binder::coerce(Node node, std::uint32_t type, std::size_t at) {
  if (node.type == type) return node;
  const auto named = [&](Node made) {
    made.name = node.name;
    made.strength = node.strength;
    return made;
  };
  if (node.parameter != 0) {
    auto& known = parameters_[node.parameter - 1];
    if (category(known) == Category::unknown) known = type;
    node.type = known;
    node.value = [n = node.parameter](Context& context) { return context.parameters[n - 1]; };
    node.parameter = 0;
    if (known == type) return node;
  }
  if (node.null) return named(constant(type, {}));
  if (node.literal) {
    try {
      return named(constant(type, read_value(type, *node.literal)));
    } catch (const StatementError& error) {
      if (error.at != StatementError::kNowhere || at == StatementError::kNowhere) throw;
      throw StatementError(error.sqlstate, error.text, at);
    }
  }
  const Convert convert = converts(node.type, type) ? find_cast(node.type, type) : nullptr;
  if (!convert) {
    throw StatementError("42804", "a value of type " + full_name(node.type) + " is no " + full_name(type),
                         "You will need to rewrite or cast the expression.", at);
  }
  node.key = "(" + node.key + "::" + std::to_string(type) + ")";
  node.type = type;
  node.value = [convert, inner = std::move(node.value)](Context& context) {
    const Value value = inner(context);
    return value.null() ? Value() : convert(value);
  };
  return node;
}

Node Binder::as_boolean(Node node, const char* clause, std::size_t at) {
  if (!can_coerce(node, oid::kBool)) {
    throw StatementError(
        "42804", std::string("argument of ") + clause + " must be type boolean, not type " + full_name(node.type), {},
        at);
  }
  return coerce(std::move(node), oid::kBool, at);
}

std::uint32_t Binder::unify(std::vector<Node>& nodes, const char* construct, std::size_t at) {
  std::uint32_t type = oid::kUnknown;
  for (const auto& node : nodes) {
    const std::uint32_t wider = common_type(type, node.type);
    if (wider == 0 && category(node.type) != Category::unknown) {
      throw StatementError(
          "42804",
          std::string(construct) + " types " + full_name(type) + " and " + full_name(node.type) + " cannot be matched",
          {}, at);
    }
    type = wider;
  }
  if (category(type) == Category::unknown) type = oid::kText;
  for (auto& node : nodes) node = coerce(std::move(node), type, at);
  return type;
}

Node Binder::grouped(Scope& scope, Node node, const std::string& shown, std::size_t at) {
  if (!scope.grouping) return node;
  const auto& keys = scope.grouping->keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].key != node.key) continue;
    node.value = [number = scope.number, i](Context& context) { return (*context.rows[number])[i]; };
    return node;
  }
  throw StatementError(
      "42803", "column \"" + shown + "\" must appear in the GROUP BY clause or be used in an aggregate function", {},
      at);
}

Node Binder::source_column(Scope& scope, std::size_t source, std::size_t column, std::size_t at) {
  const Source& from = scope.sources[source];
  const std::size_t index = from.first + column;
  Node node;
  node.type = from.columns[column].type;
  node.name = from.columns[column].name;
  node.strength = 2;
  node.key = "c" + std::to_string(scope.number) + "." + std::to_string(index);
  node.value = [number = scope.number, index](Context& context) { return (*context.rows[number])[index]; };
  ++scope.references;
  return grouped(scope, std::move(node), from.alias + "." + from.columns[column].name, at);
}

namespace {

std::string column_hint(const Scope& scope, const std::string& name) {
  std::vector<std::string_view> names;
  std::vector<std::string> list;
  for (const auto& source : scope.sources) {
    for (const auto& column : source.columns) {
      names.push_back(column.name);
      list.push_back(column.name);
    }
  }
  const auto meant = closest(name, names);
  if (!meant.empty()) return "did you mean " + std::string(meant);
  return list.empty() ? "" : "columns: " + join(list, ", ");
}

/// m.name, public.m.name, peerd.public.m.name.
bool names_source(const Source& source, const std::vector<std::string>& parts) {
  return parts.size() > 1 && parts[parts.size() - 2] == source.alias &&
         (parts.size() == 2 || parts[parts.size() - 3] == "public" || parts[parts.size() - 3] == "pg_catalog");
}

}  // namespace

Node Binder::column(const Expression& written, Scope& scope) {
  const std::string& name = written.parts.back();
  bool table_seen = written.parts.size() == 1;
  for (Scope* at = &scope; at; at = at->outer) {
    std::optional<Node> found;
    const auto take = [&](Node node) {
      if (found)
        throw StatementError("42702", "column reference \"" + name + "\" is ambiguous", "name its table: table.column",
                             written.at);
      found = std::move(node);
    };
    for (const auto& seen : at->seen) {
      if (written.parts.size() > 1 || seen.node.name != name) continue;
      ++at->references;
      take(grouped(*at, seen.node, seen.shown, written.at));
    }
    for (std::size_t i = 0; i < at->sources.size() && written.parts.size() > 1; ++i) {
      const Source& source = at->sources[i];
      if (!names_source(source, written.parts)) continue;
      table_seen = true;
      for (std::size_t c = 0; c < source.columns.size(); ++c) {
        if (source.columns[c].name == name) take(source_column(*at, i, c, written.at));
      }
    }
    if (found) return *found;
  }
  if (!table_seen) {
    throw StatementError("42P01",
                         "missing FROM-clause entry for table \"" + written.parts[written.parts.size() - 2] + "\"", {},
                         written.at);
  }
  const bool qualified = written.parts.size() > 1;
  throw StatementError("42703", "column " + (qualified ? shown_name(written) : "\"" + name + "\"") + " does not exist",
                       column_hint(scope, name), written.at);
}

Node Binder::logic(const Expression& written, Scope& scope) {
  const bool is_and = written.text == "and";
  std::vector<Evaluate> parts;
  Node node;
  node.type = oid::kBool;
  for (const auto& argument : written.args) {
    Node part = as_boolean(expression(*argument, scope),
                           is_and                 ? "AND"
                           : written.text == "or" ? "OR"
                                                  : "NOT",
                           argument->at);
    node.key += (node.key.empty() ? "" : written.text) + part.key;
    parts.push_back(std::move(part.value));
  }
  node.key = "(" + written.text + node.key + ")";
  if (written.text == "not") {
    node.value = [part = parts[0]](Context& context) {
      const Value value = part(context);
      return value.null() ? Value() : Value(!value.truth());
    };
    return node;
  }
  node.value = [parts, is_and](Context& context) {
    bool unknown = false;
    for (const auto& part : parts) {
      const Value value = part(context);
      if (value.null()) {
        unknown = true;
      } else if (value.truth() != is_and) {
        return Value(!is_and);
      }
    }
    return unknown ? Value() : Value(is_and);
  };
  return node;
}

Node Binder::cast_to(Node node, TypeName type, std::size_t at) {
  if (category(node.type) == Category::unknown || node.type == type.type) {
    node = coerce(std::move(node), type.type, at);
  } else {
    const Convert convert = find_cast(node.type, type.type);
    if (!convert)
      throw StatementError("42846", "cannot cast type " + full_name(node.type) + " to " + full_name(type.type), {}, at);
    node.value = [convert, inner = std::move(node.value)](Context& context) {
      const Value value = inner(context);
      return value.null() ? Value() : convert(value);
    };
    node.key = "(" + node.key + "::" + std::to_string(type.type) + ")";
    node.type = type.type;
  }
  if (type.modifier < 0) return node;
  node.key += "(" + std::to_string(type.modifier) + ")";
  node.value = [inner = std::move(node.value), modifier = type.modifier,
                numeric = type.type == oid::kNumeric](Context& context) {
    const Value value = inner(context);
    if (value.null()) return Value();
    return numeric ? Value(fit_numeric(value.decimal(), modifier / 1000, modifier % 1000))
                   : Value(first_characters(value.text(), modifier));
  };
  return node;
}

/// 'name'::regclass and its like.
Node Binder::object_number(std::uint32_t type, const std::string& written, std::size_t at) const {
  const std::string name = written.substr(written.rfind('.') + 1);
  const bool relation = type == oid::kRegclass, function = type == oid::kRegproc;
  const std::int64_t number = relation ? relation_number(tables_, name) : function ? proc_number(name) : type_of_name(name);
  if (number != 0) return constant(oid::kOid, number);
  const char* const state = relation ? "42P01" : function ? "42883" : "42704";
  const std::string kind = relation ? "relation" : function ? "function" : "type";
  throw StatementError(state, kind + " \"" + written + "\" does not exist", {}, at);
}

Node Binder::cast(const Expression& written, Scope& scope) {
  if (written.args[0]->kind == Kind::array && written.args[0]->args.empty() && element_of(written.type.type) != 0) {
    return constant(written.type.type, std::make_shared<const Row>());
  }
  Node node = expression(*written.args[0], scope);
  const std::string name = node.name;
  const int strength = node.strength;
  if (node.literal && is_object_number(written.type.type)) node = object_number(written.type.type, *node.literal, written.at);
  node = cast_to(std::move(node), written.type, written.args[0]->kind == Kind::text ? written.args[0]->at : written.at);
  node.name = strength > 1 ? name : short_name(element_of(node.type) ? element_of(node.type) : node.type);
  node.strength = std::max(strength, 1);
  return node;
}

}  // namespace peerd::sql
