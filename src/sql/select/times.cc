#include "times.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

using namespace std::chrono;

constexpr sys_days kEpoch{year{2000} / January / 1};
constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
/// Years 1 to 9999: before and after them the text forms need more than four digits.
constexpr std::int64_t kFirstDay = (sys_days{year{1} / January / 1} - kEpoch).count();
constexpr std::int64_t kLastDay = (sys_days{year{9999} / December / 31} - kEpoch).count();

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t floor_mod(std::int64_t a, std::int64_t b) { return a - floor_div(a, b) * b; }

std::int64_t checked_time(std::int64_t timestamp) {
  if (timestamp < kFirstDay * kDay || timestamp >= (kLastDay + 1) * kDay) {
    throw StatementError("22008", "timestamp out of range", "peerd knows the years 1 to 9999");
  }
  return timestamp;
}

year_month_day date_of(std::int64_t timestamp) { return year_month_day(kEpoch + days(floor_div(timestamp, kDay))); }

std::int64_t days_of(year_month_day date) { return (sys_days(date) - kEpoch).count(); }

int last_day(year y, month m) { return static_cast<int>(static_cast<unsigned>((y / m / last).day())); }

/// Reads one date, timestamp or zone.
class Reader {
 public:
  Reader(std::string_view text, const char* type) : rest_(text), type_(type) {}

  [[noreturn]] void fail() const {
    throw StatementError("22007", std::string("invalid input syntax for type ") + type_,
                         "write it as 2026-01-31 12:00:00+00");
  }
  void skip_blanks() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
  }
  bool end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  bool accept(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::size_t digits() const {
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    return count;
  }
  int number(std::size_t least, std::size_t most) {
    const std::size_t count = digits();
    if (count < least || count > most) fail();
    return take(count);
  }
  int take(std::size_t count) {
    int value = 0;
    std::from_chars(rest_.data(), rest_.data() + count, value);
    rest_.remove_prefix(count);
    return value;
  }
  std::string word() {
    std::string text;
    while ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z')) {
      text += static_cast<char>(peek() | 0x20);
      rest_.remove_prefix(1);
    }
    return text;
  }
  /// Digits behind a point as microseconds, the seventh rounded.
  std::int64_t fraction() {
    const std::size_t count = digits();
    std::string text = "0." + std::string(rest_.substr(0, count));
    rest_.remove_prefix(count);
    return std::llround(std::strtod(text.c_str(), nullptr) * 1e6);
  }

 private:
  std::string_view rest_;
  const char* type_;
};

[[noreturn]] void out_of_range() { throw StatementError("22008", "date/time field value out of range"); }

std::int64_t read_days(Reader& reader) {
  const int y = reader.number(4, 4);
  if (!reader.accept('-')) reader.fail();
  const int m = reader.number(1, 2);
  if (!reader.accept('-')) reader.fail();
  const int d = reader.number(1, 2);
  const auto date = year{y} / m / d;
  if (y == 0 || !date.ok()) out_of_range();
  return days_of(date);
}

std::int64_t read_time(Reader& reader) {
  const int h = reader.number(1, 2);
  if (!reader.accept(':')) reader.fail();
  const int m = reader.number(2, 2);
  int s = 0;
  std::int64_t fraction = 0;
  if (reader.accept(':')) {
    s = reader.number(2, 2);
    if (reader.accept('.')) fraction = reader.fraction();
  }
  const std::int64_t time = h * kHour + m * kMinute + s * kSecond + fraction;
  if (h > 24 || m > 59 || s > 60 || time > kDay) out_of_range();
  return time;
}

