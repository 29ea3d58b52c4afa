#include "calendar.h"

#include <charconv>

namespace peerd::calendar {

// Howard Hinnant's days_from_civil and civil_from_days: eras of 400 years that begin on March 1st.
std::int64_t days_of(Date date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto of_era = static_cast<unsigned>(year - era * 400);
  const unsigned of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  return era * 146097 + static_cast<std::int64_t>(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

Date date_of(std::int64_t days) {
  const std::int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
  const auto of_era = static_cast<unsigned>(z - era * 146097);
  const unsigned years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const unsigned of_year = of_era - (365 * years + years / 4 - years / 100), part = (5 * of_year + 2) / 153;
  Date date;
  date.day = of_year - (153 * part + 2) / 5 + 1;
  date.month = part < 10 ? part + 3 : part - 9;
  date.year = static_cast<std::int64_t>(years) + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& text, std::int64_t& value, std::size_t least_digits) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || digits < least_digits || text.starts_with('-')) return false;
  text.remove_prefix(digits);
  return true;
}

bool take_date(std::string_view& text, Date& date) {
  std::int64_t month = 0, day = 0;
  const bool read = take_number(text, date.year, 4) && take(text, '-') && take_number(text, month, 2) && take(text, '-') &&
                    take_number(text, day, 2);
  if (!read || date.year > 10'000'000 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  date.month = static_cast<unsigned>(month);
  date.day = static_cast<unsigned>(day);
  return true;
}

bool take_fraction(std::string_view& text, std::int64_t& microseconds) {
  microseconds = 0;
  if (!take(text, '.')) return true;
  int digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9' && digits < 7; text.remove_prefix(1), ++digits)
    microseconds = microseconds * 10 + (text[0] - '0');
  if (digits == 0 || digits > 6) return false;
  for (; digits < 6; ++digits) microseconds *= 10;
  return true;
}

bool take_clock(std::string_view& text, std::int64_t& microseconds) {
  std::int64_t hours = 0, minutes = 0, seconds = 0, fraction = 0;
  const bool read = take_number(text, hours, 2) && take(text, ':') && take_number(text, minutes, 2) && take(text, ':') &&
                    take_number(text, seconds, 2) && take_fraction(text, fraction);
  if (!read || hours > 24 || minutes > 59 || seconds > 60) return false;
  microseconds = ((hours * 60 + minutes) * 60 + seconds) * 1'000'000 + fraction;
  return true;
}

bool take_zone(std::string_view& text, std::int64_t& seconds) {
  seconds = 0;
  if (text.empty()) return true;
  const bool west = text[0] == '-';
  if (!west && text[0] != '+') return false;
  text.remove_prefix(1);
  std::int64_t part = 0;
  for (std::int64_t unit = 3600; unit >= 1; unit /= 60) {
    if (!take_number(text, part, 2) || part > 99) return false;
    seconds += part * unit;
    if (!take(text, ':')) break;
  }
  if (west) seconds = -seconds;
  return text.empty();
}

bool take_era(std::string_view& text) {
  const bool bc = text.ends_with(" BC");
  if (bc) text.remove_suffix(3);
  return bc;
}

}  // namespace peerd::calendar
