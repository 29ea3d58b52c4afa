#include "clickhouse/decimal.h"

#include <array>
#include <cstring>

#include "clickhouse/wrong.h"

namespace peerd::clickhouse {
namespace {

using Wide = unsigned __int128;
constexpr const char* kTooLarge = "a number with more digits than the column's type has";
constexpr const char* kTooFine = "a number with more digits after the point than the column's type has";
constexpr const char* kNotFinite = "NaN or Infinity";

constexpr auto kPowers = [] {
  std::array<std::uint64_t, 20> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool times_power(Magnitude& value, unsigned exponent) {
  for (; exponent > 0;) {
    const unsigned step = exponent < 18 ? exponent : 18;
    if (!value.multiply_add(kPowers[step], 0)) return false;
    exponent -= step;
  }
  return true;
}

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Appends a run of digits to the value, eighteen at a time.
bool append_digits(Magnitude& value, std::string_view digits) {
  while (!digits.empty()) {
    const std::size_t count = digits.size() < 18 ? digits.size() : 18;
    std::uint64_t part = 0;
    for (std::size_t i = 0; i < count; ++i) part = part * 10 + static_cast<std::uint64_t>(digits[i] - '0');
    if (!value.multiply_add(kPowers[count], part)) return false;
    digits.remove_prefix(count);
  }
  return true;
}

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && digit(text[count])) ++count;
  const auto run = text.substr(0, count);
  text.remove_prefix(count);
  return run;
}

std::uint16_t big_endian16(const char* at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(at[0]) << 8 | static_cast<unsigned char>(at[1]));
}

}  // namespace

bool Magnitude::multiply_add(std::uint64_t factor, std::uint64_t addend) {
  Wide carry = addend;
  for (std::uint64_t& word : words) {
    if (word == 0 && carry == 0) continue;
    carry += static_cast<Wide>(word) * factor;
    word = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return carry == 0;
}

bool Magnitude::fits(unsigned digits) const {
  if (digits <= 18) return (words[1] | words[2] | words[3]) == 0 && words[0] < kPowers[digits];
  Magnitude limit;
  limit.words[0] = 1;
  if (!times_power(limit, digits)) return true;
  for (int i = 3; i >= 0; --i) {
    if (words[i] != limit.words[i]) return words[i] < limit.words[i];
  }
  return false;
}

bool Magnitude::fits_integer(unsigned bytes, bool is_signed) const {
  if (!is_signed && negative && !zero()) return false;
  const unsigned bits = bytes * 8;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned from = i * 64;
    if (from >= bits && words[i] != 0) return false;
    if (from < bits && bits - from < 64 && words[i] >> (bits - from) != 0) return false;
  }
  if (!is_signed) return true;
  const unsigned top = (bits - 1) / 64, shift = (bits - 1) % 64;
  if ((words[top] >> shift & 1) == 0) return true;
  // The sign's own place: of the least number alone.
  std::uint64_t rest = words[top] ^ (std::uint64_t{1} << shift);
  for (unsigned i = 0; i < top; ++i) rest |= words[i];
  return negative && rest == 0;
}

void Magnitude::store(char* out, unsigned bytes) const {
  std::uint64_t value[4];
  std::uint64_t carry = negative ? 1 : 0;
  for (int i = 0; i < 4; ++i) {
    value[i] = negative ? ~words[i] + carry : words[i];
    carry = carry != 0 && value[i] == 0 ? 1 : 0;
  }
  std::memcpy(out, value, bytes);  // Little-endian machines only, as everywhere in this target.
}

const char* decimal_from_text(std::string_view text, unsigned precision, unsigned scale, Magnitude& out) {
  out = {};
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  if (!text.empty() && (text[0] == 'N' || text[0] == 'I')) return kNotFinite;
  const auto whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (!text.empty() || (whole.empty() && fraction.empty())) return kMalformed;
  while (fraction.size() > scale) {
    if (fraction.back() != '0') return kTooFine;
    fraction.remove_suffix(1);
  }
  const bool fits = append_digits(out, whole) && append_digits(out, fraction) &&
                    times_power(out, scale - static_cast<unsigned>(fraction.size())) && out.fits(precision);
  if (!fits) return kTooLarge;
  if (out.zero()) out.negative = false;
  return nullptr;
}

const char* decimal_from_binary(std::string_view bytes, unsigned precision, unsigned scale, Magnitude& out) {
  out = {};
  if (bytes.size() < 8) return kMalformed;
  const std::size_t count = big_endian16(bytes.data());
  const int weight = static_cast<std::int16_t>(big_endian16(bytes.data() + 2));
  const unsigned sign = big_endian16(bytes.data() + 4);
  if (bytes.size() != 8 + 2 * count) return kMalformed;
  if (sign == 0xC000 || sign == 0xD000 || sign == 0xF000) return kNotFinite;
  if (sign != 0 && sign != 0x4000) return kMalformed;
  if (count == 0) return nullptr;
  // The digits, to base 10000, are worth 10000^weight downwards; what remains is a power of ten. A negative one cuts
  // zeros off the last group: cut after it was added, 76 digits and these zeros would not fit.
  const long exponent = 4L * (weight - static_cast<long>(count) + 1) + static_cast<long>(scale);
  if (exponent > 80) return kTooLarge;
  if (exponent < -3) return kTooFine;
  const std::uint64_t cut = exponent < 0 ? kPowers[static_cast<std::size_t>(-exponent)] : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned group = big_endian16(bytes.data() + 8 + 2 * i);
    const std::uint64_t divisor = i + 1 == count ? cut : 1;
    if (group > 9999) return kMalformed;
    if (group % divisor != 0) return kTooFine;
    if (!out.multiply_add(10000 / divisor, group / divisor)) return kTooLarge;
  }
  if (out.zero()) return nullptr;
  out.negative = sign == 0x4000;
  if (exponent > 0 && !times_power(out, static_cast<unsigned>(exponent))) return kTooLarge;
  return out.fits(precision) ? nullptr : kTooLarge;
}

}  // namespace peerd::clickhouse
