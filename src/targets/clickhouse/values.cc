#include "clickhouse/values.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "clickhouse/date_time.h"
#include "clickhouse/decimal.h"
#include "clickhouse/wrong.h"
#include "peerd/base/encoding.h"

namespace peerd::clickhouse {
namespace {

static_assert(std::endian::native == std::endian::little, "Native blocks are written as memory has them");

constexpr const char* kBeyond = "a number outside of what the column's type holds";

template <class T>
T big_endian(const char* at) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(at[i]));
  return static_cast<T>(value);
}

template <class T>
const char* number_from_text(std::string_view text, Bytes& out) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return kMalformed;
  out.append_raw(value);
  return nullptr;
}

template <class T>
const char* float_from_text(std::string_view text, Bytes& out) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return kMalformed;
  // from_chars leaves the value alone where it underflows; Postgres writes denormals out in full.
  if (error == std::errc::result_out_of_range)
    value = static_cast<T>(std::strtold(std::string(text).c_str(), nullptr));
  else if (error != std::errc{})
    return kMalformed;
  if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();
  out.append_raw(value);
  return nullptr;
}

template <class T>
const char* integer_from_binary(std::string_view bytes, Bytes& out) {
  if (bytes.size() != sizeof(T)) return kMalformed;
  out.append_raw(big_endian<T>(bytes.data()));
  return nullptr;
}

template <class T, class Bits>
const char* float_from_binary(std::string_view bytes, Bytes& out) {
  if (bytes.size() != sizeof(T)) return kMalformed;
  T value = std::bit_cast<T>(big_endian<Bits>(bytes.data()));
  if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();  // As the text form: Postgres knows one NaN.
  out.append_raw(value);
  return nullptr;
}

/// bytea_output = hex: "\x00ff".
const char* bytes_from_text(std::string_view text, Bytes& out) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return kMalformed;
  text.remove_prefix(2);
  const std::size_t before = out.size();
  out.append_varint(text.size() / 2);
  char* at = out.extend(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) {
      out.cut(before);
      return kMalformed;
    }
    *at++ = static_cast<char>(high << 4 | low);
  }
  return nullptr;
}

/// ClickHouse keeps a UUID as two numbers, the first half first.
void append_uuid(const char* bytes, Bytes& out) {
  out.append_raw(big_endian<std::uint64_t>(bytes));
  out.append_raw(big_endian<std::uint64_t>(bytes + 8));
}

const char* uuid_from_text(std::string_view text, Bytes& out) {
  char bytes[16];
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '-') {
      ++i;
      continue;
    }
    const int high = hex_digit(text[i]), low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    if (high < 0 || low < 0 || count == 16) return kMalformed;
    bytes[count++] = static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (count != 16) return kMalformed;
  append_uuid(bytes, out);
  return nullptr;
}

const char* append_decimal(const ColumnType& type, const char* wrong, const Magnitude& value, Bytes& out) {
  if (wrong == nullptr) value.store(out.extend(type.width), type.width);
  return wrong;
}

template <class T>
const char* append_if_right(const char* wrong, const T& value, Bytes& out) {
  if (wrong == nullptr) out.append_raw(value);
  return wrong;
}

/// Of any width: the digits of a decimal without a fraction, in the range of the type.
const char* integer_of(const ColumnType& type, const char* wrong, const Magnitude& value, Bytes& out) {
  if (wrong == nullptr && !value.fits_integer(type.width, type.is_signed)) wrong = kBeyond;
  if (wrong == nullptr) value.store(out.extend(type.width), type.width);
  return wrong;
}

const char* integer_from_text(const ColumnType& type, std::string_view text, Bytes& out) {
  Magnitude value;
  const char* wrong = decimal_from_text(text, kMostDigits, 0, value);
  return integer_of(type, wrong, value, out);
}

const char* integer_from_binary(const ColumnType& type, std::string_view bytes, Bytes& out) {
  if (bytes.size() != 2 && bytes.size() != 4 && bytes.size() != 8) return kMalformed;
  const std::int64_t number = bytes.size() == 2   ? big_endian<std::int16_t>(bytes.data())
                              : bytes.size() == 4 ? big_endian<std::int32_t>(bytes.data())
                                                  : big_endian<std::int64_t>(bytes.data());
  Magnitude value;
  value.negative = number < 0;
  value.words[0] = number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
  return integer_of(type, nullptr, value, out);
}

/// Days, or microseconds, from 1970 on, as the type counts them.
const char* append_days(const ColumnType& type, const char* wrong, std::int32_t days, Bytes& out) {
  std::uint16_t day = 0;
  if (type.scalar == Scalar::date) return append_if_right(wrong, days, out);
  if (wrong == nullptr) wrong = day_of(days, day);
  return append_if_right(wrong, day, out);
}

