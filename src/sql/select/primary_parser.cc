#include <cstdlib>

#include "peerd/base/text.h"
#include "query_parser.h"
#include "statement_error.h"
#include "types.h"

// Literals, names, calls, types: what operators stand between.
namespace peerd::sql {

using Kind = Expression::Kind;

ExpressionPtr QueryParser::primary() {
  const Depth depth(*this);
  const Token& token = peek();
  const std::size_t at = token.begin;
  const auto leaf = [&](Kind kind) {
    auto made = make(kind, at);
    made->text = token.text;
    ++next_;
    return made;
  };
  switch (token.kind) {
    case Token::Kind::text:
      return leaf(Kind::text);
    case Token::Kind::number:
      return leaf(Kind::number);
    case Token::Kind::parameter:
      return leaf(Kind::parameter);
    case Token::Kind::word:
    case Token::Kind::quoted:
      return word();
    default:
      if (token.is_symbol("(")) return parenthesis();
      fail();
  }
}

ExpressionPtr QueryParser::parenthesis() {
  const std::size_t at = peek().begin;
  if (at_query(1)) {
    ++next_;
    auto made = make(Kind::subquery, at);
    made->query = query();
    expect_symbol(")");
    return made;
  }
  ++next_;
  auto inner = expression();
  if (is_symbol(",")) throw not_supported("row values are not supported", "compare the columns one by one", at);
  expect_symbol(")");
  if (is_symbol(".")) throw not_supported("fields of row values are not supported", {}, at);
  return inner;
}

ExpressionPtr QueryParser::word() {
  const Token& token = peek();
  const std::size_t at = token.begin;
  if (token.kind == Token::Kind::word) {
    if (is("U") && is_symbol("&", 1) && peek(2).begin == token.end + 1 && peek(2).kind != Token::Kind::number) {
      throw not_supported("U&'text' is not supported", "E'\\u00fc', or the character itself", at);
    }
    if (type_literal()) {
      auto cast = make(Kind::cast, at);
      cast->type = type_name();
      cast->args.push_back(make(Kind::text, peek().begin));
      cast->args[0]->text = peek().text;
      ++next_;
      if (cast->type.type == oid::kInterval &&
          (is("YEAR") || is("MONTH") || is("DAY") || is("HOUR") || is("MINUTE") || is("SECOND"))) {
        throw not_supported("fields of an interval are not supported", "write the unit into the text: '1 hour'",
                            peek().begin);
      }
      return cast;
    }
    if (auto special = special_call(to_lower(token.text))) return special;
    if (is_reserved(token) && !((is("LEFT") || is("RIGHT")) && is_symbol("(", 1))) fail();
  }
  std::vector<std::string> parts{any_name()};
  while (is_symbol(".")) {
    ++next_;
    if (accept_symbol("*")) {
      auto star = make(Kind::star, at);
      star->parts = std::move(parts);
      return star;
    }
    parts.push_back(any_name());
  }
  if (is_symbol("(")) return call(std::move(parts), at);
  auto column = make(Kind::column, at);
  column->parts = std::move(parts);
  return column;
}

/// What looks like a name or a call and is grammar of its own; nullptr when it is none of it.
ExpressionPtr QueryParser::special_call(const std::string& name) {
  const std::size_t at = peek().begin;
  const auto keyword = [&](std::string text) {
    ++next_;
    auto made = make(Kind::call, at);
    made->parts = {std::move(text)};
    return made;
  };
  if (name == "true" || name == "false") {
    ++next_;
    auto made = make(Kind::truth, at);
    made->text = name;
    return made;
  }
  if (name == "null") return ++next_, make(Kind::null, at);
  if (name == "case") return choice();
  const bool called = is_symbol("(", 1);
  if (!called && (name == "current_date" || name == "current_timestamp" || name == "localtimestamp" ||
                  name == "current_user" || name == "session_user" || name == "user" || name == "current_role" ||
                  name == "current_catalog" || name == "current_schema")) {
    return keyword(name);
  }
  if (!called && (name == "current_time" || name == "localtime")) {
    throw not_supported("type time is not supported", "current_timestamp", at);
  }
  if (name == "array" && is_symbol("[", 1)) {
    next_ += 2;
    auto made = make(Kind::array, at);
    made->args = list("]");
    return made;
  }
  if (!called) return nullptr;
  return called_grammar(name, at);
}

/// Calls with a grammar of their own, at their name.
ExpressionPtr QueryParser::called_grammar(const std::string& name, std::size_t at) {
  if (name == "array") {
    next_ += 2;
    auto made = make(Kind::array_query, at);
    made->query = query();
    expect_symbol(")");
    return made;
  }
  if (name == "exists") {
    next_ += 2;
    auto made = make(Kind::exists, at);
    made->query = query();
    expect_symbol(")");
    return made;
  }
  if (name == "cast") {
    next_ += 2;
    auto made = make(Kind::cast, at, {}, expression());
    expect("AS");
    made->type = type_name();
    expect_symbol(")");
    return made;
  }
  if (name == "row") throw not_supported("row values are not supported", "compare the columns one by one", at);
  if (name == "trim") return next_ += 2, trim(at);
  if (name == "overlay" || name == "xmlelement" || name == "normalize") {
    throw not_supported(name + "() is not supported", {}, at);
  }
  if (name == "extract") {
    next_ += 2;
    auto field = make(Kind::text, peek().begin);
    if (!peek().is_name() && peek().kind != Token::Kind::text) fail();
    field->text = to_lower(peek().text);
    ++next_;
    expect("FROM");
    auto made = make(Kind::call, at, {}, std::move(field), expression());
    made->parts = {"extract"};
    expect_symbol(")");
    return made;
  }
  if (name == "position") {
    next_ += 2;
    auto needle = other_operators();
    expect("IN");
    auto made = make(Kind::call, at, {}, other_operators(), std::move(needle));
    made->parts = {"position"};
    expect_symbol(")");
    return made;
  }
  return nullptr;
}

ExpressionPtr QueryParser::trim(std::size_t at) {
  std::string name = "btrim";
  if (accept("LEADING")) {
    name = "ltrim";
  } else if (accept("TRAILING")) {
    name = "rtrim";
  } else {
    accept("BOTH");
  }
  ExpressionPtr first = is("FROM") ? nullptr : expression();
  auto made = make(Kind::call, at);
  if (accept("FROM")) {
    made->args.push_back(expression());
    if (first) made->args.push_back(std::move(first));
  } else {
    made->args.push_back(std::move(first));
    if (accept_symbol(",")) made->args.push_back(expression());
  }
  expect_symbol(")");
  made->parts = {std::move(name)};
  return made;
}

ExpressionPtr QueryParser::choice() {
  auto made = make(Kind::choice, peek().begin);
  ++next_;
  if (!is("WHEN")) {
    made->has_operand = true;
    made->args.push_back(expression());
  }
  while (accept("WHEN")) {
    made->args.push_back(expression());
    expect("THEN");
    made->args.push_back(expression());
  }
  if (made->args.size() < 2) fail();
  if (accept("ELSE")) {
    made->has_else = true;
    made->args.push_back(expression());
  }
  expect("END");
  for (const auto& argument : made->args) made->depth = std::max(made->depth, argument->depth + 1);
  return made;
}

ExpressionPtr QueryParser::call(std::vector<std::string> parts, std::size_t at) {
  auto made = make(Kind::call, at);
  if (parts.size() == 2 && parts[0] == "pg_catalog") parts.erase(parts.begin());
  made->parts = std::move(parts);
  ++next_;
  if (accept_symbol("*")) {
    made->star = true;
  } else if (!is_symbol(")")) {
    made->distinct = accept("DISTINCT");
    if (!made->distinct) accept("ALL");
    if (is("VARIADIC")) throw not_supported("VARIADIC is not supported", {}, peek().begin);
    made->args.push_back(expression());
    const bool substring = made->parts.back() == "substring";
    if (substring && accept("FROM")) made->args.push_back(expression());
    if (substring && made->args.size() == 2 && accept("FOR")) made->args.push_back(expression());
    if (substring && (is("FOR") || is("SIMILAR")))
      throw not_supported("this form of substring is not supported", "substring(text from 1 for 2)", peek().begin);
    while (accept_symbol(",")) made->args.push_back(expression());
    if (is_symbol("=") || is_symbol(":")) throw not_supported("named arguments are not supported", {}, peek().begin);
    if (accept("ORDER")) {
      expect("BY");
      made->order = sort_items();
    }
  }
  expect_symbol(")");
  for (const auto& argument : made->args) made->depth = std::max(made->depth, argument->depth + 1);
  if (is("WITHIN")) throw not_supported("ordered-set aggregates are not supported", {}, peek().begin);
  if (is("FILTER") && is_symbol("(", 1)) {
    next_ += 2;
    expect("WHERE");
    made->filter = expression();
    expect_symbol(")");
  }
  if (accept("OVER")) made->window = window();
  return made;
}

std::unique_ptr<WrittenWindow> QueryParser::window() {
  auto made = std::make_unique<WrittenWindow>();
  if (!is_symbol("(")) throw not_supported("a window by its name is not supported", "write it out: OVER (…)", peek().begin);
  expect_symbol("(");
  if (accept("PARTITION")) {
    expect("BY");
    do made->partition.push_back(expression());
    while (accept_symbol(","));
  }
  if (accept("ORDER")) {
    expect("BY");
    made->order = sort_items();
  }
  if (!is_symbol(")")) throw not_supported("frames of windows are not supported", {}, peek().begin);
  expect_symbol(")");
  return made;
}

/// Whether a type and then a text stand here: date '2026-01-31'.
bool QueryParser::type_literal() const {
  if (peek(1).kind == Token::Kind::text) return !is_reserved(peek());
  if (is("DOUBLE") && is("PRECISION", 1)) return peek(2).kind == Token::Kind::text;
  if (is("CHARACTER") && is("VARYING", 1)) return peek(2).kind == Token::Kind::text;
  if (is("TIMESTAMP") && (is("WITH", 1) || is("WITHOUT", 1)) && is("TIME", 2) && is("ZONE", 3)) {
    return peek(4).kind == Token::Kind::text;
  }
  return false;
}

std::string QueryParser::spelled_type() {
  const bool quoted = peek().kind == Token::Kind::quoted;
  std::string spelled = any_name();
  if (spelled == "pg_catalog" && accept_symbol(".")) spelled = any_name();
  if (quoted) return spelled;
  if (spelled == "double" && accept("PRECISION")) spelled += " precision";
  if (spelled == "character" && accept("VARYING")) spelled += " varying";
  return spelled;
}

TypeName QueryParser::type_name() {
  const std::size_t at = peek().begin;
  std::string spelled = spelled_type();
  int modifiers[2] = {-1, 0};
  if (accept_symbol("(")) {
    for (int i = 0;; ++i) {
      if (i > 1 || peek().kind != Token::Kind::number || peek().text.size() > 5) fail();
      modifiers[i] = std::atoi(peek().text.c_str());
      ++next_;
      if (!accept_symbol(",")) break;
    }
    expect_symbol(")");
  }
  if (spelled == "timestamp" && (is("WITH") || is("WITHOUT")) && is("TIME", 1) && is("ZONE", 2)) {
    spelled = is("WITH") ? "timestamptz" : "timestamp";
    next_ += 3;
  }
  TypeName made{type_of_name(spelled), -1};
  static constexpr std::string_view kKnown[] = {"json",    "jsonb",        "uuid",      "bytea",  "time",   "timetz",
                                                "char",    "bpchar",       "character", "real",   "float4",
                                                "regnamespace", "pg_lsn",    "inet",   "xml",    "money",
                                                "bit",     "xid",          "tid",       "regrole"};
  for (const auto known : kKnown) {
    if (made.type == 0 && spelled == known)
      throw not_supported("type " + spelled + " is not supported", "cast to text", at);
  }
  if (made.type == 0) throw StatementError("42704", "type \"" + spelled + "\" does not exist", {}, at);
  if (modifiers[0] >= 0) {
    const bool numeric = made.type == oid::kNumeric;
    if (!numeric && made.type != oid::kVarchar)
      throw not_supported("a precision of this type is not supported", {}, at);
    if (modifiers[0] < 1) throw StatementError("22023", "length or precision must be at least 1", {}, at);
    made.modifier = numeric ? modifiers[0] * 1000 + modifiers[1] : modifiers[0];
  }
  if (accept("ARRAY") || is_symbol("[")) {
    while (accept_symbol("[")) {
      if (peek().kind == Token::Kind::number) ++next_;
      expect_symbol("]");
    }
    made.type = array_of(made.type);
    if (made.type == 0 || made.modifier >= 0) throw not_supported("arrays of this type are not supported", {}, at);
  }
  return made;
}

}  // namespace peerd::sql
