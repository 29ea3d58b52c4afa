#include "kafka/json.h"

#include <cstring>

namespace peerd::kafka {
namespace {

void append_escape(unsigned char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('\\');
  switch (c) {
    case '"':
    case '\\': return out.push_back(static_cast<char>(c));
    case '\n': return out.push_back('n');
    case '\r': return out.push_back('r');
    case '\t': return out.push_back('t');
    default:
      out += "u00";
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
  }
}

/// Whether any of eight bytes is beyond ASCII, a control, a quote or a backslash.
bool eight_are_plain(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t x) { return (x - kOnes) & ~x; };
  const std::uint64_t control = (word - kOnes * 0x20) & ~word;
  return ((word | control | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'))) & kTops) == 0;
}

}  // namespace

bool append_json(std::string_view text, std::string& out) {
  out.push_back('"');
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (i + 8 <= text.size() && eight_are_plain(text.data() + i)) {
      i += 8;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      const std::size_t length = utf8_length(text, i);
      if (length == 0) return false;
      i += length;
      continue;
    }
    if (c < 0x20 || c == '"' || c == '\\') {
      out.append(text.substr(from, i - from));
      append_escape(c, out);
      from = i + 1;
    }
    ++i;
  }
  out.append(text.substr(from));
  out.push_back('"');
  return true;
}

bool append_number_text(std::string_view text, std::string& out) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return append_json(text, out);
  std::string_view rest = text;
  const auto digits = [&rest] {
    const std::size_t count = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(count);
    return count > 0;
  };
  calendar::take(rest, '-');
  if (!digits() || (calendar::take(rest, '.') && !digits())) return false;
  if (calendar::take(rest, 'e')) {
    if (!calendar::take(rest, '-')) calendar::take(rest, '+');
    if (!digits()) return false;
  }
  out += text;
  return rest.empty();
}

void append_padded(std::uint64_t value, int width, std::string& out) {
  char digits[24];
  const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  for (auto length = end - digits; length < width; ++length) out.push_back('0');
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_base64(std::string_view bytes, std::string& out) {
  out.push_back('"');
  Base64 base64(out);
  for (const char byte : bytes) base64.put(static_cast<unsigned char>(byte));
  base64.end();
  out.push_back('"');
}

bool append_bytea(std::string_view hex, std::string& out) {
  if (!hex.starts_with("\\x") || hex.size() % 2 != 0) return false;
  hex.remove_prefix(2);
  out.push_back('"');
  Base64 base64(out);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    base64.put(static_cast<unsigned char>(high << 4 | low));
  }
  base64.end();
  out.push_back('"');
  return true;
}

void append_clock(std::int64_t microseconds, int digits, std::string& out) {
  const auto seconds = static_cast<std::uint64_t>(microseconds / 1'000'000);
  auto fraction = static_cast<std::uint64_t>(microseconds % 1'000'000);
  append_padded(seconds / 3600, 2, out);
  out.push_back(':');
  append_padded(seconds / 60 % 60, 2, out);
  out.push_back(':');
  append_padded(seconds % 60, 2, out);
  int width = 6;
  for (; width > 0 && (digits < 0 ? fraction % 10 == 0 : width > digits); --width) fraction /= 10;
  if (width == 0) return;
  out.push_back('.');
  append_padded(fraction, width, out);
}

void append_date(std::int64_t days, std::string& out) {
  const calendar::Date date = calendar::date_of(days);
  if (date.year < 0) out.push_back('-');
  if (date.year > 9999) out.push_back('+');
  append_padded(static_cast<std::uint64_t>(date.year < 0 ? -date.year : date.year), 4, out);
  out.push_back('-');
  append_padded(date.month, 2, out);
  out.push_back('-');
  append_padded(date.day, 2, out);
}

void append_time(std::int64_t us, std::string& out) {
  std::int64_t days = us / calendar::kDayMicroseconds, rest = us % calendar::kDayMicroseconds;
  if (rest < 0) rest += calendar::kDayMicroseconds, --days;
  out.push_back('"');
  append_date(days, out);
  out.push_back('T');
  append_clock(rest, 6, out);
  out += "Z\"";
}

}  // namespace peerd::kafka
