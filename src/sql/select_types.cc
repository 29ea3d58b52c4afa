#include "select_types.h"

#include <algorithm>
#include <map>

#include "peerd/base/text.h"
#include "relations.h"
#include "statement_error.h"
#include "token_cursor.h"
#include "values.h"

namespace peerd::sql {
namespace {

using Tokens = std::span<const Token>;

const std::map<std::string, std::uint32_t, std::less<>>& type_words() {
  static const std::map<std::string, std::uint32_t, std::less<>> kWords = {
      {"text", oid::kText},       {"varchar", oid::kVarchar},     {"character", oid::kBpchar},
      {"char", oid::kBpchar},     {"bpchar", oid::kBpchar},       {"name", oid::kName},
      {"regclass", oid::kText},   {"regtype", oid::kText},        {"int", oid::kInt4},
      {"integer", oid::kInt4},    {"int4", oid::kInt4},           {"int2", oid::kInt2},
      {"smallint", oid::kInt2},   {"int8", oid::kInt8},           {"bigint", oid::kInt8},
      {"oid", oid::kOid},         {"bool", oid::kBool},           {"boolean", oid::kBool},
      {"float8", oid::kFloat8},   {"float4", oid::kFloat8},       {"real", oid::kFloat8},
      {"float", oid::kFloat8},    {"double", oid::kFloat8},       {"numeric", oid::kNumeric},
      {"decimal", oid::kNumeric}, {"timestamp", oid::kTimestamp}, {"timestamptz", oid::kTimestamptz},
      {"date", oid::kDate},       {"uuid", oid::kUuid},           {"json", oid::kJson},
      {"unknown", oid::kText}};
  return kWords;
}

bool is_number(std::uint32_t type) {
  return is_integer(type) || type == oid::kFloat8 || type == oid::kFloat4 || type == oid::kNumeric;
}

/// Depth in parentheses and in CASE … END before each token, and one more for what they hold.
std::vector<int> depths(Tokens tokens) {
  std::vector<int> result;
  int depth = 0;
  for (const auto& token : tokens) {
    if (token.is_symbol(")") || token.is_word("END")) --depth;
    result.push_back(depth);
    if (token.is_symbol("(") || token.is_word("CASE")) ++depth;
  }
  return result;
}

bool is_truth_operator(const Token& token) {
  for (const std::string_view word :
       {"OR", "AND", "NOT", "IS", "IN", "LIKE", "ILIKE", "BETWEEN", "EXISTS", "ISNULL", "NOTNULL"}) {
    if (token.is_word(word)) return true;
  }
  for (const std::string_view symbol : {"=", "==", "<>", "!=", "<", ">", "<=", ">="}) {
    if (token.is_symbol(symbol)) return true;
  }
  return false;
}

bool is_arithmetic(const Token& token) {
  return token.kind == Token::Kind::symbol && token.text.size() == 1 &&
         std::string_view("+-*/%").find(token.text[0]) != std::string_view::npos;
}

std::uint32_t type_of_number(const std::string& text) {
  if (text.find_first_of(".eE") != std::string::npos) return oid::kNumeric;
  return text.size() < 10 ? oid::kInt4 : oid::kInt8;
}

/// The first argument of f( … ), whose parenthesis opens at `open`.
Tokens first_argument(Tokens tokens, std::size_t open) {
  const std::size_t close = closing(tokens, open);
  const Tokens inside = tokens.subspan(open + 1, std::min(close, tokens.size()) - open - 1);
  const auto depth = depths(inside);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (depth[i] == 0 && inside[i].is_symbol(",")) return inside.subspan(0, i);
  }
  return inside;
}

std::uint32_t type_of_call(Tokens tokens, const std::string& name, std::size_t open, const ColumnType& columns) {
  static const std::map<std::string, std::uint32_t, std::less<>> kCalls = {{"count", oid::kInt8},
                                                                           {"length", oid::kInt8},
                                                                           {"char_length", oid::kInt8},
                                                                           {"strpos", oid::kInt8},
                                                                           {"instr", oid::kInt8},
                                                                           {"row_number", oid::kInt8},
                                                                           {"rank", oid::kInt8},
                                                                           {"dense_rank", oid::kInt8},
                                                                           {"pg_backend_pid", oid::kInt4},
                                                                           {"avg", oid::kFloat8},
                                                                           {"round", oid::kFloat8},
                                                                           {"bool_and", oid::kBool},
                                                                           {"bool_or", oid::kBool},
                                                                           {"pg_is_in_recovery", oid::kBool},
                                                                           {"now", oid::kTimestamptz},
                                                                           {"clock_timestamp", oid::kTimestamptz},
                                                                           {"statement_timestamp", oid::kTimestamptz},
                                                                           {"transaction_timestamp", oid::kTimestamptz},
                                                                           {"current_database", oid::kName},
                                                                           {"current_schema", oid::kName}};
  if (const auto known = kCalls.find(name); known != kCalls.end()) return known->second;
  for (const std::string_view same :
       {"max", "min", "coalesce", "ifnull", "nullif", "greatest", "least", "abs", "sum"}) {
    if (name != same) continue;
    const auto type = infer_type(first_argument(tokens, open), columns);
    return name == "sum" && is_integer(type) ? oid::kInt8 : name == "sum" ? oid::kFloat8 : type;
  }
  if (name == "cast") {
    const Tokens inside = first_argument(tokens, open);
    const auto depth = depths(inside);
    for (std::size_t i = inside.size(); i-- > 0;) {
      if (depth[i] == 0 && inside[i].is_word("AS")) return read_type(inside, i + 1).type;
    }
  }
  return oid::kText;
}

std::uint32_t type_of_case(Tokens tokens, const ColumnType& columns) {
  const auto depth = depths(tokens);
  std::size_t then = tokens.size();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (depth[i] != 1) continue;
    if (tokens[i].is_word("THEN") && then == tokens.size()) {
      then = i + 1;
    } else if (then < i && (tokens[i].is_word("WHEN") || tokens[i].is_word("ELSE"))) {
      return infer_type(tokens.subspan(then, i - then), columns);
    }
  }
  return then + 1 < tokens.size() ? infer_type(tokens.subspan(then, tokens.size() - 1 - then), columns) : oid::kText;
}

