#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "calendar.h"
#include "peerd/base/encoding.h"

// Parts of JSON, appended to the caller's string. Nothing here allocates but by that string's growth.
namespace peerd::kafka {

/// As a JSON string, quotes and all. False where the bytes are no UTF-8: JSON cannot hold them, and `out` ends with a part.
[[nodiscard]] bool append_json(std::string_view text, std::string& out);

template <class Number>
void append_number(Number value, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// Postgres's text of a number as it is; of NaN and the infinities, which JSON has no numbers for, as a string (as Jackson
/// writes them, too). False: it is none.
[[nodiscard]] bool append_number_text(std::string_view text, std::string& out);

/// At least `width` digits, zeros before.
void append_padded(std::uint64_t value, int width, std::string& out);

void append_base64(std::string_view bytes, std::string& out);  ///< Quoted.
/// bytea_output = hex ("\x00ff") as quoted base64. False: it is none.
[[nodiscard]] bool append_bytea(std::string_view hex, std::string& out);

/// "12:00:00", with `digits` of the fraction: 0 to 6, or -1 for as many as it needs.
void append_clock(std::int64_t microseconds, int digits, std::string& out);
/// "2026-11-25", as ISO 8601 and Java have it: "+10000-01-01" and "-0043-03-15" beyond four digits.
void append_date(std::int64_t days, std::string& out);
/// "2026-11-25T11:00:00.123456Z", quoted.
void append_time(std::int64_t us_since_1970, std::string& out);

/// Postgres's array_out as JSON arrays: {1,NULL,"a \"b\""}, nested; bounds before an "=" are refused. `element` appends one
/// and returns nullptr or what is wrong with it.
template <class Element>
const char* append_array(std::string_view text, std::string& out, const Element& element) {
  constexpr const char* kMalformed = "an array that is none";
  if (text.starts_with('[')) return "an array whose subscripts do not begin with 1, which JSON's arrays cannot hold";
  static thread_local std::string value;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '}') {
      depth += c == '{' ? 1 : -1;
      out.push_back(c == '{' ? '[' : ']');
      if (depth < 0 || (depth == 0 && i + 1 != text.size())) return kMalformed;
      continue;
    }
    if (depth == 0) return kMalformed;
    if (c == ',') {
      if (text[i - 1] == '{' || i + 1 == text.size() || text[i + 1] == ',' || text[i + 1] == '}') return kMalformed;
      out.push_back(',');
      continue;
    }
    if (c != '"') {
      const std::size_t end = std::min(text.find_first_of(",}", i), text.size());
      const std::string_view plain = text.substr(i, end - i);
      if (plain == "NULL") out += "null";
      else if (plain.find_first_of("\\\"{") != std::string_view::npos) return kMalformed;
      else if (const char* wrong = element(plain, out)) return wrong;
      i = end - 1;
      continue;
    }
    value.clear();
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      if (i < text.size()) value.push_back(text[i]);
    }
    if (i >= text.size()) return kMalformed;
    if (const char* wrong = element(value, out)) return wrong;
  }
  return depth == 0 && !text.empty() ? nullptr : kMalformed;
}

}  // namespace peerd::kafka
