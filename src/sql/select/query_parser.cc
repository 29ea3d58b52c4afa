#include "query_parser.h"

#include <set>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

/// Words that are no names unless quoted (Postgres, appendix C), those that may be functions or types included.
const std::set<std::string, std::less<>>& reserved() {
  static const std::set<std::string, std::less<>> kWords = {
      "all",        "analyse",    "analyze",     "and",       "any",      "array",     "as",       "asc",
      "asymmetric", "both",       "case",        "cast",      "check",    "collate",   "column",   "constraint",
      "create",     "default",    "deferrable",  "desc",      "distinct", "do",        "else",     "end",
      "except",     "false",      "fetch",       "for",       "foreign",  "from",      "grant",    "group",
      "having",     "in",         "initially",   "intersect", "into",     "lateral",   "leading",  "limit",
      "not",        "null",       "offset",      "on",        "only",     "or",        "order",    "placing",
      "primary",    "references", "returning",   "select",    "some",     "symmetric", "table",    "then",
      "to",         "trailing",   "true",        "union",     "unique",   "using",     "variadic", "when",
      "where",      "window",     "with",        "cross",     "full",     "ilike",     "inner",    "is",
      "isnull",     "join",       "left",        "like",      "natural",  "notnull",   "outer",    "overlaps",
      "right",      "similar",    "tablesample", "verbose",   "filter",   "over",      "within"};
  return kWords;
}

}  // namespace

bool is_reserved(const Token& token) {
  return token.kind == Token::Kind::word && reserved().contains(to_lower(token.text));
}

void QueryParser::too_deep() {
  --depth_;  // Its guard is not made.
  throw StatementError("54001", "the query is too complex", "nest it less deep", peek().begin);
}

std::unique_ptr<Query> parse_query(std::span<const Token> tokens) { return QueryParser(tokens).whole(); }

void QueryParser::fail() const {
  const Token& token = peek();
  if (token.kind == Token::Kind::end) throw StatementError("42601", "syntax error at end of input", {}, token.begin);
  if (token.kind == Token::Kind::text) {
    throw StatementError("42601", "syntax error at or near a quoted string", {}, token.begin);
  }
  const std::string text = token.kind == Token::Kind::parameter ? "$" + token.text : token.text;
  throw StatementError("42601", "syntax error at or near \"" + text + "\"", {}, token.begin);
}

bool QueryParser::accept(std::string_view upper) {
  if (!is(upper)) return false;
  ++next_;
  return true;
}

bool QueryParser::accept_symbol(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  ++next_;
  return true;
}

void QueryParser::expect(std::string_view upper) {
  if (!accept(upper)) fail();
}

void QueryParser::expect_symbol(std::string_view symbol) {
  if (!accept_symbol(symbol)) fail();
}

std::string QueryParser::name() {
  if (!peek().is_name() || is_reserved(peek())) fail();
  return any_name();
}

std::string QueryParser::any_name() {
  if (!peek().is_name()) fail();
  return tokens_[next_++].folded();
}

/// Whether a query begins here, parentheses before it counted in.
bool QueryParser::at_query(std::size_t ahead) const {
  while (is_symbol("(", ahead)) ++ahead;
  return is("SELECT", ahead) || is("VALUES", ahead) || is("WITH", ahead) || is("TABLE", ahead);
}

std::unique_ptr<Query> QueryParser::whole() {
  auto result = query();
  if (next_ < tokens_.size()) fail();
  return result;
}

std::unique_ptr<Query> QueryParser::query() {
  const Depth depth(*this);
  auto result = std::make_unique<Query>();
  if (accept("WITH")) {
    result->recursive = accept("RECURSIVE");
    do result->with.push_back(with_item());
    while (accept_symbol(","));
  }
  result->body = set_tree(0);
  if (accept("ORDER")) {
    expect("BY");
    result->order = sort_items();
  }
  limits(*result);
  return result;
}

WithItem QueryParser::with_item() {
  WithItem item;
  item.at = peek().begin;
  item.name = name();
  if (is_symbol("(")) item.columns = names_in_parentheses();
  expect("AS");
  if (accept("NOT")) {
    expect("MATERIALIZED");
  } else {
    accept("MATERIALIZED");
  }
  expect_symbol("(");
  item.query = query();
  expect_symbol(")");
  if (is("SEARCH") || is("CYCLE")) {
    throw not_supported("SEARCH and CYCLE are not supported", {}, peek().begin);
  }
  return item;
}