/// What is to be taken off the time: "+01" is an hour.
std::int64_t read_zone(Reader& reader) {
  reader.skip_blanks();
  if (reader.end()) return 0;
  if (reader.peek() != '+' && reader.peek() != '-') {
    const std::string word = reader.word();
    if (word != "z" && word != "utc" && word != "gmt" && word != "zulu") reader.fail();
    return 0;
  }
  const bool east = reader.accept('+');
  if (!east) reader.accept('-');
  const std::size_t count = reader.digits();
  if (count != 1 && count != 2 && count != 4) reader.fail();
  int h = reader.take(count > 2 ? 2 : count), m = 0, s = 0;
  if (count == 4) m = reader.take(2);
  if (count <= 2 && reader.accept(':')) {
    m = reader.number(2, 2);
    if (reader.accept(':')) s = reader.number(2, 2);
  }
  if (h > 15 || m > 59 || s > 59) out_of_range();
  const std::int64_t zone = h * kHour + m * kMinute + s * kSecond;
  return east ? zone : -zone;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return to_lower(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

/// now, today and their like; false when the text is none of them.
bool special(const std::string& text, std::int64_t& timestamp) {
  const std::int64_t now = now_microseconds(), today = floor_div(now, kDay) * kDay;
  if (text == "now") return timestamp = now, true;
  if (text == "today") return timestamp = today, true;
  if (text == "tomorrow") return timestamp = today + kDay, true;
  if (text == "yesterday") return timestamp = today - kDay, true;
  if (text == "epoch") return timestamp = (sys_days{} - kEpoch).count() * kDay, true;
  if (text == "infinity" || text == "-infinity") throw not_supported("an infinite time is not supported");
  return false;
}

std::int64_t read_any(std::string_view written, bool zoned, const char* type) {
  const std::string text = trimmed(written);
  std::int64_t timestamp = 0;
  if (special(text, timestamp)) return timestamp;
  Reader reader(text, type);
  timestamp = read_days(reader) * kDay;
  std::int64_t zone = 0;
  bool timed = reader.accept('t');
  if (!timed) {
    reader.skip_blanks();
    timed = reader.digits() > 0;
  }
  if (timed) {
    reader.skip_blanks();
    timestamp += read_time(reader);
  }
  zone = read_zone(reader);
  reader.skip_blanks();
  if (!reader.end()) reader.fail();
  return checked_time(zoned ? timestamp - zone : timestamp);
}

std::string format(const char* pattern, auto... values) {
  std::array<char, 128> text;
  const int length = std::snprintf(text.data(), text.size(), pattern, values...);
  return {text.data(), static_cast<std::size_t>(length)};
}

/// ".5", without zeros behind it; nothing for none.
std::string fraction_text(std::int64_t microseconds) {
  if (microseconds == 0) return {};
  std::string text = format(".%06lld", static_cast<long long>(microseconds));
  return text.substr(0, text.find_last_not_of('0') + 1);
}

std::string clock_text(std::int64_t time) {
  return format("%02lld:%02lld:%02lld", static_cast<long long>(time / kHour),
                static_cast<long long>(time / kMinute % 60), static_cast<long long>(time / kSecond % 60)) +
         fraction_text(time % kSecond);
}

}  // namespace

std::int64_t now_microseconds() {
  return duration_cast<microseconds>(system_clock::now() - sys_time<microseconds>(kEpoch)).count();
}

std::int64_t read_timestamp(std::string_view text, bool zoned) {
  return read_any(text, zoned, zoned ? "timestamp with time zone" : "timestamp");
}

std::int64_t read_date(std::string_view text) { return floor_div(read_any(text, false, "date"), kDay); }

std::string write_date(std::int64_t days_since) {
  checked_time(days_since * kDay);
  const auto date = date_of(days_since * kDay);
  return format("%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
}

std::string write_timestamp(std::int64_t timestamp, bool zoned) {
  checked_time(timestamp);
  return write_date(floor_div(timestamp, kDay)) + " " + clock_text(floor_mod(timestamp, kDay)) + (zoned ? "+00" : "");
}

std::int64_t add(std::int64_t timestamp, const Interval& interval, int sign) {
  checked_time(timestamp);
  Int128 result = timestamp;
  if (interval.months != 0) {
    const auto date = date_of(timestamp);
    const std::int64_t month = std::int64_t{static_cast<int>(date.year())} * 12 +
                               (static_cast<unsigned>(date.month()) - 1) + std::int64_t{sign} * interval.months;
    const std::int64_t y = floor_div(month, 12);
    if (y < 1 || y > 9999) checked_time(INT64_MAX);
    const auto m = std::chrono::month{static_cast<unsigned>(floor_mod(month, 12) + 1)};
    const int d = std::min(static_cast<int>(static_cast<unsigned>(date.day())), last_day(year{static_cast<int>(y)}, m));
    result = Int128{days_of(year{static_cast<int>(y)} / m / d)} * kDay + floor_mod(timestamp, kDay);
  }
  result += (Int128{interval.days} * kDay + interval.microseconds) * sign;
  if (result > INT64_MAX || result < INT64_MIN) checked_time(INT64_MAX);
  return checked_time(static_cast<std::int64_t>(result));
}

Interval difference(std::int64_t a, std::int64_t b) {
  const std::int64_t apart = a - b;
  return {0, static_cast<std::int32_t>(apart / kDay), apart % kDay};
}

Interval age(std::int64_t a, std::int64_t b) {
  if (a < b) {
    const Interval back = age(b, a);
    return {-back.months, -back.days, -back.microseconds};
  }
  const auto later = date_of(a), earlier = date_of(b);
  std::int64_t months = (static_cast<int>(later.year()) - static_cast<int>(earlier.year())) * 12 +
                        (static_cast<int>(static_cast<unsigned>(later.month())) -
                         static_cast<int>(static_cast<unsigned>(earlier.month())));
  std::int64_t day =
      static_cast<int>(static_cast<unsigned>(later.day())) - static_cast<int>(static_cast<unsigned>(earlier.day()));
  std::int64_t time = floor_mod(a, kDay) - floor_mod(b, kDay);
  if (time < 0) {
    time += kDay;
    --day;
  }
  if (day < 0) {  // Days of the earlier date's month, as Postgres counts.
    day += last_day(earlier.year(), earlier.month());
    --months;
  }
  return {static_cast<std::int32_t>(months), static_cast<std::int32_t>(day), time};
}

std::int64_t truncate(std::string_view field, std::int64_t timestamp) {
  checked_time(timestamp);
  const auto unit = [&](std::int64_t length) { return floor_div(timestamp, length) * length; };
  if (field == "microseconds" || field == "microsecond" || field == "us") return timestamp;
  if (field == "milliseconds" || field == "millisecond" || field == "ms") return unit(1000);
  if (field == "second" || field == "seconds") return unit(kSecond);
  if (field == "minute" || field == "minutes") return unit(kMinute);
  if (field == "hour" || field == "hours") return unit(kHour);
  if (field == "day" || field == "days") return unit(kDay);
  const std::int64_t today = floor_div(timestamp, kDay);
  if (field == "week" || field == "weeks") return (today - floor_mod(today - 2, 7)) * kDay;  // 2000-01-03 is a Monday.
  const auto date = date_of(timestamp);
  const int y = static_cast<int>(date.year());
  const auto start = [](int of_year, unsigned of_month) {
    return checked_time(days_of(year{of_year} / month{of_month} / 1) * kDay);
  };
  const unsigned m = static_cast<unsigned>(date.month());
  if (field == "month" || field == "months") return start(y, m);
  if (field == "quarter") return start(y, (m - 1) / 3 * 3 + 1);
  if (field == "year" || field == "years") return start(y, 1);
  if (field == "decade" || field == "decades") return start(std::max(y / 10 * 10, 1), 1);
  if (field == "century" || field == "centuries") return start((y - 1) / 100 * 100 + 1, 1);
  if (field == "millennium" || field == "millennia") return start((y - 1) / 1000 * 1000 + 1, 1);
  throw StatementError("22023", "timestamp units \"" + std::string(field) + "\" not recognized");
}

namespace {

Decimal whole(std::int64_t value) { return {value, 0}; }

Decimal extract_date(std::string_view field, std::int64_t timestamp, std::string_view type) {
  const auto date = date_of(timestamp);
  const int y = static_cast<int>(date.year());
  const auto m = static_cast<unsigned>(date.month());
  const std::int64_t day = floor_div(timestamp, kDay), weekday = floor_mod(day + 6, 7);  // 2000-01-01: Saturday.
  if (field == "year" || field == "years") return whole(y);
  if (field == "month" || field == "months") return whole(m);
  if (field == "day" || field == "days") return whole(static_cast<unsigned>(date.day()));
  if (field == "quarter") return whole((m - 1) / 3 + 1);
  if (field == "dow") return whole(weekday);
  if (field == "isodow") return whole(weekday == 0 ? 7 : weekday);
  if (field == "doy") return whole(day - days_of(date.year() / January / 1) + 1);
  if (field == "decade") return whole(y / 10);
  if (field == "century") return whole((y - 1) / 100 + 1);
  if (field == "millennium") return whole((y - 1) / 1000 + 1);
  if (field == "week" || field == "isoyear") {
    const std::int64_t thursday = day - floor_mod(day - 2, 7) + 3;
    const auto iso = date_of(thursday * kDay).year();
    if (field == "isoyear") return whole(static_cast<int>(iso));
    return whole((thursday - days_of(iso / January / 1)) / 7 + 1);
  }
  throw StatementError("22023", "unit \"" + std::string(field) + "\" not recognized for type " + std::string(type));
}

}  // namespace

Decimal extract(std::string_view field, std::int64_t timestamp, std::string_view type) {
  checked_time(timestamp);
  const bool date = type == "date";
  const std::int64_t time = floor_mod(timestamp, kDay);
  const std::int64_t since_1970 = timestamp - (sys_days{} - kEpoch).count() * kDay;
  if (field == "epoch") return date ? whole(floor_div(since_1970, kSecond)) : Decimal{since_1970, 6};
  if (date &&
      (field == "hour" || field == "minute" || field == "second" || field.starts_with("mi") ||
       field.starts_with("timezone")) &&
      field != "millennium") {
    throw StatementError("0A000", "unit \"" + std::string(field) + "\" not supported for type date");
  }
  if (field == "hour" || field == "hours") return whole(time / kHour);
  if (field == "minute" || field == "minutes") return whole(time / kMinute % 60);
  if (field == "second" || field == "seconds") return {time % kMinute, 6};
  if (field == "milliseconds" || field == "millisecond") return {time % kMinute, 3};
  if (field == "microseconds" || field == "microsecond") return whole(time % kMinute);
  if (field.starts_with("timezone") && type == "timestamp with time zone") return whole(0);
  return extract_date(field, timestamp, type);
}

Decimal extract(std::string_view field, const Interval& interval) {
  const std::int64_t time = interval.microseconds;
  if (field == "epoch") {
    // A year has 365.25 days here, a month 30.
    const Int128 seconds = Int128{interval.months / 12} * 31'557'600 + Int128{interval.months % 12} * 2'592'000 +
                           Int128{interval.days} * 86'400;
    return {seconds * kSecond + time, 6};
  }
  if (field == "year" || field == "years") return whole(interval.months / 12);
  if (field == "month" || field == "months") return whole(interval.months % 12);
  if (field == "quarter") return whole(interval.months % 12 / 3 + 1);
  if (field == "decade") return whole(interval.months / 120);
  if (field == "day" || field == "days") return whole(interval.days);
  if (field == "hour" || field == "hours") return whole(time / kHour);
  if (field == "minute" || field == "minutes") return whole(time / kMinute % 60);
  if (field == "second" || field == "seconds") return {time % kMinute, 6};
  if (field == "milliseconds" || field == "millisecond") return {time % kMinute, 3};
  if (field == "microseconds" || field == "microsecond") return whole(time % kMinute);
  throw StatementError("22023", "unit \"" + std::string(field) + "\" not recognized for type interval");
}

std::string to_char(std::int64_t timestamp, std::string_view pattern, bool zoned) {
  checked_time(timestamp);
  const auto date = date_of(timestamp);
  const std::int64_t time = floor_mod(timestamp, kDay), hour = time / kHour;
  const auto two = [](std::int64_t value) { return format("%02lld", static_cast<long long>(value)); };
  const std::array<std::pair<std::string_view, std::string>, 17> known = {{
      {"YYYY", format("%04d", static_cast<int>(date.year()))},
      {"YY", two(static_cast<int>(date.year()) % 100)},
      {"MM", two(static_cast<unsigned>(date.month()))},
      {"DDD",
       format("%03lld", static_cast<long long>(floor_div(timestamp, kDay) - days_of(date.year() / January / 1) + 1))},
      {"DD", two(static_cast<unsigned>(date.day()))},
      {"HH24", two(hour)},
      {"HH12", two(hour % 12 == 0 ? 12 : hour % 12)},
      {"HH", two(hour % 12 == 0 ? 12 : hour % 12)},
      {"MI", two(time / kMinute % 60)},
      {"SS", two(time / kSecond % 60)},
      {"MS", format("%03lld", static_cast<long long>(time % kSecond / 1000))},
      {"US", format("%06lld", static_cast<long long>(time % kSecond))},
      {"AM", hour < 12 ? "AM" : "PM"},
      {"PM", hour < 12 ? "AM" : "PM"},
      {"TZ", zoned ? "UTC" : ""},
      {"OF", zoned ? "+00" : ""},
      {"Q", std::to_string((static_cast<unsigned>(date.month()) - 1) / 3 + 1)},
  }};
  std::string text;
  while (!pattern.empty()) {
    if (pattern[0] == '"') {  // Quoted text stands for itself.
      const auto close = pattern.find('"', 1);
      text += pattern.substr(1, close == std::string_view::npos ? close : close - 1);
      pattern.remove_prefix(close == std::string_view::npos ? pattern.size() : close + 1);
      continue;
    }
    bool found = false;
    for (const auto& [word, value] : known) {
      if (!pattern.starts_with(word)) continue;
      text += value;
      pattern.remove_prefix(word.size());
      found = true;
      break;
    }
    if (found) continue;
    const char c = pattern[0];
    if (std::string_view(" -:/.,;T").find(c) == std::string_view::npos) {
      throw not_supported("this pattern of to_char is not supported",
                          "known are YYYY, MM, DD, HH24, HH12, MI, SS, MS, US, TZ, \"text\"");
    }
    text += c;
    pattern.remove_prefix(1);
  }
  return text;
}

}  // namespace peerd::sql
