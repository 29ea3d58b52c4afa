#include "timestamps.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace peerd::sql {
namespace {

using namespace std::chrono;
constexpr sys_days kEpoch{year{2000} / January / 1};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool end() const { return rest_.empty(); }
  bool accept(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly `count` digits, up to `most`; clears `ok` otherwise.
  int number(std::size_t count, int most) {
    int value = 0;
    const auto* last = rest_.data() + std::min(count, rest_.size());
    const auto result = std::from_chars(rest_.data(), last, value);
    if (result.ec != std::errc() || result.ptr != rest_.data() + count || value > most || value < 0) {
      ok = false;
      return 0;
    }
    rest_.remove_prefix(count);
    return value;
  }
  /// Digits behind a point as microseconds.
  int fraction() {
    int value = 0, digits = 0;
    for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1), ++digits) {
      if (digits < 6) value = value * 10 + (rest_[0] - '0');
    }
    ok = ok && digits > 0;
    for (; digits < 6; ++digits) value *= 10;
    return value;
  }
  bool ok = true;

 private:
  std::string_view rest_;
};

/// "Z", "+01", "-05:30", "+0530" or nothing.
minutes read_zone(Reader& reader) {
  if (reader.accept('Z') || reader.accept('z')) return minutes(0);
  const bool east = reader.accept('+');
  if (!east && !reader.accept('-')) return minutes(0);
  int zone = reader.number(2, 15) * 60;
  if (reader.accept(':') || !reader.end()) zone += reader.number(2, 59);
  return minutes(east ? zone : -zone);
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  Reader reader(text);
  const int y = reader.number(4, 9999);
  reader.ok = reader.ok && reader.accept('-');
  const int m = reader.number(2, 12);
  reader.ok = reader.ok && reader.accept('-');
  const int d = reader.number(2, 31);
  const auto date = year{y} / m / d;
  if (!reader.ok || !date.ok()) return std::nullopt;
  microseconds time{0};
  if (reader.accept(' ') || reader.accept('T')) {
    time = hours(reader.number(2, 23));
    reader.ok = reader.ok && reader.accept(':');
    time += minutes(reader.number(2, 59));
    if (reader.accept(':')) time += seconds(reader.number(2, 59));
    if (reader.accept('.')) time += microseconds(reader.fraction());
    time -= read_zone(reader);
  }
  if (!reader.ok || !reader.end()) return std::nullopt;
  return microseconds(sys_days(date) - kEpoch + time).count();
}

std::string format_timestamp(std::int64_t microseconds_since_2000) {
  const sys_time<microseconds> instant = kEpoch + microseconds(microseconds_since_2000);
  const auto day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> time(instant - day);
  const long long fraction = time.subseconds().count();
  char text[64];
  const int length =
      std::snprintf(text, sizeof text, "%04d-%02u-%02u %02lld:%02lld:%02lld", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<long long>(time.hours().count()), static_cast<long long>(time.minutes().count()),
                    static_cast<long long>(time.seconds().count()));
  std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                fraction % 1000 ? ".%06lld+00" : ".%03lld+00", fraction % 1000 ? fraction : fraction / 1000);
  return text;
}

}  // namespace peerd::sql
