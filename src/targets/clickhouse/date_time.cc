#include "clickhouse/date_time.h"

#include <limits>

#include "calendar.h"
#include "clickhouse/wrong.h"
#include "peerd/postgres/types.h"

namespace peerd::clickhouse {
namespace {

using calendar::kDayMicroseconds;

constexpr const char* kInfinite = "an infinite date, which ClickHouse cannot hold";
constexpr const char* kTooFine = "a time with more digits after the seconds than the column's type has";
constexpr const char* kBeyond = "a date outside of what the column's type holds";
constexpr const char* kOutOfRange = "a date outside of 1900 to 2299, which ClickHouse cannot hold";

const char* take_date(std::string_view& text, bool bc, std::int64_t& days) {
  calendar::Date date;
  if (!calendar::take_date(text, date)) return kMalformed;
  if (bc || date.year < 1900 || date.year > 2299) return kOutOfRange;
  days = calendar::days_of(date);
  return nullptr;
}

const char* infinity_or_end(std::string_view& text, bool& bc) {
  if (text == "infinity" || text == "-infinity") return kInfinite;
  bc = calendar::take_era(text);
  return nullptr;
}

}  // namespace

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
  std::int64_t days = 0, clock = 0, zone = 0;
  if (const char* wrong = take_date(text, bc, days)) return wrong;
  if (!calendar::take(text, ' ') || !calendar::take_clock(text, clock) || !calendar::take_zone(text, zone)) return kMalformed;
  microseconds = days * kDayMicroseconds + clock - zone * 1'000'000;
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

const char* ticks_of(std::int64_t microseconds, unsigned scale, std::int64_t& ticks) {
  std::int64_t factor = 1;
  for (unsigned i = scale; i < 6; ++i) factor *= 10;
  if (microseconds % factor != 0) return kTooFine;
  ticks = microseconds / factor;
  for (unsigned i = 6; i < scale; ++i) {
    if (__builtin_mul_overflow(ticks, 10, &ticks)) return kBeyond;
  }
  return nullptr;
}

const char* seconds_of(std::int64_t microseconds, std::uint32_t& seconds) {
  std::int64_t value = 0;
  if (const char* wrong = ticks_of(microseconds, 0, value)) return wrong;
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) return kBeyond;
  seconds = static_cast<std::uint32_t>(value);
  return nullptr;
}

const char* day_of(std::int32_t days, std::uint16_t& day) {
  if (days < 0 || days > std::numeric_limits<std::uint16_t>::max()) return kBeyond;
  day = static_cast<std::uint16_t>(days);
  return nullptr;
}

}  // namespace peerd::clickhouse
