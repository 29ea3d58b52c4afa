#pragma once

#include <cstdint>
#include <string_view>

// Postgres's dates and times as text (DateStyle ISO), taken apart. Each target encodes them in its own way.
namespace peerd::calendar {

inline constexpr std::int64_t kDayMicroseconds = 86'400'000'000;

struct Date {
  std::int64_t year = 0;  ///< Astronomical: 0 is 1 BC.
  unsigned month = 1, day = 1;
};
/// Days from 1970-01-01 in the Gregorian calendar, as far back as it goes.
std::int64_t days_of(Date date);
Date date_of(std::int64_t days);

// Each takes its part off the front of `text` and says whether it was there; what it leaves behind on false is unsettled.
bool take(std::string_view& text, char c);
bool take_number(std::string_view& text, std::int64_t& value, std::size_t least_digits);
bool take_date(std::string_view& text, Date& date);                  ///< "2026-01-31"; the era is the caller's.
bool take_clock(std::string_view& text, std::int64_t& microseconds);  ///< "12:00:00.5", up to 24:00:00.
bool take_fraction(std::string_view& text, std::int64_t& microseconds);  ///< ".5" -> 500000; nothing -> 0.
bool take_zone(std::string_view& text, std::int64_t& seconds);           ///< "+00", "-03:30", "+01:02:03"; nothing -> 0.
bool take_era(std::string_view& text);  ///< " BC" off the end.

}  // namespace peerd::calendar
