#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "lexer.h"
#include "peerd/base/option_table.h"
#include "values.h"

namespace peerd::sql {

/// Walks over one statement's tokens. expect…() throws the syntax error that tells where it lies and what was expected.
class TokenCursor {
 public:
  /// `values`: of the parameters in literal positions; without them a parameter reads as an empty text (Parse comes
  /// before Bind).
  TokenCursor(std::span<const Token> tokens, std::span<const Parameter> values) : tokens_(tokens), values_(values) {
    if (!tokens.empty()) end_.begin = end_.end = tokens.back().end;
  }

  const Token& peek(std::size_t ahead = 0) const {
    return next_ + ahead < tokens_.size() ? tokens_[next_ + ahead] : end_;
  }
  const Token& take() { return next_ < tokens_.size() ? tokens_[next_++] : end_; }
  bool at_end() const { return next_ >= tokens_.size(); }
  std::span<const Token> rest() const { return tokens_.subspan(next_); }

  bool accept_word(std::string_view upper);
  /// All of them in a row, or none.
  bool accept_words(std::initializer_list<std::string_view> words);
  bool accept_symbol(std::string_view symbol);
  void expect_word(std::string_view upper);
  void expect_symbol(std::string_view symbol);
  /// An identifier; `what` names it in the error ("a mirror's name").
  const Token& expect_name(std::string_view what);
  void expect_end(std::string_view expected = "the end of the statement");
  /// 'text', E'text', $$text$$, number, -number, true, false or $n.
  RawOption expect_value(std::string_view what);
  /// A 'text' or $n.
  std::string expect_text(std::string_view what);

  [[noreturn]] void fail(std::string_view expected) const;
  /// While it lives, errors repeat no word, number or name of the query: it may be a secret whose quotes were
  /// forgotten.
  class Secret {
   public:
    explicit Secret(TokenCursor& cursor) : cursor_(cursor) { ++cursor_.secret_; }
    ~Secret() { --cursor_.secret_; }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;

   private:
    TokenCursor& cursor_;
  };

 private:
  RawOption parameter_value(const Token& token) const;

  std::span<const Token> tokens_;
  std::span<const Parameter> values_;
  std::size_t next_ = 0;
  int secret_ = 0;
  Token end_;
};

/// The number of $n. Throws StatementError (42P02) above 65535 and for $0.
std::size_t parameter_number(const Token& token);

}  // namespace peerd::sql
