#include "peerd/base/encoding.h"

#include <array>
#include <cstdint>

namespace peerd {
namespace {

constexpr std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(kBase64Letters[static_cast<std::size_t>(i)])] = static_cast<std::int8_t>(i);
  return values;
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  if (lead == 0xE0 && second < 0xA0) return 0;  // Overlong.
  if (lead == 0xED && second > 0x9F) return 0;  // Surrogates.
  if (lead == 0xF0 && second < 0x90) return 0;  // Overlong.
  if (lead == 0xF4 && second > 0x8F) return 0;  // Past U+10FFFF.
  return length;
}

void Base64::end() {
  if (held_ == 0) return;
  out_.push_back(kBase64Letters[bits_ << (6 - held_) & 63]);
  out_.append(held_ == 2 ? "==" : "=");
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

}  // namespace peerd
