#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peerd::sql {

struct Token {
  enum class Kind : std::uint8_t {
    word,    ///< Unquoted identifier or keyword, as typed.
    quoted,  ///< "Identifier", decoded.
    text,    ///< 'x', E'x' or $$x$$, decoded.
    number,
    parameter,  ///< $1: text is "1".
    symbol,
    end  ///< Behind the last token, once.
  };
  Kind kind = Kind::end;
  std::string text;
  std::size_t begin = 0, end = 0;  ///< Bytes in the query.

  /// An unquoted word, compared without case. `upper` is in capitals.
  bool is_word(std::string_view upper) const;
  bool is_symbol(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_name() const { return kind == Kind::word || kind == Kind::quoted; }
  /// As Postgres reads an identifier: folded to lower case unless quoted. REQUIRES: is_name().
  std::string folded() const;
};

/// All tokens of a query, the end token last; comments and white space are gone. Throws StatementError (42601) on what
/// is not closed, with its position.
std::vector<Token> tokenize(std::string_view sql);

/// The statements between semicolons, empty ones left out; none holds an end token.
std::vector<std::span<const Token>> split_statements(std::span<const Token> tokens);

}  // namespace peerd::sql