/// Without operators: a literal, a column, a call, a CASE.
std::uint32_t type_of_primary(Tokens tokens, const ColumnType& columns) {
  const Token& first = tokens.front();
  if (first.is_word("CASE")) return type_of_case(tokens, columns);
  if (first.kind == Token::Kind::number && tokens.size() == 1) return type_of_number(first.text);
  if (!first.is_name()) return oid::kText;
  if (first.is_word("TRUE") || first.is_word("FALSE")) return oid::kBool;
  if (first.is_word("CURRENT_TIMESTAMP")) return oid::kTimestamptz;
  std::size_t last = 0;
  while (last + 2 < tokens.size() && tokens[last + 1].is_symbol(".") && tokens[last + 2].is_name()) last += 2;
  if (last + 1 < tokens.size() && tokens[last + 1].is_symbol("(")) {
    return type_of_call(tokens, tokens[last].folded(), last + 1, columns);
  }
  const auto type = last + 1 == tokens.size() ? columns(tokens[last].folded()) : oid::kUnknown;
  return type == oid::kUnknown ? oid::kText : type;
}

std::uint32_t type_of_arithmetic(Tokens tokens, const std::vector<int>& depth, const ColumnType& columns) {
  std::uint32_t result = oid::kUnknown;
  for (std::size_t begin = 0, i = 0; i <= tokens.size(); ++i) {
    const bool splits = i == tokens.size() || (depth[i] == 0 && is_arithmetic(tokens[i]));
    if (!splits) continue;
    if (i > begin) {
      const auto type = infer_type(tokens.subspan(begin, i - begin), columns);
      if (!is_number(type)) return oid::kText;
      const bool wider = result == oid::kUnknown || !is_integer(type) || (is_integer(result) && type == oid::kInt8);
      if (wider && result != oid::kFloat8) result = type;
    }
    begin = i + 1;
  }
  return result == oid::kUnknown ? oid::kText : result;
}