/// INTERSECT binds closer than UNION and EXCEPT.
std::unique_ptr<SetTree> QueryParser::set_tree(int level) {
  const Depth depth(*this);
  auto left = level == 0 ? set_tree(1) : set_operand();
  int joined = 0;
  for (;;) {
    const bool fits = level == 0 ? is("UNION") || is("EXCEPT") : is("INTERSECT");
    if (!fits) return left;
    if (++joined > kDeepest) throw StatementError("54001", "the query is too complex", {}, peek().begin);
    auto tree = std::make_unique<SetTree>();
    tree->at = peek().begin;
    tree->op = to_lower(peek().text);
    ++next_;
    tree->all = accept("ALL");
    if (!tree->all) accept("DISTINCT");
    tree->left = std::move(left);
    tree->right = level == 0 ? set_tree(1) : set_operand();
    left = std::move(tree);
  }
}

std::unique_ptr<SetTree> QueryParser::set_operand() {
  auto tree = std::make_unique<SetTree>();
  tree->at = peek().begin;
  if (accept_symbol("(")) {
    tree->query = query();
    expect_symbol(")");
  } else {
    tree->select = select();
  }
  return tree;
}

std::unique_ptr<Select> QueryParser::select() {
  auto result = std::make_unique<Select>();
  result->at = peek().begin;
  if (accept("VALUES")) {
    do {
      expect_symbol("(");
      result->values.push_back(list(")"));
      if (result->values.back().empty()) fail();
    } while (accept_symbol(","));
    return result;
  }
  if (accept("TABLE")) {
    SelectEntry all{make(Expression::Kind::star, peek().begin), {}};
    result->entries.push_back(std::move(all));
    result->from.push_back(from_primary());
    return result;
  }
  expect("SELECT");
  select_list(*result);
  if (accept("FROM")) {
    do result->from.push_back(from_item());
    while (accept_symbol(","));
  }
  if (accept("WHERE")) result->where = expression();
  if (accept("GROUP")) {
    expect("BY");
    accept("ALL");
    if (accept("DISTINCT")) throw not_supported("GROUP BY DISTINCT is not supported", {}, peek().begin);
    do {
      if (is("GROUPING") || is("ROLLUP") || is("CUBE") || (is_symbol("(") && is_symbol(")", 1))) {
        throw not_supported("grouping sets are not supported", "GROUP BY expressions", peek().begin);
      }
      result->group_by.push_back(expression());
    } while (accept_symbol(","));
  }
  if (accept("HAVING")) result->having = expression();
  if (is("WINDOW")) throw not_supported("window functions are not supported", {}, peek().begin);
  return result;
}

void QueryParser::select_list(Select& select) {
  if (accept("DISTINCT")) {
    select.distinct = Select::Distinct::yes;
    if (accept("ON")) {
      select.distinct = Select::Distinct::on;
      expect_symbol("(");
      select.distinct_on = list(")");
    }
  } else {
    accept("ALL");
  }
  if (is("FROM")) throw not_supported("a SELECT list of no columns is not supported", {}, peek().begin);
  do {
    SelectEntry entry;
    if (is_symbol("*")) {
      entry.value = make(Expression::Kind::star, peek().begin);
      ++next_;
    } else {
      entry.value = expression();
    }
    if (accept("AS")) {
      entry.alias = any_name();
    } else if (peek().is_name() && !is_reserved(peek()) && entry.value->kind != Expression::Kind::star) {
      entry.alias = any_name();
    }
    select.entries.push_back(std::move(entry));
  } while (accept_symbol(","));
}

std::unique_ptr<FromItem> QueryParser::from_item() {
  const Depth depth(*this);
  auto left = from_primary();
  for (int joined = 0;; ++joined) {
    const std::size_t at = peek().begin;
    auto join = std::make_unique<FromItem>();
    join->kind = FromItem::Kind::join;
    join->at = at;
    join->natural = accept("NATURAL");
    const bool cross = !join->natural && accept("CROSS");
    if (!cross && !accept("INNER")) {
      join->left_outer = is("LEFT") || is("FULL");
      join->right_outer = is("RIGHT") || is("FULL");
      if (join->left_outer || join->right_outer) {
        ++next_;
        accept("OUTER");
      }
    }
    if (!is("JOIN")) {
      if (at != peek().begin) fail();
      return left;
    }
    ++next_;
    if (joined > 100) throw StatementError("54001", "the query is too complex", {}, at);
    join->left = std::move(left);
    join->right = from_primary();
    if (!cross && !join->natural) join_condition(*join);
    left = std::move(join);
  }
}

