#include "clickhouse/nearest.h"

#include <algorithm>
#include <limits>
#include <string>

#include "calendar.h"
#include "clickhouse/date_time.h"
#include "clickhouse/decimal.h"
#include "clickhouse/values.h"

namespace peerd::clickhouse {
namespace {

/// The least or the greatest integer of the width.
Magnitude bound(const ColumnType& type, bool negative) {
  Magnitude value;
  const unsigned bits = type.width * 8u - (type.is_signed ? 1 : 0);
  if (negative && !type.is_signed) return value;
  value.negative = negative;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned from = i * 64;
    if (bits >= from + 64) {
      value.words[i] = ~std::uint64_t{0};
    } else if (bits > from) {
      value.words[i] = (std::uint64_t{1} << (bits - from)) - 1;
    }
  }
  if (negative) value.multiply_add(1, 1);
  return value;
}

/// Adds one to a number's digits.
void increase(std::string& digits) {
  for (std::size_t i = digits.size(); i > 0; --i) {
    if (digits[i - 1] != '9') {
      ++digits[i - 1];
      return;
    }
    digits[i - 1] = '0';
  }
  digits.insert(digits.begin(), '1');
}

/// The digits of `text`, a number without sign, rounded to `scale` behind the point.
bool rounded(std::string_view text, unsigned scale, std::string& digits) {
  const std::size_t point = std::min(text.find('.'), text.size());
  digits = text.substr(0, point);
  std::string fraction(point < text.size() ? text.substr(point + 1) : "");
  const auto only_digits = [](const std::string& part) { return part.find_first_not_of("0123456789") == std::string::npos; };
  if (digits.empty() || !only_digits(digits) || !only_digits(fraction)) return false;
  const bool up = fraction.size() > scale && fraction[scale] >= '5';
  fraction.resize(scale, '0');
  digits += fraction;
  if (up) increase(digits);
  return true;
}

bool nearest_number(const ColumnType& type, std::string_view text, Bytes& out) {
  const bool decimal = type.scalar == Scalar::decimal, negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  Magnitude value;
  bool fits = false;
  if (text != "Infinity") {
    std::string digits;
    if (!rounded(text, type.scale, digits)) return false;
    fits = decimal_from_text(digits, kMostDigits, 0, value) == nullptr;
    value.negative = negative && !value.zero();
    fits = fits && (decimal ? value.fits(type.precision) : value.fits_integer(type.width, type.is_signed));
  }
  if (!fits && decimal) {
    decimal_from_text(std::string(type.precision, '9'), type.precision, 0, value);
    value.negative = negative;
  } else if (!fits) {
    value = bound(type, negative);
  }
  value.store(out.extend(type.width), type.width);
  return true;
}

/// Of a date or time that the calendar here does not hold: is it before it? Years have four digits at least.
bool is_early(std::string_view text) {
  return text.starts_with('-') || text.ends_with(" BC") || (text.size() > 4 && text[4] == '-' && text < "1900");
}

bool is_date(std::string_view text) {
  return text == "infinity" || text == "-infinity" || (!text.empty() && text[0] >= '0' && text[0] <= '9');
}

bool nearest_date(const ColumnType& type, std::string_view text, Bytes& out) {
  if (!is_date(text)) return false;
  std::int32_t days = 0;
  if (date_from_text(text, days) != nullptr) days = static_cast<std::int32_t>(is_early(text) ? kFirstDay : kLastDay);
  if (type.scalar == Scalar::day) {
    out.append_raw(static_cast<std::uint16_t>(std::clamp<std::int32_t>(days, 0,
        std::numeric_limits<std::uint16_t>::max())));
  } else {
    out.append_raw(days);
  }
  return true;
}

bool nearest_time(const ColumnType& type, std::string_view text, Bytes& out) {
  if (!is_date(text)) return false;
  std::int64_t microseconds = 0;
  if (timestamp_from_text(text, microseconds) != nullptr) microseconds = is_early(text)
      ? kFirstMicrosecond : kLastMicrosecond;
  const bool seconds = type.scalar == Scalar::seconds;
  std::int64_t factor = 1, ticks = 0;
  for (unsigned i = seconds ? 0 : type.scale; i < 6; ++i) factor *= 10;
  // Never behind the last moment: of what is rounded up there the tick before is the nearest.
  const std::int64_t up = std::min(microseconds + factor / 2, kLastMicrosecond);
  ticks = up / factor - (up % factor < 0 ? 1 : 0);
  if (seconds) {
    out.append_raw(static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 0,
        std::numeric_limits<std::uint32_t>::max())));
    return true;
  }
  for (unsigned i = 6; i < type.scale; ++i) {
    if (__builtin_mul_overflow(ticks, 10, &ticks)) {
      ticks = std::numeric_limits<std::int64_t>::max();  // 1900 lies within; only what is late does not.
      break;
    }
  }
  out.append_raw(ticks);
  return true;
}

}  // namespace

bool has_order(const ColumnType& type) {
  switch (type.scalar) {
    case Scalar::integer:
    case Scalar::decimal:
    case Scalar::date:
    case Scalar::day:
    case Scalar::timestamp:
    case Scalar::seconds:
      return true;
    default:
      return false;
  }
}

bool append_nearest(const ColumnType& type, std::string_view text, Bytes& out) {
  switch (type.scalar) {
    case Scalar::integer:
    case Scalar::decimal:
      return nearest_number(type, text, out);
    case Scalar::date:
    case Scalar::day:
      return nearest_date(type, text, out);
    case Scalar::timestamp:
    case Scalar::seconds:
      return nearest_time(type, text, out);
    default:
      return false;
  }
}

}  // namespace peerd::clickhouse
