#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "value.h"

// Dates, timestamps and intervals. All in UTC, the only time zone of a session; timestamps are microseconds since 2000.
namespace peerd::sql {

/// Year, month and day behind each other, an optional time behind a blank or T, an optional zone (Z, UTC, +01, -05:30);
/// now, today, tomorrow, yesterday, epoch. Without `zoned` a written zone is passed over, as Postgres does. Throws
/// StatementError: 22007, 22008.
std::int64_t read_timestamp(std::string_view text, bool zoned);
std::int64_t read_date(std::string_view text);
/// 1 day 02:03:04, -1 hour, 2 weeks ago, 1.5 hours.
Interval read_interval(std::string_view text);

std::string write_timestamp(std::int64_t microseconds, bool zoned);
std::string write_date(std::int64_t days);
std::string write_interval(const Interval& interval);

std::int64_t now_microseconds();

std::int64_t add(std::int64_t timestamp, const Interval& interval, int sign);
Interval add(const Interval& a, const Interval& b, int sign);
Interval multiply(const Interval& a, double factor);
/// Days and a time, never months: what timestamp - timestamp is.
Interval difference(std::int64_t a, std::int64_t b);
/// Years, months, days: what age() is.
Interval age(std::int64_t a, std::int64_t b);

std::int64_t truncate(std::string_view field, std::int64_t timestamp);
Interval truncate(std::string_view field, const Interval& interval);
/// EXTRACT: numeric in whole numbers, or with six digits behind the point.
Decimal extract(std::string_view field, std::int64_t timestamp, std::string_view type);
Decimal extract(std::string_view field, const Interval& interval);

/// to_char() for the patterns that are known; 0A000 for others.
std::string to_char(std::int64_t timestamp, std::string_view pattern, bool zoned);

}  // namespace peerd::sql
