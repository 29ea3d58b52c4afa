#include <algorithm>
#include <array>

#include "binder.h"
#include "patterns.h"
#include "statement_error.h"

// Arrays of any type, and functions in FROM, most of which take them apart.
namespace peerd::sql {
namespace {

Value whole(std::int64_t value) { return value; }

std::int64_t size_of_array(const Value& value) { return static_cast<std::int64_t>(value.array().size()); }

/// Gives all rows of its arguments' values.
using Rows = std::vector<Row> (*)(const Row& arguments);

struct TableFunction {
  std::string_view name;
  std::vector<BoundColumn> columns;
  Rows rows;
};

std::vector<Row> none(const Row&) { return {}; }

std::vector<Row> elements(const Row& arguments) {
  std::vector<Row> rows;
  for (const Value& element : arguments[0].array()) rows.push_back({element});
  return rows;
}

std::vector<Row> subscripts(const Row& arguments) {
  std::vector<Row> rows;
  if (arguments[1].integer() != 1) return rows;
  for (std::int64_t i = 1; i <= size_of_array(arguments[0]); ++i) rows.push_back({whole(i)});
  return rows;
}

std::vector<Row> series(const Row& arguments) {
  constexpr std::size_t kMost = 1'000'000;
  const std::int64_t first = arguments[0].integer(), last = arguments[1].integer();
  const std::int64_t step = arguments.size() > 2 ? arguments[2].integer() : 1;
  if (step == 0) throw StatementError("22023", "step size cannot equal zero");
  std::vector<Row> rows;
  for (std::int64_t at = first; step > 0 ? at <= last : at >= last;) {
    if (rows.size() == kMost) throw StatementError("53200", "generate_series() gives at most a million rows here");
    rows.push_back({whole(at)});
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return rows;
}

/// By the separator; by characters, where it is NULL.
std::shared_ptr<const Row> taken_apart(const std::string& text, const Value& separator) {
  auto parts = std::make_shared<Row>();
  if (text.empty()) return parts;
  if (separator.null()) {
    for (const char32_t one : characters_of(text)) parts->push_back(text_of_characters({&one, 1}));
    return parts;
  }
  const std::string& between = separator.text();
  std::size_t at = 0;
  for (auto end = text.find(between); !between.empty() && end != std::string::npos; end = text.find(between, at)) {
    parts->push_back(text.substr(at, end - at));
    at = end + between.size();
  }
  parts->push_back(text.substr(at));
  return parts;
}

const std::vector<TableFunction>& fixed_functions() {
  static const std::vector<TableFunction> kAll = {
      {"aclexplode",
       {{"grantor", oid::kOid}, {"grantee", oid::kOid}, {"privilege_type", oid::kText}, {"is_grantable", oid::kBool}},
       none},
      {"pg_options_to_table", {{"option_name", oid::kText}, {"option_value", oid::kText}}, none},
      {"pg_get_keywords", {{"word", oid::kText}, {"catcode", oid::kText}, {"catdesc", oid::kText}}, none},
      {"pg_listening_channels", {{"pg_listening_channels", oid::kText}}, none},
  };
  return kAll;
}

}  // namespace

/// || of two arrays of one type: NULL is none.
Node Binder::array_joined(Node left, Node right, std::size_t at) {
  const std::uint32_t type = category(left.type) == Category::array ? left.type : right.type;
  if (!can_coerce(left, type) || !can_coerce(right, type))
    throw not_supported("|| of an array is answered with an array of its type alone", {}, at);
  left = coerce(std::move(left), type, at);
  right = coerce(std::move(right), type, at);
  Node node;
  node.type = type;
  node.key = left.key + "||" + right.key;
  node.value = [a = left.value, b = right.value](Context& context) {
    const Value first = a(context), second = b(context);
    if (first.null() || second.null()) return first.null() ? second : first;
    auto both = std::make_shared<Row>(first.array());
    both->insert(both->end(), second.array().begin(), second.array().end());
    return Value(std::shared_ptr<const Row>(std::move(both)));
  };
  return node;
}

/// Functions of arrays of any element. nullopt when it is none of them.
std::optional<Node> Binder::array_function(const std::string& name, std::vector<Node>& arguments, std::size_t at) {
  Node node;
  node.key = name + "(";
  for (const Node& argument : arguments) node.key += argument.key + ",";
  node.key += ")";
  if (name == "string_to_array" && arguments.size() == 2) {
    node.type = array_of(oid::kText);
    node.value = [text = coerce(std::move(arguments[0]), oid::kText, at).value,
                  separator = coerce(std::move(arguments[1]), oid::kText, at).value](Context& context) {
      const Value whole = text(context), between = separator(context);
      return whole.null() ? Value() : Value(taken_apart(whole.text(), between));
    };
    return node;
  }
  if (arguments.empty() || category(arguments[0].type) != Category::array) return std::nullopt;
  if (name == "[]") {
    node.name = arguments[0].name;
    node.strength = arguments[0].strength;
    node.type = element_of(arguments[0].type);
    node.value = [array = arguments[0].value,
                  index = coerce(std::move(arguments[1]), oid::kInt4, at).value](Context& context) {
      const Value of = array(context), which = index(context);
      if (of.null() || which.null() || which.integer() < 1 || which.integer() > size_of_array(of)) return Value();
      return of.array()[static_cast<std::size_t>(which.integer() - 1)];
    };
    return node;
  }
  const Evaluate array = arguments[0].value;
  const bool bounds = name == "array_length" || name == "array_upper" || name == "array_lower";
  if (bounds && arguments.size() == 2) {
    const Evaluate dimension = coerce(std::move(arguments[1]), oid::kInt4, at).value;
    node.type = oid::kInt4;
    node.value = [array, dimension, lower = name == "array_lower"](Context& context) {
      const Value of = array(context), which = dimension(context);
      if (of.null() || which.null() || which.integer() != 1 || of.array().empty()) return Value();
      return whole(lower ? 1 : size_of_array(of));
    };
    return node;
  }
  if (name != "array_to_string" || arguments.size() < 2 || arguments.size() > 3) return std::nullopt;
  const Evaluate between = coerce(std::move(arguments[1]), oid::kText, at).value;
  const Evaluate instead = arguments.size() == 3 ? coerce(std::move(arguments[2]), oid::kText, at).value : Evaluate();
  node.type = oid::kText;
  node.value = [array, between, instead, element = element_of(arguments[0].type)](Context& context) {
    const Value of = array(context), separator = between(context);
    if (of.null() || separator.null()) return Value();
    const Value null = instead ? instead(context) : Value();
    std::string text;
    bool first = true;
    for (const Value& value : of.array()) {
      if (value.null() && null.null()) continue;
      if (!first) text += separator.text();
      text += value.null() ? null.text() : write_value(element, value);
      first = false;
    }
    return Value(text);
  };
  return node;
}

std::pair<std::vector<BoundColumn>, Produce> Binder::table_function(const FromItem& written, Scope& scope) {
  const std::string& name = written.parts.back();
  std::vector<Node> arguments;
  for (const auto& argument : written.args) arguments.push_back(expression(*argument, scope));
  const auto& fixed = fixed_functions();
  const auto known = std::ranges::find(fixed, name, &TableFunction::name);
  const std::string alias = written.alias.empty() ? name : written.alias;
  std::vector<BoundColumn> columns;
  Rows rows = nullptr;
  bool gives_nulls = false;
  const bool array = !arguments.empty() && category(arguments[0].type) == Category::array;
  if (known != fixed.end()) {
    columns = known->columns;
    rows = known->rows;
  } else if (name == "unnest" && array && arguments.size() == 1) {
    columns = {{alias, element_of(arguments[0].type)}};
    rows = elements;
  } else if (name == "generate_subscripts" && array && arguments.size() == 2) {
    arguments[1] = coerce(std::move(arguments[1]), oid::kInt4, written.at);
    columns = {{alias, oid::kInt4}};
    rows = subscripts;
  } else if (name == "generate_series" && (arguments.size() == 2 || arguments.size() == 3)) {
    const std::uint32_t type = unify(arguments, "generate_series", written.at);
    if (type != oid::kInt2 && type != oid::kInt4 && type != oid::kInt8)
      throw not_supported("generate_series() of anything but whole numbers is not supported", {}, written.at);
    columns = {{alias, type}};
    rows = series;
  } else {
    auto any = polymorphic(name, arguments, written.at);
    if (!any) any = array_function(name, arguments, written.at);
    const Node one = any ? settled(*any) : call(name, std::move(arguments), written.at);
    columns = {{alias, one.type}};
    arguments.clear();
    arguments.push_back(one);
    rows = [](const Row& row) { return std::vector<Row>{row}; };
    gives_nulls = true;
  }
  if (written.ordinality) columns.push_back({"ordinality", oid::kInt8});
  std::vector<Evaluate> values;
  for (Node& argument : arguments) values.push_back(std::move(argument.value));
  return {std::move(columns), [values, rows, gives_nulls, counted = written.ordinality](Context& context, const Sink& sink) {
            Row given;
            for (const Evaluate& value : values) {
              given.push_back(value(context));
              if (given.back().null() && !gives_nulls) return true;
            }
            std::int64_t number = 0;
            for (Row& row : rows(given)) {
              if (counted) row.push_back(whole(++number));
              if (!sink(row)) return false;
            }
            return true;
          }};
}

}  // namespace peerd::sql