std::string item_name(Tokens expression) {
  const Token& first = expression.front();
  for (std::size_t i = expression.size(); i-- > 1;) {
    if (!expression[i].is_symbol("::")) continue;
    const auto type = read_type(expression, i + 1);
    if (i + 1 + type.tokens != expression.size()) break;
    const std::string inner = item_name(expression.subspan(0, i));
    return inner == "?column?" ? std::string(type_name(type.type)) : inner;
  }
  if (first.is_word("CASE") && expression.back().is_word("END")) return "case";
  if (first.is_word("TRUE") || first.is_word("FALSE")) return expression.size() == 1 ? "bool" : "?column?";
  if (first.is_word("NULL") || !first.is_name()) return "?column?";
  std::size_t last = 0;
  while (last + 2 < expression.size() && expression[last + 1].is_symbol(".") && expression[last + 2].is_name())
    last += 2;
  if (last + 1 == expression.size()) return expression[last].folded();
  if (!expression[last + 1].is_symbol("(")) return "?column?";
  std::size_t close = closing(expression, last + 1);
  for (const std::string_view suffix : {"FILTER", "OVER"}) {
    if (close + 2 < expression.size() && expression[close + 1].is_word(suffix)) close = closing(expression, close + 2);
  }
  if (close + 1 != expression.size()) return "?column?";
  if (first.is_word("CAST")) {
    const auto type = infer_type(expression, [](const std::string&) { return oid::kUnknown; });
    const Tokens inside = first_argument(expression, last + 1);
    return inside.size() > 2 && inside[0].is_name() && inside[1].is_word("AS") ? inside[0].folded()
                                                                               : std::string(type_name(type));
  }
  return expression[last].folded();
}

bool ends_expression(const Token& token) {
  if (token.kind == Token::Kind::word) {
    for (const std::string_view word : {"OR", "AND", "NOT", "IS", "IN", "LIKE", "ILIKE", "BETWEEN", "CASE", "WHEN",
                                        "THEN", "ELSE", "DISTINCT", "ALL", "SELECT", "COLLATE", "ESCAPE"}) {
      if (token.is_word(word)) return false;
    }
    return true;
  }
  return token.kind != Token::Kind::symbol || token.is_symbol(")");
}

bool is_value_word(const Token& token) {
  for (const std::string_view word : {"NULL", "TRUE", "FALSE", "END", "ISNULL", "NOTNULL"}) {
    if (token.is_word(word)) return true;
  }
  return false;
}

SelectItem read_item(Tokens tokens, std::size_t begin, std::size_t end) {
  SelectItem item{begin, end, end, false, {}};
  const Token& last = tokens[end - 1];
  const std::size_t count = end - begin;
  if (last.is_symbol("*") && (count == 1 || tokens[end - 2].is_symbol("."))) {
    item.named = true;
    item.name = "*";
  } else if (count > 2 && tokens[end - 2].is_word("AS") && last.is_name()) {
    item.expression_end = end - 2;
  } else if (count > 1 && last.is_name() && !is_value_word(last) && ends_expression(tokens[end - 2])) {
    item.expression_end = end - 1;
  }
  if (item.expression_end < end) {
    item.named = true;
    item.name = last.folded();
  } else if (!item.named) {
    item.name = item_name(tokens.subspan(begin, count));
    item.named = last.is_name() && !is_value_word(last) && (count == 1 || tokens[end - 2].is_symbol("."));
  }
  return item;
}

/// The column or cast that tells what the parameter at `at` must be.
std::uint32_t type_of_use(Tokens tokens, std::size_t at, const ColumnType& columns) {
  auto is = [&](std::size_t i, auto test) { return i < tokens.size() && test(tokens[i]); };
  if (is(at + 1, [](const Token& t) { return t.is_symbol("::"); })) return read_type(tokens, at + 2).type;
  if (is(at + 1, [](const Token& t) { return t.is_word("AS"); }) && at >= 2 && tokens[at - 2].is_word("CAST")) {
    return read_type(tokens, at + 2).type;
  }
  if (at > 0 && (tokens[at - 1].is_word("LIMIT") || tokens[at - 1].is_word("OFFSET"))) return oid::kInt8;
  std::size_t before = at;
  if (at > 0 && !is_truth_operator(tokens[at - 1])) {  // Perhaps in the list of IN ( … ).
    while (before > 0 && !tokens[before - 1].is_symbol("(") && !tokens[before - 1].is_name()) --before;
    if (before < 2 || !tokens[before - 2].is_word("IN")) before = 0;
    if (before > 0) --before;
  }
  if (before >= 2 && is_truth_operator(tokens[before - 1])) {
    std::size_t name = before - 2;
    if (tokens[name].is_word("NOT") && name > 0) --name;
    if (tokens[name].is_name()) return columns(tokens[name].folded());
  }
  if (is(at + 1, is_truth_operator) && at + 2 < tokens.size() && tokens[at + 2].is_name()) {
    std::size_t name = at + 2;
    while (name + 2 < tokens.size() && tokens[name + 1].is_symbol(".") && tokens[name + 2].is_name()) name += 2;
    return columns(tokens[name].folded());
  }
  return oid::kUnknown;
}

}  // namespace

