#include "clickhouse/values.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "clickhouse/date_time.h"
#include "clickhouse/decimal.h"
#include "peerd/base/encoding.h"

namespace peerd::clickhouse {
namespace {

static_assert(std::endian::native == std::endian::little, "Native blocks are written as memory has them");

constexpr const char* kMalformed = "not a value of the column's type";

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
    case Scalar::date: {
      std::int32_t days = 0;
      const char* wrong = date_from_text(text, days);
      return append_if_right(wrong, days, out);
    }
    case Scalar::timestamp: {
      std::int64_t microseconds = 0;
      const char* wrong = timestamp_from_text(text, microseconds);
      return append_if_right(wrong, microseconds, out);
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
    case Scalar::date: {
      if (bytes.size() != 4) return kMalformed;
      std::int32_t days = 0;
      const char* wrong = date_from_binary(big_endian<std::int32_t>(bytes.data()), days);
      return append_if_right(wrong, days, out);
    }
    case Scalar::timestamp: {
      if (bytes.size() != 8) return kMalformed;
      std::int64_t microseconds = 0;
      const char* wrong = timestamp_from_binary(big_endian<std::int64_t>(bytes.data()), microseconds);
      return append_if_right(wrong, microseconds, out);
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