const char* append_time(const ColumnType& type, const char* wrong, std::int64_t microseconds, Bytes& out) {
  std::int64_t ticks = 0;
  std::uint32_t seconds = 0;
  if (type.scalar == Scalar::seconds) {
    if (wrong == nullptr) wrong = seconds_of(microseconds, seconds);
    return append_if_right(wrong, seconds, out);
  }
  if (wrong == nullptr) wrong = ticks_of(microseconds, type.scale, ticks);
  return append_if_right(wrong, ticks, out);
}

}  // namespace

const char* append_text(const ColumnType& type, std::string_view text, Bytes& out) {
  switch (type.scalar) {
    case Scalar::boolean:
      if (text != "t" && text != "f") return kMalformed;
      out.append(text == "t" ? '\1' : '\0');
      return nullptr;
    case Scalar::int16:
      return number_from_text<std::int16_t>(text, out);
    case Scalar::int32:
      return number_from_text<std::int32_t>(text, out);
    case Scalar::int64:
      return number_from_text<std::int64_t>(text, out);
    case Scalar::integer:
      return integer_from_text(type, text, out);
    case Scalar::float32:
      return float_from_text<float>(text, out);
    case Scalar::float64:
      return float_from_text<double>(text, out);
    case Scalar::decimal: {
      Magnitude value;
      const char* wrong = decimal_from_text(text, type.precision, type.scale, value);
      return append_decimal(type, wrong, value, out);
    }
    case Scalar::bytes:
      return bytes_from_text(text, out);
    case Scalar::uuid:
      return uuid_from_text(text, out);
    case Scalar::date:
    case Scalar::day: {
      std::int32_t days = 0;
      const char* wrong = date_from_text(text, days);
      return append_days(type, wrong, days, out);
    }
    case Scalar::timestamp:
    case Scalar::seconds: {
      std::int64_t microseconds = 0;
      const char* wrong = timestamp_from_text(text, microseconds);
      return append_time(type, wrong, microseconds, out);
    }
    case Scalar::text:
    case Scalar::jsonb:
      out.append_string(text);
      return nullptr;
  }
  return kMalformed;
}

const char* append_binary(const ColumnType& type, std::string_view bytes, Bytes& out) {
  switch (type.scalar) {
    case Scalar::boolean:
      if (bytes.size() != 1) return kMalformed;
      out.append(bytes[0] != 0 ? '\1' : '\0');
      return nullptr;
    case Scalar::int16:
      return integer_from_binary<std::int16_t>(bytes, out);
    case Scalar::int32:
      return integer_from_binary<std::int32_t>(bytes, out);
    case Scalar::int64:
      return integer_from_binary<std::int64_t>(bytes, out);
    case Scalar::integer:
      return integer_from_binary(type, bytes, out);
    case Scalar::float32:
      return float_from_binary<float, std::uint32_t>(bytes, out);
    case Scalar::float64:
      return float_from_binary<double, std::uint64_t>(bytes, out);
    case Scalar::decimal: {
      Magnitude value;
      const char* wrong = decimal_from_binary(bytes, type.precision, type.scale, value);
      return append_decimal(type, wrong, value, out);
    }
    case Scalar::uuid:
      if (bytes.size() != 16) return kMalformed;
      append_uuid(bytes.data(), out);
      return nullptr;
    case Scalar::date:
    case Scalar::day: {
      if (bytes.size() != 4) return kMalformed;
      std::int32_t days = 0;
      const char* wrong = date_from_binary(big_endian<std::int32_t>(bytes.data()), days);
      return append_days(type, wrong, days, out);
    }
    case Scalar::timestamp:
    case Scalar::seconds: {
      if (bytes.size() != 8) return kMalformed;
      std::int64_t microseconds = 0;
      const char* wrong = timestamp_from_binary(big_endian<std::int64_t>(bytes.data()), microseconds);
      return append_time(type, wrong, microseconds, out);
    }
    case Scalar::jsonb:
      if (bytes.empty() || bytes[0] != 1) return kMalformed;  // The version of jsonb_send.
      out.append_string(bytes.substr(1));
      return nullptr;
    case Scalar::text:
    case Scalar::bytes:
      out.append_string(bytes);
      return nullptr;
  }
  return kMalformed;
}

void append_default(const ColumnType& type, Bytes& out) {
  // A string of length zero is one zero byte, too.
  out.append_zeros(type.width == 0 ? 1 : type.width);
}

}  // namespace peerd::clickhouse
