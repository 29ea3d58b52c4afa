#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "functions.h"
#include "patterns.h"
#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

using oid::kBool;
using oid::kInt4;
using oid::kInt8;
using oid::kText;

constexpr std::size_t kLongest = 16u << 20;

std::int64_t length_of(const std::string& text) { return static_cast<std::int64_t>(characters_of(text).size()); }

std::string checked(std::string text) {
  if (text.size() > kLongest) throw StatementError("54000", "requested length too large");
  return text;
}

/// Characters from `from` (1 is the first), `count` of them.
std::string part_of(const std::string& text, std::int64_t from, std::int64_t count) {
  const auto characters = characters_of(text);
  const auto size = static_cast<std::int64_t>(characters.size());
  std::int64_t end = 0;
  if (__builtin_add_overflow(from, count, &end)) end = size + 1;
  const std::int64_t first = std::clamp<std::int64_t>(from, 1, size + 1),
                     last = std::clamp<std::int64_t>(end, first, size + 1);
  return text_of_characters(std::u32string_view(characters)
                                .substr(static_cast<std::size_t>(first - 1), static_cast<std::size_t>(last - first)));
}

std::string end_of(const std::string& text, std::int64_t count, bool left) {
  const std::int64_t size = length_of(text);
  if (count < 0) count = std::max<std::int64_t>(size + count, 0);
  count = std::min(count, size);
  return left ? part_of(text, 1, count) : part_of(text, size - count + 1, count);
}

std::string trimmed(const std::string& text, const std::string& what, bool left, bool right) {
  const auto characters = characters_of(text), set = characters_of(what);
  std::size_t first = 0, last = characters.size();
  while (left && first < last && set.find(characters[first]) != std::u32string::npos) ++first;
  while (right && last > first && set.find(characters[last - 1]) != std::u32string::npos) --last;
  return text_of_characters(std::u32string_view(characters).substr(first, last - first));
}

std::string padded(const std::string& text, std::int64_t length, const std::string& fill, bool left) {
  const std::int64_t size = length_of(text);
  length = std::max<std::int64_t>(length, 0);
  if (length > static_cast<std::int64_t>(kLongest)) throw StatementError("54000", "requested length too large");
  if (size >= length || fill.empty()) return part_of(text, 1, length);
  const auto characters = characters_of(fill);
  std::u32string pad;
  for (std::int64_t i = 0; i < length - size; ++i) pad += characters[static_cast<std::size_t>(i) % characters.size()];
  return left ? text_of_characters(pad) + text : text + text_of_characters(pad);
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  if (from.empty()) return text;
  std::string result;
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(from, at)) != std::string::npos; at = found + from.size()) {
    result += text.substr(at, found - at) + to;
    checked(result);
  }
  return checked(result + text.substr(at));
}

std::string field_of(const std::string& text, const std::string& separator, std::int64_t n) {
  if (n == 0) throw StatementError("22023", "field position must not be zero");
  std::vector<std::string> fields;
  std::size_t at = 0;
  for (std::size_t found; !separator.empty() && (found = text.find(separator, at)) != std::string::npos;
       at = found + separator.size()) {
    fields.push_back(text.substr(at, found - at));
  }
  fields.push_back(text.substr(at));
  const std::int64_t index = n > 0 ? n - 1 : static_cast<std::int64_t>(fields.size()) + n;
  return index >= 0 && index < static_cast<std::int64_t>(fields.size()) ? fields[static_cast<std::size_t>(index)] : "";
}

std::int64_t position(const std::string& text, const std::string& wanted) {
  const auto found = text.find(wanted);
  return found == std::string::npos ? 0 : length_of(text.substr(0, found)) + 1;
}

std::string md5(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_md5(), nullptr) != 1)
    throw not_supported("md5() is not supported on this machine");
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

std::string initcap(const std::string& text) {
  std::string result = lower_case(text);
  bool inside = false;
  for (char& c : result) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (alnum && !inside && c >= 'a') c = static_cast<char>(c - 32);
    inside = alnum;
  }
  return result;
}

std::string pretty_size(std::int64_t bytes) {
  const auto size = [](std::int64_t value) { return value < 0 ? -value : value; };
  if (size(bytes) < 10 * 1024) return std::to_string(bytes) + " bytes";
  std::int64_t halves = bytes / 512;  // In half units, to round once.
  for (const char* unit : {"kB", "MB", "GB", "TB"}) {
    if (size(halves) < 2 * 10 * 1024 - 1) return std::to_string((halves + (halves < 0 ? -1 : 1)) / 2) + " " + unit;
    halves /= 1024;
  }
  return std::to_string((halves + (halves < 0 ? -1 : 1)) / 2) + " PB";
}

}  // namespace

