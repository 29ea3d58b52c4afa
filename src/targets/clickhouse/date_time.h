#pragma once

#include <cstdint>
#include <string_view>

#include "calendar.h"

namespace peerd::clickhouse {

// ClickHouse's Date32 and DateTime64 hold 1900-01-01 to 2299-12-31. What lies outside is refused.
inline constexpr std::int64_t kFirstDay = -25567, kLastDay = 120529;  ///< Days from 1970-01-01.
inline constexpr std::int64_t kFirstMicrosecond = kFirstDay * calendar::kDayMicroseconds;
inline constexpr std::int64_t kLastMicrosecond = (kLastDay + 1) * calendar::kDayMicroseconds - 1;

/// nullptr, or what is wrong with it.
const char* date_from_text(std::string_view text, std::int32_t& days);
const char* timestamp_from_text(std::string_view text, std::int64_t& microseconds);
/// From Postgres's binary form, which counts from 2000-01-01.
const char* date_from_binary(std::int32_t since_2000, std::int32_t& days);
const char* timestamp_from_binary(std::int64_t since_2000, std::int64_t& microseconds);

// Into the other types that a mapping may ask for.
/// DateTime64(scale): 10^-scale seconds from 1970 on.
const char* ticks_of(std::int64_t microseconds, unsigned scale, std::int64_t& ticks);
/// DateTime: 1970 to 2106.
const char* seconds_of(std::int64_t microseconds, std::uint32_t& seconds);
/// Date: 1970-01-01 to 2149-06-06.
const char* day_of(std::int32_t days, std::uint16_t& day);

}  // namespace peerd::clickhouse
