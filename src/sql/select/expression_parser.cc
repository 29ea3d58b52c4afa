#include "peerd/base/text.h"
#include "query_parser.h"
#include "statement_error.h"
#include "types.h"

namespace peerd::sql {
namespace {

using Kind = Expression::Kind;

bool one_of(const Token& token, std::initializer_list<std::string_view> symbols) {
  for (const auto symbol : symbols) {
    if (token.is_symbol(symbol)) return true;
  }
  return false;
}

}  // namespace

ExpressionPtr QueryParser::make(Kind kind, std::size_t at) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->at = at;
  return made;
}

ExpressionPtr QueryParser::make(Kind kind, std::size_t at, std::string text, ExpressionPtr a, ExpressionPtr b) const {
  auto made = make(kind, at);
  made->text = std::move(text);
  made->depth = 1 + std::max(a->depth, b ? b->depth : 0);
  if (made->depth > kDeepest) throw StatementError("54001", "the query is too complex", "nest it less deep", at);
  made->args.push_back(std::move(a));
  if (b) made->args.push_back(std::move(b));
  return made;
}

std::vector<ExpressionPtr> QueryParser::list(std::string_view close) {
  std::vector<ExpressionPtr> items;
  if (!is_symbol(close)) {
    do items.push_back(expression());
    while (accept_symbol(","));
  }
  expect_symbol(close);
  return items;
}

ExpressionPtr QueryParser::expression() {
  const Depth depth(*this);
  auto left = conjunction();
  if (!is("OR")) return left;
  auto all = make(Kind::logic, peek().begin, "or", std::move(left));
  while (accept("OR")) {
    all->args.push_back(conjunction());
    all->depth = std::max(all->depth, all->args.back()->depth + 1);
  }
  return all;
}

ExpressionPtr QueryParser::conjunction() {
  auto left = negation();
  if (!is("AND")) return left;
  auto all = make(Kind::logic, peek().begin, "and", std::move(left));
  while (accept("AND")) {
    all->args.push_back(negation());
    all->depth = std::max(all->depth, all->args.back()->depth + 1);
  }
  return all;
}

ExpressionPtr QueryParser::negation() {
  const Depth depth(*this);
  const std::size_t at = peek().begin;
  if (!accept("NOT")) return test();
  return make(Kind::logic, at, "not", negation());
}

ExpressionPtr QueryParser::test() {
  auto left = comparison();
  for (;;) {
    const std::size_t at = peek().begin;
    if (accept("ISNULL")) {
      left = make(Kind::is_null, at, {}, std::move(left));
    } else if (accept("NOTNULL")) {
      left = make(Kind::is_null, at, {}, std::move(left));
      left->negated = true;
    } else if (accept("IS")) {
      const bool negated = accept("NOT");
      if (accept("NULL")) {
        left = make(Kind::is_null, at, {}, std::move(left));
      } else if (accept("DISTINCT")) {
        expect("FROM");
        left = make(Kind::is_distinct, at, {}, std::move(left), other_operators());
      } else if (is("TRUE") || is("FALSE") || is("UNKNOWN")) {
        std::string text = to_lower(peek().text);
        ++next_;
        left = make(Kind::is_truth, at, std::move(text), std::move(left));
      } else {
        fail();
      }
      left->negated = negated;
    } else {
      return left;
    }
  }
}

/// Comparisons do not follow each other: a < b < c is a syntax error.
ExpressionPtr QueryParser::comparison() {
  auto left = membership();
  const auto compares = [&] { return one_of(peek(), {"=", "<", ">", "<=", ">=", "<>", "!=", "=="}); };
  if (!compares()) return left;
  const std::size_t at = peek().begin;
  std::string op = peek().text == "!=" ? "<>" : peek().text;
  ++next_;
  const bool any = (is("ANY") || is("SOME") || is("ALL")) && is_symbol("(", 1);
  auto result = any ? quantified(std::move(left), std::move(op), at)
                    : make(Kind::operation, at, std::move(op), std::move(left), membership());
  if (compares()) fail();
  return result;
}

ExpressionPtr QueryParser::quantified(ExpressionPtr left, std::string op, std::size_t at) {
  const bool all = is("ALL");
  next_ += 2;
  auto result = make(Kind::quantified, at, std::move(op), std::move(left));
  result->star = all;
  if (at_query()) {
    result->query = query();
  } else {
    result->args.push_back(expression());
    result->depth = std::max(result->depth, result->args.back()->depth + 1);
  }
  expect_symbol(")");
  return result;
}

ExpressionPtr QueryParser::membership() {
  auto left = other_operators();
  const bool negated =
      is("NOT") && (is("BETWEEN", 1) || is("IN", 1) || is("LIKE", 1) || is("ILIKE", 1) || is("SIMILAR", 1));
  if (negated) ++next_;
  return membership_of(std::move(left), negated);
}