std::vector<Function> text_functions() {
  return {
      {"lower", {kText}, kText, [](Context&, const Row& a) -> Value { return lower_case(a[0].text()); }},
      {"upper", {kText}, kText, [](Context&, const Row& a) -> Value { return upper_case(a[0].text()); }},
      {"initcap", {kText}, kText, [](Context&, const Row& a) -> Value { return initcap(a[0].text()); }},
      {"length", {kText}, kInt4, [](Context&, const Row& a) -> Value { return length_of(a[0].text()); }},
      {"char_length", {kText}, kInt4, [](Context&, const Row& a) -> Value { return length_of(a[0].text()); }},
      {"character_length", {kText}, kInt4, [](Context&, const Row& a) -> Value { return length_of(a[0].text()); }},
      {"octet_length",
       {kText},
       kInt4,
       [](Context&, const Row& a) -> Value { return static_cast<std::int64_t>(a[0].text().size()); }},
      {"substr",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return part_of(a[0].text(), a[1].integer(), INT32_MAX); }},
      {"substr",
       {kText, kInt4, kInt4},
       kText,
       [](Context&, const Row& a) -> Value {
         if (a[2].integer() < 0) throw StatementError("22011", "negative substring length not allowed");
         return part_of(a[0].text(), a[1].integer(), a[2].integer());
       }},
      {"substring",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return part_of(a[0].text(), a[1].integer(), INT32_MAX); }},
      {"substring",
       {kText, kInt4, kInt4},
       kText,
       [](Context&, const Row& a) -> Value {
         if (a[2].integer() < 0) throw StatementError("22011", "negative substring length not allowed");
         return part_of(a[0].text(), a[1].integer(), a[2].integer());
       }},
      {"left",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return end_of(a[0].text(), a[1].integer(), true); }},
      {"right",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return end_of(a[0].text(), a[1].integer(), false); }},
      {"replace",
       {kText, kText, kText},
       kText,
       [](Context&, const Row& a) -> Value { return replaced(a[0].text(), a[1].text(), a[2].text()); }},
      {"position",
       {kText, kText},
       kInt4,
       [](Context&, const Row& a) -> Value { return position(a[0].text(), a[1].text()); }},
      {"strpos",
       {kText, kText},
       kInt4,
       [](Context&, const Row& a) -> Value { return position(a[0].text(), a[1].text()); }},
      {"starts_with",
       {kText, kText},
       kBool,
       [](Context&, const Row& a) -> Value { return a[0].text().starts_with(a[1].text()); }},
      {"btrim", {kText}, kText, [](Context&, const Row& a) -> Value { return trimmed(a[0].text(), " ", true, true); }},
      {"ltrim", {kText}, kText, [](Context&, const Row& a) -> Value { return trimmed(a[0].text(), " ", true, false); }},
      {"rtrim", {kText}, kText, [](Context&, const Row& a) -> Value { return trimmed(a[0].text(), " ", false, true); }},
      {"btrim",
       {kText, kText},
       kText,
       [](Context&, const Row& a) -> Value { return trimmed(a[0].text(), a[1].text(), true, true); }},
      {"ltrim",
       {kText, kText},
       kText,
       [](Context&, const Row& a) -> Value { return trimmed(a[0].text(), a[1].text(), true, false); }},
      {"rtrim",
       {kText, kText},
       kText,
       [](Context&, const Row& a) -> Value { return trimmed(a[0].text(), a[1].text(), false, true); }},
      {"lpad",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return padded(a[0].text(), a[1].integer(), " ", true); }},
      {"rpad",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return padded(a[0].text(), a[1].integer(), " ", false); }},
      {"lpad",
       {kText, kInt4, kText},
       kText,
       [](Context&, const Row& a) -> Value { return padded(a[0].text(), a[1].integer(), a[2].text(), true); }},
      {"rpad",
       {kText, kInt4, kText},
       kText,
       [](Context&, const Row& a) -> Value { return padded(a[0].text(), a[1].integer(), a[2].text(), false); }},
      {"repeat",
       {kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value {
         const std::int64_t count = std::max<std::int64_t>(a[1].integer(), 0);
         if (static_cast<Int128>(a[0].text().size()) * count > static_cast<Int128>(kLongest))
           throw StatementError("54000", "requested length too large");
         std::string text;
         for (std::int64_t i = 0; i < count && !a[0].text().empty(); ++i) text += a[0].text();
         return text;
       }},
      {"reverse",
       {kText},
       kText,
       [](Context&, const Row& a) -> Value {
         auto characters = characters_of(a[0].text());
         std::reverse(characters.begin(), characters.end());
         return text_of_characters(characters);
       }},
      {"split_part",
       {kText, kText, kInt4},
       kText,
       [](Context&, const Row& a) -> Value { return field_of(a[0].text(), a[1].text(), a[2].integer()); }},
      {"chr",
       {kInt4},
       kText,
       [](Context&, const Row& a) -> Value {
         const std::int64_t code = a[0].integer();
         if (code <= 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
           throw StatementError("54000", "requested character not valid for encoding");
         return text_of_characters(std::u32string(1, static_cast<char32_t>(code)));
       }},
      {"ascii",
       {kText},
       kInt4,
       [](Context&, const Row& a) -> Value {
         const auto characters = characters_of(a[0].text());
         return characters.empty() ? std::int64_t{0} : static_cast<std::int64_t>(characters[0]);
       }},
      {"md5", {kText}, kText, [](Context&, const Row& a) -> Value { return md5(a[0].text()); }},
      {"quote_ident",
       {kText},
       kText,
       [](Context&, const Row& a) -> Value {
         const std::string& text = a[0].text();
         const bool plain = !text.empty() &&
                            text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
                            (text[0] < '0' || text[0] > '9');
         return plain ? text : quote_identifier(text);
       }},
      {"pg_size_pretty", {kInt8}, kText, [](Context&, const Row& a) -> Value { return pretty_size(a[0].integer()); }},
  };
}

}  // namespace peerd::sql
