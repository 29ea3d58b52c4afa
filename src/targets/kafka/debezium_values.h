#pragma once

#include <string>
#include <string_view>

#include "peerd/changes/table.h"

// Values as Debezium's Postgres connector has them with its default settings (time.precision.mode adaptive,
// decimal.handling.mode precise, hstore and interval handling by default), in the JSON that Connect's JsonConverter makes of
// them. docs/targets/kafka.md has the table.
namespace peerd::kafka::debezium {

enum class Form : std::uint8_t {
  text, boolean, number, floating, numeric, any_numeric, money, bit, bits, bytea, date, time, timestamp, timestamptz, timetz,
  interval, point, hstore
};

/// How a column's values are written.
struct Shape {
  Form form = Form::text;
  bool array = false;  ///< Of values of that form.
  int scale = 0;       ///< Of numeric(p,s).
  int precision = 6;   ///< Of times.
  /// What stands for a value that nothing knows, as JSON of the same form as a value.
  std::string_view unavailable;
};
Shape shape_of(const Column& column);

/// nullptr, or what is wrong with the value.
const char* append_value(const Shape& shape, std::string_view text, std::string& out);

}  // namespace peerd::kafka::debezium
