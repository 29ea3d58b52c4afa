#include <array>
#include <cstdint>

#include "peerd/base/encoding.h"
#include "peerd/net/http.h"

namespace peerd::net {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

constexpr std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(kBase64Letters[static_cast<std::size_t>(i)])] = static_cast<std::int8_t>(i);
  return values;
}

}  // namespace

std::string url_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

// "+" stays a plus: only form bodies mean a blank by it. A lone "%" stays as it is.
std::string url_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  Base64 base64(out);
  for (const char byte : bytes) base64.put(static_cast<unsigned char>(byte));
  base64.end();
  return out;
}

bool base64_decode(std::string_view text, std::string& bytes) {
  static constexpr auto kValues = base64_values();
  bytes.clear();
  if (text.size() % 4 != 0) return false;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool padded = i >= text.size() - padding;
    const int value = padded ? 0 : kValues[static_cast<unsigned char>(text[i])];
    if (value < 0) {
      bytes.clear();
      return false;
    }
    word = word << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 == 3) {
      bytes += {static_cast<char>(word >> 16), static_cast<char>(word >> 8), static_cast<char>(word)};
      word = 0;
    }
  }
  bytes.resize(bytes.size() - padding);
  return true;
}

}  // namespace peerd::net
