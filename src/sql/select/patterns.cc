#include "patterns.h"

#include <algorithm>
#include <cwctype>
#include <vector>

#include "peerd/base/encoding.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

bool same(char32_t a, char32_t b, bool ignore_case) {
  const auto folded = [](char32_t c) { return c >= U'A' && c <= U'Z' ? c + 32 : c; };
  return a == b || (ignore_case && folded(a) == folded(b));
}

struct Part {
  enum class Kind { character, one, any, lone_escape } kind;
  char32_t character = 0;
};

std::vector<Part> parts_of(std::u32string_view pattern, std::u32string_view escape) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!escape.empty() && pattern[i] == escape[0]) {
      const bool last = ++i == pattern.size();
      parts.push_back({last ? Part::Kind::lone_escape : Part::Kind::character, last ? U'\0' : pattern[i]});
    } else if (pattern[i] == U'%') {
      if (parts.empty() || parts.back().kind != Part::Kind::any) parts.push_back({Part::Kind::any});
    } else {
      parts.push_back({pattern[i] == U'_' ? Part::Kind::one : Part::Kind::character, pattern[i]});
    }
  }
  return parts;
}

}  // namespace

std::u32string characters_of(std::string_view text) {
  std::u32string characters;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text, at), 1);
    char32_t c = static_cast<unsigned char>(text[at]);
    if (length == 2) c &= 0x1F;
    if (length == 3) c &= 0x0F;
    if (length == 4) c &= 0x07;
    for (std::size_t i = 1; i < length; ++i) c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    characters += c;
    at += length;
  }
  return characters;
}

std::string text_of_characters(std::u32string_view characters) {
  std::string text;
  for (const char32_t c : characters) {
    if (c < 0x80) {
      text += static_cast<char>(c);
      continue;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    constexpr unsigned kFirst[] = {0, 0xC0, 0xE0, 0xF0};
    text += static_cast<char>(kFirst[more] | c >> (6 * more));
    for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
  }
  return text;
}

std::string first_characters(const std::string& text, int count) {
  std::size_t at = 0;
  for (int i = 0; i < count && at < text.size(); ++i) at += std::max<std::size_t>(utf8_length(text, at), 1);
  return text.substr(0, at);
}

/// As under the collation "C": ASCII letters alone.
std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return result;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return result;
}

Decimal fit_numeric(const Decimal& value, int precision, int scale) {
  const Decimal fitted = rescale(value, scale);
  Int128 limit = 1;
  for (int i = 0; i < std::min(precision, 38); ++i) limit *= 10;
  if (fitted.digits >= limit || fitted.digits <= -limit) throw StatementError("22003", "numeric field overflow");
  return fitted;
}

bool like_matches(std::string_view text, std::string_view pattern, std::string_view escape, bool ignore_case) {
  const auto escapes = characters_of(escape);
  if (escapes.size() > 1)
    throw StatementError("22025", "invalid escape string", "Escape string must be empty or one character.");
  const auto parts = parts_of(characters_of(pattern), escapes);
  const auto characters = characters_of(text);
  // Greedy, and back to the last % alone: time is at most text times pattern.
  std::size_t at = 0, part = 0, star = parts.size(), star_at = 0;
  const auto fits = [&](std::size_t p) {
    if (p < parts.size() && parts[p].kind == Part::Kind::lone_escape) {
      throw StatementError("22025", "LIKE pattern must not end with escape character");
    }
    return p < parts.size() && parts[p].kind != Part::Kind::any &&
           (parts[p].kind == Part::Kind::one || same(parts[p].character, characters[at], ignore_case));
  };
  while (at < characters.size()) {
    if (part < parts.size() && parts[part].kind == Part::Kind::any) {
      star = part++;
      star_at = at;
    } else if (fits(part)) {
      ++part;
      ++at;
    } else if (star < parts.size()) {
      part = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (part < parts.size() && parts[part].kind == Part::Kind::any) ++part;
  return part == parts.size();
}

}  // namespace peerd::sql
