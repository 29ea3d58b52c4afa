#pragma once

#include <cstdint>
#include <string_view>

namespace peerd::clickhouse {

/// A decimal's digits as one integer, as far as ClickHouse's widest: sign and magnitude, least word first.
struct Magnitude {
  std::uint64_t words[4] = {0, 0, 0, 0};
  bool negative = false;

  /// *= factor, += addend. False when it no longer fits.
  bool multiply_add(std::uint64_t factor, std::uint64_t addend);
  bool zero() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
  /// At most `digits` decimal digits?
  bool fits(unsigned digits) const;
  /// In an integer of so many bytes?
  bool fits_integer(unsigned bytes, bool is_signed) const;
  /// Two's complement in the low `bytes` (4, 8, 16 or 32), least byte first.
  void store(char* out, unsigned bytes) const;
};

/// More than any of ClickHouse's types has: Magnitude::fits() takes all that it can hold.
inline constexpr unsigned kMostDigits = 78;

/// What numeric's text says, times 10^scale. nullptr, or why it is no such decimal ("NaN", …).
const char* decimal_from_text(std::string_view text, unsigned precision, unsigned scale, Magnitude& out);
/// The same from numeric's binary form (numeric_send).
const char* decimal_from_binary(std::string_view bytes, unsigned precision, unsigned scale, Magnitude& out);

}  // namespace peerd::clickhouse
