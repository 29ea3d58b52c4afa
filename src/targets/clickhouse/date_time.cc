#include "clickhouse/date_time.h"

#include <charconv>
#include <limits>

#include "peerd/postgres/types.h"

namespace peerd::clickhouse {
namespace {

constexpr const char* kInfinite = "an infinite date, which ClickHouse cannot hold";
constexpr const char* kOutOfRange = "a date outside of 1900 to 2299, which ClickHouse cannot hold";
constexpr const char* kMalformed = "not a date or time";
constexpr std::int64_t kFirstMicrosecond = kFirstDay * kDayMicroseconds;
constexpr std::int64_t kLastMicrosecond = (kLastDay + 1) * kDayMicroseconds - 1;

bool take_number(std::string_view& text, std::int64_t& value, std::size_t least_digits) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || digits < least_digits || value < 0) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// "2026-01-31"; the " BC" at the very end is the caller's.
const char* take_date(std::string_view& text, bool bc, std::int64_t& days) {
  std::int64_t year = 0, month = 0, day = 0;
  const bool read = take_number(text, year, 4) && take(text, '-') && take_number(text, month, 2) && take(text, '-') &&
                    take_number(text, day, 2);
  if (!read || month < 1 || month > 12 || day < 1 || day > 31) return kMalformed;
  if (bc || year < 1900 || year > 2299) return kOutOfRange;
  days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  return nullptr;
}

const char* infinity_or_end(std::string_view& text, bool& bc) {
  if (text == "infinity" || text == "-infinity") return kInfinite;
  bc = text.ends_with(" BC");
  if (bc) text.remove_suffix(3);
  return nullptr;
}

/// ".5" -> 500000.
bool take_fraction(std::string_view& text, std::int64_t& microseconds) {
  microseconds = 0;
  if (!take(text, '.')) return true;
  int digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits)
    microseconds = microseconds * 10 + (text[0] - '0');
  if (digits == 0 || digits > 6) return false;
  for (; digits < 6; ++digits) microseconds *= 10;
  return true;
}

/// "+00", "-03:30", "+01:02:03"; nothing for a timestamp without time zone.
bool take_zone(std::string_view& text, std::int64_t& seconds) {
  seconds = 0;
  if (text.empty()) return true;
  const bool west = text[0] == '-';
  if (!west && text[0] != '+') return false;
  text.remove_prefix(1);
  std::int64_t part = 0;
  for (std::int64_t unit = 3600; unit >= 1; unit /= 60) {
    if (!take_number(text, part, 2)) return false;
    seconds += part * unit;
    if (!take(text, ':')) break;
  }
  if (west) seconds = -seconds;
  return text.empty();
}

}  // namespace

std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto of_era = static_cast<unsigned>(year - era * 400);
  const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + static_cast<std::int64_t>(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

const char* date_from_text(std::string_view text, std::int32_t& days) {
  bool bc = false;
  if (const char* wrong = infinity_or_end(text, bc)) return wrong;
  std::int64_t value = 0;
  if (const char* wrong = take_date(text, bc, value)) return wrong;
  days = static_cast<std::int32_t>(value);
  return text.empty() ? nullptr : kMalformed;
}

const char* timestamp_from_text(std::string_view text, std::int64_t& microseconds) {
  bool bc = false;
  if (const char* wrong = infinity_or_end(text, bc)) return wrong;
  std::int64_t days = 0, hours = 0, minutes = 0, seconds = 0, fraction = 0, zone = 0;
  if (const char* wrong = take_date(text, bc, days)) return wrong;
  const bool read = take(text, ' ') && take_number(text, hours, 2) && take(text, ':') &&
                    take_number(text, minutes, 2) && take(text, ':') && take_number(text, seconds, 2) &&
                    take_fraction(text, fraction) && take_zone(text, zone);
  if (!read || hours > 24 || minutes > 59 || seconds > 60) return kMalformed;
  microseconds = days * kDayMicroseconds + ((hours * 60 + minutes) * 60 + seconds - zone) * 1'000'000 + fraction;
  return microseconds < kFirstMicrosecond || microseconds > kLastMicrosecond ? kOutOfRange : nullptr;
}

const char* date_from_binary(std::int32_t since_2000, std::int32_t& days) {
  using Limits = std::numeric_limits<std::int32_t>;
  if (since_2000 == Limits::max() || since_2000 == Limits::min()) return kInfinite;
  const std::int64_t value = std::int64_t{since_2000} + postgres::kEpochDays;
  if (value < kFirstDay || value > kLastDay) return kOutOfRange;
  days = static_cast<std::int32_t>(value);
  return nullptr;
}

const char* timestamp_from_binary(std::int64_t since_2000, std::int64_t& microseconds) {
  using Limits = std::numeric_limits<std::int64_t>;
  constexpr std::int64_t kEpoch = postgres::kEpochSeconds * 1'000'000;
  if (since_2000 == Limits::max() || since_2000 == Limits::min()) return kInfinite;
  if (since_2000 < kFirstMicrosecond - kEpoch || since_2000 > kLastMicrosecond - kEpoch) return kOutOfRange;
  microseconds = since_2000 + kEpoch;
  return nullptr;
}

}  // namespace peerd::clickhouse
