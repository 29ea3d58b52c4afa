#include "token_cursor.h"

#include <charconv>

#include "peerd/base/text.h"
#include "select/types.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

std::string as_typed(const Token& token) {
  switch (token.kind) {
    case Token::Kind::text:
      return "'" + token.text + "'";
    case Token::Kind::parameter:
      return "$" + token.text;
    default:
      return token.text;
  }
}

}  // namespace

std::size_t parameter_number(const Token& token) {
  std::size_t number = 0;
  const auto end = token.text.data() + token.text.size();
  const auto result = std::from_chars(token.text.data(), end, number);
  if (result.ec != std::errc() || number < 1 || number > 65535) {
    throw StatementError("42P02", "there is no parameter $" + token.text, {}, token.begin);
  }
  return number;
}

void TokenCursor::fail(std::string_view expected) const {
  const Token& token = peek();
  // A text may hold a secret: the message never repeats it, and among options it repeats punctuation alone.
  const bool hidden = secret_ > 0 && token.kind != Token::Kind::symbol;
  const std::string near = token.kind == Token::Kind::end    ? "at end of input"
                           : token.kind == Token::Kind::text ? "at or near a quoted string"
                           : hidden                          ? "among the options"
                                                             : "at or near \"" + as_typed(token) + "\"";
  throw StatementError("42601", "syntax error " + near + ": expected " + std::string(expected), {}, token.begin);
}

bool TokenCursor::accept_word(std::string_view upper) { return accept_words({upper}); }

bool TokenCursor::accept_words(std::initializer_list<std::string_view> words) {
  std::size_t ahead = 0;
  for (const auto word : words) {
    if (!peek(ahead++).is_word(word)) return false;
  }
  next_ += words.size();
  return true;
}

bool TokenCursor::accept_symbol(std::string_view symbol) {
  if (!peek().is_symbol(symbol)) return false;
  ++next_;
  return true;
}

void TokenCursor::expect_word(std::string_view upper) {
  if (!accept_word(upper)) fail(upper);
}

void TokenCursor::expect_symbol(std::string_view symbol) {
  if (!accept_symbol(symbol)) fail("\"" + std::string(symbol) + "\"");
}

const Token& TokenCursor::expect_name(std::string_view what) {
  if (!peek().is_name()) fail(what);
  return take();
}

void TokenCursor::expect_end(std::string_view expected) {
  if (!at_end()) fail(expected);
}

RawOption TokenCursor::parameter_value(const Token& token) const {
  const std::size_t number = parameter_number(token);
  if (values_.empty()) return {};
  if (number > values_.size()) throw StatementError("42P02", "there is no parameter $" + token.text, {}, token.begin);
  const Parameter& value = values_[number - 1];
  if (!value.text)
    throw StatementError("22004", "parameter $" + token.text + " must not be NULL here", {}, token.begin);
  if (value.type == oid::kBool) {
    return {RawOption::Kind::boolean, read_value(oid::kBool, *value.text).truth() ? "true" : "false"};
  }
  return {is_integer(value.type) ? RawOption::Kind::number : RawOption::Kind::text, *value.text};
}

RawOption TokenCursor::expect_value(std::string_view what) {
  const Token& token = peek();
  if (token.is_symbol("-") && peek(1).kind == Token::Kind::number) {
    take();
    return {RawOption::Kind::number, "-" + take().text};
  }
  if (token.kind == Token::Kind::text) return {RawOption::Kind::text, take().text};
  if (token.kind == Token::Kind::number) return {RawOption::Kind::number, take().text};
  if (token.kind == Token::Kind::parameter) return parameter_value(take());
  if (token.is_word("TRUE") || token.is_word("FALSE")) return {RawOption::Kind::boolean, to_lower(take().text)};
  fail(what);
}

std::string TokenCursor::expect_text(std::string_view what) {
  if (peek().kind != Token::Kind::text && peek().kind != Token::Kind::parameter) fail(what);
  return expect_value(what).text;
}

}  // namespace peerd::sql
