#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// A query as it is written.
namespace peerd::sql {

struct Expression;
struct Query;
using ExpressionPtr = std::unique_ptr<Expression>;

struct TypeName {
  std::uint32_t type = 0;
  int modifier = -1;  ///< varchar's length; numeric's precision * 1000 + scale.
};

struct SortItem {
  ExpressionPtr by;
  bool descending = false, nulls_first = false;
};

/// OVER (PARTITION BY … ORDER BY …).
struct WrittenWindow {
  std::vector<ExpressionPtr> partition;
  std::vector<SortItem> order;
};

struct Expression {
  enum class Kind {
    text,
    number,
    truth,  ///< text is "true" or "false".
    null,
    parameter,
    column,     ///< parts.
    star,       ///< parts before the star.
    call,       ///< parts; args, and for aggregates distinct, star, order, filter.
    operation,  ///< text is the operator: two args, or one in front.
    logic,      ///< and, or: two args or more. not: one.
    cast,       ///< args[0] as type.
    is_null,
    is_truth,  ///< text is true, false or unknown.
    is_distinct,
    between,  ///< args[0] between args[1] and args[2]; symmetric in `star`.
    in_list,  ///< args[0] in the others.
    in_query,
    like,    ///< args[0] like args[1] [escape args[2]]; text is like or ilike.
    choice,  ///< CASE: [operand], when, then, …, [else]; `has_operand`, `has_else`.
    exists,
    subquery,
    quantified,  ///< args[0] text any/all (query or args[1], an array); all in `star`.
    array,
    array_query
  };
  Kind kind;
  std::size_t at = 0;  ///< Byte in the query.
  std::string text;
  std::vector<std::string> parts;
  std::vector<ExpressionPtr> args;
  std::unique_ptr<Query> query;
  std::vector<SortItem> order;
  ExpressionPtr filter;
  std::unique_ptr<WrittenWindow> window;
  TypeName type;
  bool negated = false, distinct = false, star = false, has_operand = false, has_else = false;
  int depth = 1;
};

struct SelectEntry {
  ExpressionPtr value;
  std::string alias;  ///< "" without one.
};

struct FromItem {
  enum class Kind { table, query, join, function } kind = Kind::table;
  std::size_t at = 0;
  std::vector<std::string> parts;  ///< Of a table's or function's name.
  std::vector<ExpressionPtr> args;
  bool ordinality = false;
  std::unique_ptr<Query> query;
  std::string alias;
  std::vector<std::string> columns;  ///< t(a, b).
  // A join.
  bool left_outer = false, right_outer = false, natural = false;
  std::unique_ptr<FromItem> left, right;
  ExpressionPtr on;
  std::vector<std::string> using_columns;
};

struct Select {
  enum class Distinct { no, yes, on } distinct = Distinct::no;
  std::vector<ExpressionPtr> distinct_on;
  std::vector<SelectEntry> entries;
  std::vector<std::unique_ptr<FromItem>> from;
  ExpressionPtr where, having;
  std::vector<ExpressionPtr> group_by;
  std::vector<std::vector<ExpressionPtr>> values;  ///< VALUES; the rest is empty then.
  std::size_t at = 0;
};

/// One side of UNION, or the whole: a SELECT, a query in parentheses, or two sides.
struct SetTree {
  std::unique_ptr<Select> select;
  std::unique_ptr<Query> query;
  std::string op;  ///< union, intersect, except.
  bool all = false;
  std::unique_ptr<SetTree> left, right;
  std::size_t at = 0;
};

struct WithItem {
  std::string name;
  std::vector<std::string> columns;
  std::unique_ptr<Query> query;
  std::size_t at = 0;
};

struct Query {
  bool recursive = false;
  std::vector<WithItem> with;
  std::unique_ptr<SetTree> body;
  std::vector<SortItem> order;
  ExpressionPtr limit, offset;
};

}  // namespace peerd::sql
