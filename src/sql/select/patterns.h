#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "value.h"

namespace peerd::sql {

/// LIKE and ILIKE. 22025 for an escape at the pattern's end or of more than one character.
bool like_matches(std::string_view text, std::string_view pattern, std::string_view escape, bool ignore_case);

/// A regular expression, in the part of Postgres's dialect that POSIX and it share. Matching takes time in proportion
/// to the text. Throws StatementError: 2201B for a wrong one, 0A000 for what is not understood.
class Pattern {
 public:
  Pattern(std::string_view pattern, bool ignore_case);
  bool found_in(std::string_view text) const;

 private:
  struct Program;
  std::shared_ptr<const Program> program_;
};

// Texts by characters, as Postgres counts them.
std::u32string characters_of(std::string_view text);
std::string text_of_characters(std::u32string_view characters);
std::string first_characters(const std::string& text, int count);
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);
/// numeric(precision, scale). 22003 when it does not fit.
Decimal fit_numeric(const Decimal& value, int precision, int scale);

}  // namespace peerd::sql
