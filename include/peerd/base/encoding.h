#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Text encodings that several modules read or write. Nothing here allocates but by the growth of the caller's string.
namespace peerd {

/// 0 to 15; -1: none.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Bytes of the UTF-8 sequence that begins at `at` (RFC 3629: shortest form, no surrogates); 0: it is none.
/// REQUIRES: at < text.size().
std::size_t utf8_length(std::string_view text, std::size_t at);

inline constexpr std::string_view kBase64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes one after the other as base64 with padding (RFC 4648, section 4), appended to the caller's string.
class Base64 {
 public:
  explicit Base64(std::string& out) : out_(out) {}
  void put(unsigned char byte) {
    bits_ = bits_ << 8 | byte;
    for (held_ += 8; held_ >= 6; held_ -= 6) out_.push_back(kBase64Letters[bits_ >> (held_ - 6) & 63]);
  }
  void end();

 private:
  std::string& out_;
  unsigned bits_ = 0, held_ = 0;
};

/// The same of a whole text, and back: "" and false on malformed input.
std::string base64_encode(std::string_view bytes);
bool base64_decode(std::string_view text, std::string& bytes);

}  // namespace peerd