WrittenType read_type(std::span<const Token> tokens, std::size_t at) {
  std::size_t next = at;
  auto is = [&](std::string_view word) { return next < tokens.size() && tokens[next].is_word(word); };
  if (is("PG_CATALOG") && next + 1 < tokens.size() && tokens[next + 1].is_symbol(".")) next += 2;
  if (next >= tokens.size() || !tokens[next].is_name()) {
    const std::size_t where = tokens.empty() ? 0 : tokens.back().end;
    throw StatementError("42601", "syntax error: expected a type", {},
                         next < tokens.size() ? tokens[next].begin : where);
  }
  const Token& name = tokens[next++];
  const auto known = type_words().find(name.folded());
  if (known == type_words().end()) {
    throw StatementError("42704", "type \"" + name.folded() + "\" is not known here",
                         "cast to text, int8, float8 or bool", name.begin);
  }
  WrittenType type{0, known->second};
  if (is("PRECISION")) ++next;
  if (is("VARYING")) {
    ++next;
    type.type = oid::kVarchar;
  }
  if (next < tokens.size() && tokens[next].is_symbol("(")) next = std::min(closing(tokens, next) + 1, tokens.size());
  if ((is("WITH") || is("WITHOUT")) && next + 2 < tokens.size() && tokens[next + 1].is_word("TIME")) {
    if (is("WITH")) type.type = oid::kTimestamptz;
    next += 3;
  }
  if (next < tokens.size() && tokens[next].is_symbol("["))
    throw not_supported("arrays are not supported", {}, tokens[next].begin);
  type.tokens = next - at;
  return type;
}

std::uint32_t infer_type(std::span<const Token> tokens, const ColumnType& columns) {
  if (tokens.empty()) return oid::kText;
  if (tokens.front().is_symbol("(") && closing(tokens, 0) == tokens.size() - 1) {
    return infer_type(tokens.subspan(1, tokens.size() - 2), columns);
  }
  if (tokens.front().is_word("SELECT")) {
    const auto items = select_items(tokens);
    return items.empty()
               ? oid::kText
               : infer_type(tokens.subspan(items[0].begin, items[0].expression_end - items[0].begin), columns);
  }
  const auto depth = depths(tokens);
  bool arithmetic = false, joins = false;
  std::size_t cast = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (depth[i] != 0) continue;
    if (is_truth_operator(tokens[i])) return oid::kBool;
    arithmetic |= is_arithmetic(tokens[i]);
    joins |= tokens[i].is_symbol("||");
    if (tokens[i].is_symbol("::")) cast = i;
  }
  if (joins) return oid::kText;
  if (arithmetic) return type_of_arithmetic(tokens, depth, columns);
  if (cast) return read_type(tokens, cast + 1).type;
  return type_of_primary(tokens, columns);
}

std::vector<SelectItem> select_items(std::span<const Token> tokens) {
  const auto depth = depths(tokens);
  std::size_t at = 0;
  while (at < tokens.size() && (depth[at] != 0 || !tokens[at].is_word("SELECT"))) ++at;
  std::vector<SelectItem> items;
  if (at >= tokens.size()) return items;
  ++at;
  if (at < tokens.size() && (tokens[at].is_word("DISTINCT") || tokens[at].is_word("ALL"))) ++at;
  for (std::size_t begin = at; at <= tokens.size(); ++at) {
    const bool inside = at < tokens.size() && depth[at] != 0;
    if (inside) continue;
    bool ends = at == tokens.size();
    for (const std::string_view word :
         {"FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "HAVING", "OFFSET", "WINDOW"}) {
      ends = ends || (tokens[at].is_word(word) && !(at > begin && tokens[at - 1].is_word("DISTINCT")));
    }
    if (!ends && !tokens[at].is_symbol(",")) continue;
    if (at > begin) items.push_back(read_item(tokens, begin, at));
    begin = at + 1;
    if (ends) break;
  }
  return items;
}

std::vector<std::uint32_t> infer_parameters(std::span<const Token> tokens, const ColumnType& columns) {
  std::vector<std::uint32_t> types(highest_parameter(tokens), oid::kUnknown);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::parameter) continue;
    auto& type = types[parameter_number(tokens[i]) - 1];
    if (type == oid::kUnknown) type = type_of_use(tokens, i, columns);
  }
  return types;
}

}  // namespace peerd::sql