ExpressionPtr QueryParser::membership_of(ExpressionPtr left, bool negated) {
  const std::size_t at = peek().begin;
  ExpressionPtr result;
  if (accept("BETWEEN")) {
    const bool symmetric = accept("SYMMETRIC");
    if (!symmetric) accept("ASYMMETRIC");
    auto low = other_operators();
    expect("AND");
    result = make(Kind::between, at, {}, std::move(left), std::move(low));
    result->args.push_back(other_operators());
    result->star = symmetric;
  } else if (accept("IN")) {
    expect_symbol("(");
    if (at_query()) {
      result = make(Kind::in_query, at, {}, std::move(left));
      result->query = query();
      expect_symbol(")");
    } else {
      result = make(Kind::in_list, at, {}, std::move(left));
      for (auto& item : list(")")) result->args.push_back(std::move(item));
      if (result->args.size() == 1) fail();
    }
  } else if (is("LIKE") || is("ILIKE")) {
    const std::string op = to_lower(peek().text);
    ++next_;
    if ((is("ANY") || is("SOME") || is("ALL")) && is_symbol("(", 1)) {
      result = quantified(std::move(left), negated ? "not " + op : op, at);
      return result;
    }
    result = make(Kind::like, at, op, std::move(left), other_operators());
    if (accept("ESCAPE")) result->args.push_back(other_operators());
  } else if (is("SIMILAR")) {
    throw not_supported("SIMILAR TO is not supported", "LIKE, or ~ with a regular expression", at);
  } else {
    return left;
  }
  result->negated = negated;
  return result;
}

ExpressionPtr QueryParser::other_operators() {
  auto left = binary(0);
  for (;;) {
    const std::size_t at = peek().begin;
    const bool spelled = is("OPERATOR") && is_symbol("(", 1);  // OPERATOR(pg_catalog.~), as psql writes it.
    if (spelled) {
      next_ += 2;
      while (peek().is_name() && is_symbol(".", 1)) next_ += 2;
      if (peek().kind != Token::Kind::symbol) fail();
      std::string op = peek().text == "!=" ? "<>" : peek().text;
      ++next_;
      expect_symbol(")");
      left = make(Kind::operation, at, std::move(op), std::move(left), binary(0));
      continue;
    }
    if (!one_of(peek(), {"||", "~", "~*", "!~", "!~*", "->", "->>", "<<", ">>", "&", "|", "#", "@"})) return left;
    std::string op = peek().text;
    ++next_;
    left = make(Kind::operation, at, std::move(op), std::move(left), binary(0));
  }
}

/// + and -, then * / %, then ^.
ExpressionPtr QueryParser::binary(int level) {
  if (level == 3) return zoned();
  auto left = binary(level + 1);
  for (;;) {
    const bool fits = level == 0   ? one_of(peek(), {"+", "-"})
                      : level == 1 ? one_of(peek(), {"*", "/", "%"})
                                   : peek().is_symbol("^");
    if (!fits) return left;
    const std::size_t at = peek().begin;
    std::string op = peek().text;
    ++next_;
    left = make(Kind::operation, at, std::move(op), std::move(left), binary(level + 1));
  }
}

ExpressionPtr QueryParser::zoned() {
  auto left = sign();
  for (;;) {
    const std::size_t at = peek().begin;
    if (is("AT") && is("TIME", 1) && is("ZONE", 2)) {
      next_ += 3;
      auto zone = sign();
      left = make(Kind::call, at, {}, std::move(zone), std::move(left));
      left->parts = {"timezone"};
    } else if (accept("COLLATE")) {
      std::string collation = any_name();
      while (accept_symbol(".")) collation = any_name();
      if (collation != "C" && collation != "POSIX" && collation != "default" && collation != "ucs_basic") {
        throw not_supported("collation \"" + collation + "\" is not supported",
                            "texts are compared by their bytes: \"C\"", at);
      }
    } else {
      return left;
    }
  }
}

ExpressionPtr QueryParser::sign() {
  const Depth depth(*this);
  const std::size_t at = peek().begin;
  if (is_symbol("-") && peek(1).kind == Token::Kind::number && !is_symbol("::", 2)) {
    ++next_;
    auto number = make(Kind::number, at);
    number->text = "-" + peek().text;
    ++next_;
    return number;
  }
  if (one_of(peek(), {"+", "-", "~", "@"})) {
    std::string op = peek().text;
    ++next_;
    return make(Kind::operation, at, std::move(op), sign());
  }
  return postfix();
}

ExpressionPtr QueryParser::postfix() {
  auto left = primary();
  for (;;) {
    const std::size_t at = peek().begin;
    if (accept_symbol("::")) {
      auto cast = make(Kind::cast, at, {}, std::move(left));
      cast->type = type_name();
      left = std::move(cast);
    } else if (accept_symbol("[")) {
      auto index = expression();
      if (is_symbol(":")) throw not_supported("slices of arrays are not supported", {}, at);
      expect_symbol("]");
      left = make(Kind::call, at, {}, std::move(left), std::move(index));
      left->parts = {"[]"};
    } else {
      return left;
    }
  }
}

}  // namespace peerd::sql
