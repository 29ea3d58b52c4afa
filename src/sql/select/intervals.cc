#include <charconv>
#include <cmath>
#include <cstdio>

#include "peerd/base/text.h"
#include "statement_error.h"
#include "times.h"

namespace peerd::sql {
namespace {

constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

[[noreturn]] void fail() {
  throw StatementError("22007", "invalid input syntax for type interval",
                       "write it as '1 day 02:03:04' or '90 minutes'");
}

Interval checked(double months, double days, double microseconds) {
  const bool fits =
      std::fabs(months) <= 2147483647.0 && std::fabs(days) <= 2147483647.0 && std::fabs(microseconds) < 9.2e18;
  if (!fits) throw StatementError("22008", "interval out of range");
  return {static_cast<std::int32_t>(months), static_cast<std::int32_t>(days),
          static_cast<std::int64_t>(std::llround(microseconds))};
}

struct Sum {
  double months = 0, days = 0, microseconds = 0;
};

/// A number with its unit; parts of months and days go down to the smaller unit, as in Postgres.
void add_field(Sum& sum, double number, const std::string& unit) {
  const auto months = [&](double factor) {
    const double all = number * factor;
    const double whole = std::trunc(all + (all < 0 ? -1e-9 : 1e-9));
    const double rest = std::fabs(all - whole) < 1e-9 ? 0 : all - whole;
    if (factor > 1 && rest != 0) throw not_supported("parts of a year in an interval are not supported");
    sum.months += whole;
    const double days = rest * 30, whole_days = std::trunc(days);
    sum.days += whole_days;
    sum.microseconds += (days - whole_days) * static_cast<double>(kDay);
  };
  const auto days = [&](double factor) {
    const double all = number * factor, whole = std::trunc(all);
    sum.days += whole;
    sum.microseconds += (all - whole) * static_cast<double>(kDay);
  };
  const auto is = [&](auto... names) { return ((unit == names) || ...); };
  if (is("microsecond", "microseconds", "us", "usec", "usecs"))
    sum.microseconds += number;
  else if (is("millisecond", "milliseconds", "ms", "msec", "msecs"))
    sum.microseconds += number * 1000;
  else if (is("second", "seconds", "sec", "secs", "s", ""))
    sum.microseconds += number * static_cast<double>(kSecond);
  else if (is("minute", "minutes", "min", "mins", "m"))
    sum.microseconds += number * static_cast<double>(kMinute);
  else if (is("hour", "hours", "hr", "hrs", "h"))
    sum.microseconds += number * static_cast<double>(kHour);
  else if (is("day", "days", "d"))
    days(1);
  else if (is("week", "weeks", "w"))
    days(7);
  else if (is("month", "months", "mon", "mons"))
    months(1);
  else if (is("year", "years", "yr", "yrs", "y"))
    months(12);
  else if (is("decade", "decades"))
    months(120);
  else if (is("century", "centuries"))
    months(1200);
  else
    fail();
}

/// hh:mm[:ss[.f]] behind a sign.
double clock_microseconds(std::string_view text) {
  std::int64_t parts[2] = {0, 0};
  double seconds = 0;
  const char *at = text.data(), *last = text.data() + text.size();
  for (int i = 0; i < 2; ++i) {
    const auto result = std::from_chars(at, last, parts[i]);
    if (result.ec != std::errc() || parts[i] < 0 || (i == 0 && (result.ptr == last || *result.ptr != ':'))) fail();
    at = i == 0 ? result.ptr + 1 : result.ptr;
  }
  if (at != last) {
    if (*at != ':') fail();
    const auto result = std::from_chars(at + 1, last, seconds, std::chars_format::fixed);
    if (result.ec != std::errc() || result.ptr != last) fail();
  }
  if (parts[1] > 59 || seconds >= 60 || seconds < 0) throw StatementError("22008", "interval field value out of range");
  return static_cast<double>(parts[0] * kHour + parts[1] * kMinute) + seconds * static_cast<double>(kSecond);
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (auto& word : split(text, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

Interval read_interval(std::string_view written) {
  const auto words = words_of(to_lower(written));
  if (words.empty() || words[0].starts_with('p')) fail();
  Sum sum;
  bool ago = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "@" && i == 0) continue;
    if (word == "ago" && i > 0 && i + 1 == words.size()) {
      ago = true;
      continue;
    }
    const bool negative = word.starts_with('-');
    if (negative || word.starts_with('+')) word.remove_prefix(1);
    if (word.empty() || ((word[0] < '0' || word[0] > '9') && word[0] != '.')) fail();
    if (word.find(':') != std::string_view::npos) {
      sum.microseconds += (negative ? -1 : 1) * clock_microseconds(word);
      continue;
    }
    double number = 0;
    const auto result = std::from_chars(word.data(), word.data() + word.size(), number, std::chars_format::fixed);
    if (result.ec != std::errc()) fail();
    std::string unit(result.ptr, word.data() + word.size());
    const bool more = i + 1 < words.size() && words[i + 1] != "ago";
    if (unit.empty() && more && words[i + 1][0] >= 'a')
      unit = words[++i];
    else if (unit.empty() && more)
      fail();
    add_field(sum, negative ? -number : number, unit);
  }
  if (ago) sum = {-sum.months, -sum.days, -sum.microseconds};
  return checked(sum.months, sum.days, sum.microseconds);
}

std::string write_interval(const Interval& interval) {
  std::string text;
  bool negative_before = false, first = true;
  const auto part = [&](std::int64_t number, const char* unit) {
    if (number == 0) return;
    if (!first) text += ' ';
    if (number > 0 && negative_before) text += '+';
    text += std::to_string(number) + " " + unit + (number == 1 ? "" : "s");
    negative_before = number < 0;
    first = false;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (interval.microseconds == 0 && !first) return text;
  const bool negative = interval.microseconds < 0;
  const std::int64_t time = negative ? -interval.microseconds : interval.microseconds;
  if (!first) text += ' ';
  text += negative ? "-" : negative_before ? "+" : "";
  char clock[64];
  std::snprintf(clock, sizeof clock, "%02lld:%02lld:%02lld", static_cast<long long>(time / kHour),
                static_cast<long long>(time / kMinute % 60), static_cast<long long>(time / kSecond % 60));
  text += clock;
  if (time % kSecond != 0) {
    std::snprintf(clock, sizeof clock, ".%06lld", static_cast<long long>(time % kSecond));
    const std::string fraction = clock;
    text += fraction.substr(0, fraction.find_last_not_of('0') + 1);
  }
  return text;
}

Interval add(const Interval& a, const Interval& b, int sign) {
  const std::int64_t months = std::int64_t{a.months} + sign * std::int64_t{b.months};
  const std::int64_t days = std::int64_t{a.days} + sign * std::int64_t{b.days};
  std::int64_t time = 0;
  const bool over = sign > 0 ? __builtin_add_overflow(a.microseconds, b.microseconds, &time)
                             : __builtin_sub_overflow(a.microseconds, b.microseconds, &time);
  if (over || months != static_cast<std::int32_t>(months) || days != static_cast<std::int32_t>(days)) {
    throw StatementError("22008", "interval out of range");
  }
  return {static_cast<std::int32_t>(months), static_cast<std::int32_t>(days), time};
}

Interval multiply(const Interval& a, double factor) {
  // As interval_mul: what is left of months goes to days, what is left of days to the time.
  const double months = a.months * factor, days = a.days * factor;
  const double whole_months = std::trunc(months), whole_days = std::trunc(days);
  double rest_days = (months - whole_months) * 30;
  rest_days = std::nearbyint(rest_days * 1e6) / 1e6;
  double rest_seconds = (days - whole_days + rest_days - std::trunc(rest_days)) * 86'400.0;
  rest_seconds = std::nearbyint(rest_seconds * 1e6) / 1e6;
  double all_days = whole_days + std::trunc(rest_days);
  if (std::fabs(rest_seconds) >= 86'400) {
    all_days += std::trunc(rest_seconds / 86'400);
    rest_seconds -= std::trunc(rest_seconds / 86'400) * 86'400;
  }
  const double time = std::nearbyint(static_cast<double>(a.microseconds) * factor + rest_seconds * 1e6);
  return checked(whole_months, all_days, time);
}

Interval truncate(std::string_view field, const Interval& interval) {
  Interval result = interval;
  const auto unit = [&](std::int64_t length) { result.microseconds = interval.microseconds / length * length; };
  if (field == "second")
    unit(kSecond);
  else if (field == "minute")
    unit(kMinute);
  else if (field == "hour")
    unit(kHour);
  else if (field == "day")
    result.microseconds = 0;
  else if (field == "month")
    result = {interval.months, 0, 0};
  else if (field == "year")
    result = {interval.months / 12 * 12, 0, 0};
  else
    throw not_supported("date_trunc of an interval to \"" + std::string(field) + "\" is not supported");
  return result;
}

}  // namespace peerd::sql