void QueryParser::join_condition(FromItem& join) {
  if (accept("USING")) {
    join.using_columns = names_in_parentheses();
    if (is("AS")) throw not_supported("an alias of USING is not supported", {}, peek().begin);
    return;
  }
  expect("ON");
  join.on = expression();
}

std::unique_ptr<FromItem> QueryParser::from_primary() {
  const Depth depth(*this);
  if (is("LATERAL")) throw not_supported("LATERAL is not supported", {}, peek().begin);
  auto item = std::make_unique<FromItem>();
  item->at = peek().begin;
  if (is_symbol("(")) {
    if (at_query(1)) {
      ++next_;
      item->kind = FromItem::Kind::query;
      item->query = query();
      expect_symbol(")");
      alias_of(*item);
      if (item->alias.empty()) {
        throw StatementError("42601", "subquery in FROM must have an alias", "For example, FROM (SELECT ...) [AS] foo.",
                             item->at);
      }
      return item;
    }
    ++next_;
    item = from_item();
    expect_symbol(")");
    if (is("AS") || (peek().is_name() && !is_reserved(peek()))) {
      throw not_supported("an alias of a join in parentheses is not supported", {}, peek().begin);
    }
    return item;
  }
  if (accept("ONLY")) item->at = peek().begin;
  item->parts.push_back(name());
  while (accept_symbol(".")) item->parts.push_back(any_name());
  accept_symbol("*");
  if (is_symbol("(")) {
    item->kind = FromItem::Kind::function;
    item->args = std::move(call(item->parts, item->at)->args);
    if (accept("WITH")) {
      expect("ORDINALITY");
      item->ordinality = true;
    }
  }
  alias_of(*item);
  if (is("TABLESAMPLE")) throw not_supported("TABLESAMPLE is not supported", {}, peek().begin);
  return item;
}

void QueryParser::alias_of(FromItem& item) {
  if (accept("AS")) {
    item.alias = name();
  } else if (peek().is_name() && !is_reserved(peek())) {
    item.alias = name();
  }
  if (!item.alias.empty() && is_symbol("(")) item.columns = names_in_parentheses();
}

std::vector<std::string> QueryParser::names_in_parentheses() {
  std::vector<std::string> names;
  expect_symbol("(");
  do names.push_back(name());
  while (accept_symbol(","));
  expect_symbol(")");
  return names;
}

std::vector<SortItem> QueryParser::sort_items() {
  std::vector<SortItem> items;
  do {
    SortItem item;
    item.by = expression();
    if (is("USING")) throw not_supported("ORDER BY … USING is not supported", "ASC or DESC", peek().begin);
    item.descending = accept("DESC");
    if (!item.descending) accept("ASC");
    item.nulls_first = item.descending;
    if (accept("NULLS")) {
      item.nulls_first = accept("FIRST");
      if (!item.nulls_first) expect("LAST");
    }
    items.push_back(std::move(item));
  } while (accept_symbol(","));
  return items;
}

void QueryParser::limits(Query& query) {
  for (;;) {
    if (accept("LIMIT")) {
      if (query.limit) fail();
      query.limit = accept("ALL") ? make(Expression::Kind::null, peek().begin) : expression();
      if (is_symbol(",")) {
        throw StatementError("42601", "LIMIT #,# syntax is not supported", "Use separate LIMIT and OFFSET clauses.",
                             peek().begin);
      }
    } else if (accept("OFFSET")) {
      if (query.offset) fail();
      query.offset = expression();
      if (!accept("ROWS")) accept("ROW");
    } else if (accept("FETCH")) {
      if (query.limit) fail();
      if (!accept("FIRST")) expect("NEXT");
      if (is("ROW") || is("ROWS")) {
        query.limit = make(Expression::Kind::number, peek().begin);
        query.limit->text = "1";
      } else {
        query.limit = sign();
      }
      if (!accept("ROWS")) expect("ROW");
      if (is("WITH")) throw not_supported("WITH TIES is not supported", "ONLY", peek().begin);
      expect("ONLY");
    } else if (is("FOR")) {
      throw not_supported("a query that writes or locks is not supported", "a SELECT here only reads", peek().begin);
    } else {
      return;
    }
  }
}

}  // namespace peerd::sql
