#pragma once

#include <string>
#include <string_view>

// What Debezium makes numbers or structures of. Each takes Postgres's text and returns nullptr, or what is wrong with it.
namespace peerd::kafka::debezium {

/// Connect's Decimal: the unscaled number's two's complement, highest byte first, as base64.
const char* append_decimal(std::string_view text, int scale, std::string& out);
/// VariableScaleDecimal, without the zeros at the end: {"scale":1,"value":"Dw=="}.
const char* append_any_decimal(std::string_view text, std::string& out);
const char* append_money(std::string_view text, std::string& out);  ///< A Decimal with scale 2.
/// The bits as a number, lowest byte first, as many bytes as it needs.
const char* append_bits(std::string_view text, std::string& out);
/// A real or a double precision as Java writes it, always with a point: 1e+10 is 1.0E10.
const char* append_floating(std::string_view text, std::string& out);
const char* append_point(std::string_view text, std::string& out);

const char* append_days(std::string_view text, std::string& out);  ///< Since 1970.
/// Milliseconds with a precision up to 3, else microseconds; of a timestamp since 1970.
const char* append_time_of_day(std::string_view text, int precision, std::string& out);
const char* append_timestamp(std::string_view text, int precision, std::string& out);
const char* append_timestamptz(std::string_view text, int precision, std::string& out);  ///< "2026-01-31T12:00:00.500000Z"
const char* append_timetz(std::string_view text, std::string& out);                      ///< "12:00:00.5Z"
/// Microseconds; a month has 365.25 / 12 days.
const char* append_interval(std::string_view text, std::string& out);

}  // namespace peerd::kafka::debezium
