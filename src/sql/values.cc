#include "values.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <vector>

#include "peerd/base/text.h"
#include "binary_arrays.h"
#include "select/proc_names.h"
#include "select/times.h"
#include "select/types.h"
#include "statement_error.h"
#include "timestamps.h"

namespace peerd::sql {
namespace {

struct TypeFacts {
  std::uint32_t type;
  std::int16_t length;
  std::string_view name;
};
constexpr std::array<TypeFacts, 22> kTypes = {{{oid::kBool, 1, "bool"},
                                               {oid::kBytea, -1, "bytea"},
                                               {oid::kName, 64, "name"},
                                               {oid::kInt8, 8, "int8"},
                                               {oid::kInt2, 2, "int2"},
                                               {oid::kInt4, 4, "int4"},
                                               {oid::kText, -1, "text"},
                                               {oid::kOid, 4, "oid"},
                                               {oid::kJson, -1, "json"},
                                               {oid::kFloat4, 4, "float4"},
                                               {oid::kFloat8, 8, "float8"},
                                               {oid::kBpchar, -1, "bpchar"},
                                               {oid::kVarchar, -1, "varchar"},
                                               {oid::kDate, 4, "date"},
                                               {oid::kTimestamp, 8, "timestamp"},
                                               {oid::kTimestamptz, 8, "timestamptz"},
                                               {oid::kNumeric, -1, "numeric"},
                                               {oid::kInterval, 16, "interval"},
                                               {oid::kUuid, 16, "uuid"},
                                               {oid::kRegclass, 4, "regclass"},
                                               {oid::kRegtype, 4, "regtype"},
                                               {oid::kRegproc, 4, "regproc"}}};

const TypeFacts* facts_of(std::uint32_t type) {
  for (const auto& facts : kTypes) {
    if (facts.type == type) return &facts;
  }
  return nullptr;
}

bool is_text(std::uint32_t type) {
  return type == oid::kText || type == oid::kVarchar || type == oid::kBpchar || type == oid::kName ||
         type == oid::kUnknown || type == oid::kUnknownText || type == oid::kJson;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

template <typename Number>
std::string shortest(Number value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

/// The messages name the type, never the value.
[[noreturn]] void bad_text(std::uint32_t type) {
  throw StatementError("22P02", "invalid input syntax for type " + std::string(type_name(type)));
}

constexpr std::int64_t kDay = 86'400'000'000;

bool is_time(std::uint32_t type) { return type == oid::kTimestamp || type == oid::kTimestamptz; }

/// Of years that have four digits; infinity and the like are far outside.
std::string decode_time(std::int64_t microseconds) {
  constexpr std::int64_t kYear = 365'250'000'000LL * 86'400 / 1000;
  if (microseconds < -1999 * kYear || microseconds > 7999 * kYear) {
    throw StatementError("22008", "timestamp out of range");
  }
  return format_timestamp(microseconds);
}

template <typename Number>
Number parse(std::string_view text, std::uint32_t type) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) bad_text(type);
  return value;
}

double parse_float(std::string_view text, std::uint32_t type) {
  const std::string lower = to_lower(text);
  if (lower == "nan") return std::nan("");
  if (lower == "infinity" || lower == "inf") return HUGE_VAL;
  if (lower == "-infinity" || lower == "-inf") return -HUGE_VAL;
  return parse<double>(text, type);
}

/// Of numeric: counts and digits in base 10,000 (numeric.c, numeric_send).
std::string encode_numeric(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto point = text.find('.');
  std::string whole(text.substr(0, point)), fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  const std::size_t scale = fraction.size();
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  fraction.append((4 - fraction.size() % 4) % 4, '0');
  std::vector<int> digits;
  const std::string all = whole + fraction;
  for (std::size_t i = 0; i < all.size(); i += 4)
    digits.push_back(parse<int>(std::string_view(all).substr(i, 4), oid::kNumeric));
  auto weight = static_cast<int>(whole.size() / 4) - 1;
  while (!digits.empty() && digits.front() == 0) {
    digits.erase(digits.begin());
    --weight;
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  std::string out = big_endian(digits.size(), 2) +
                    big_endian(digits.empty() ? 0 : static_cast<std::uint16_t>(weight), 2) +
                    big_endian(negative && !digits.empty() ? 0x4000 : 0, 2) + big_endian(scale, 2);
  for (const int digit : digits) out += big_endian(static_cast<std::uint64_t>(digit), 2);
  return out;
}

std::string decode_numeric(std::string_view bytes) {
  const auto bad = [] { return StatementError("22P03", "incorrect binary data format for type numeric"); };
  if (bytes.size() < 8 || bytes.size() % 2 != 0) throw bad();
  const auto field = [&](std::size_t i) {
    return static_cast<int>(static_cast<std::int16_t>(big_endian(bytes.substr(2 * i, 2))));
  };
  const int count = field(0), weight = field(1), sign = field(2), scale = field(3);
  if (sign != 0 && sign != 0x4000) throw not_supported("a numeric that is no finite number is not supported");
  if (count < 0 || bytes.size() != 8 + 2 * static_cast<std::size_t>(count) || scale < 0 || std::abs(weight) > 100 ||
      scale > 1000)
    throw bad();
  std::string whole, fraction;
  for (int w = std::max(weight, 0); w >= std::min(weight - count + 1, -1); --w) {
    const int i = weight - w;
    const int digit = i >= 0 && i < count ? field(4 + static_cast<std::size_t>(i)) : 0;
    if (digit < 0 || digit > 9999) throw bad();
    const std::string text = std::to_string(10'000 + digit).substr(1);
    (w >= 0 ? whole : fraction) += text;
  }
  fraction.resize(static_cast<std::size_t>(scale), '0');
  return (sign ? "-" : "") + whole + (scale > 0 ? "." + fraction : "");
}

std::string decode_interval(std::string_view bytes) {
  if (bytes.size() != 16) throw StatementError("22P03", "incorrect binary data format for type interval");
  Interval interval;
  interval.microseconds = static_cast<std::int64_t>(big_endian(bytes.substr(0, 8)));
  interval.days = static_cast<std::int32_t>(big_endian(bytes.substr(8, 4)));
  interval.months = static_cast<std::int32_t>(big_endian(bytes.substr(12, 4)));
  return write_interval(interval);
}

std::string decode_uuid(std::string_view bytes) {
  if (bytes.size() != 16) throw StatementError("22P03", "incorrect binary data format for type uuid");
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

bool parse_bool(std::string_view text) {
  const std::string lower = to_lower(text);
  for (const std::string_view word : {"t", "true", "y", "yes", "on", "1"}) {
    if (lower == word) return true;
  }
  for (const std::string_view word : {"f", "false", "n", "no", "off", "0"}) {
    if (lower == word) return false;
  }
  bad_text(oid::kBool);
}

}  // namespace

std::int16_t type_length(std::uint32_t type) {
  const auto* facts = facts_of(type);
  return facts ? facts->length : std::int16_t{-1};
}

std::string_view type_name(std::uint32_t type) {
  const auto* facts = facts_of(type);
  return facts ? facts->name : std::string_view("text");
}

bool is_known_type(std::uint32_t type) { return facts_of(type) != nullptr; }

bool is_integer(std::uint32_t type) {
  return type == oid::kInt2 || type == oid::kInt4 || type == oid::kInt8 || type == oid::kOid;
}

std::string decode_binary(std::uint32_t type, std::string_view bytes) {
  if (is_text(type)) return std::string(bytes);
  if (type == oid::kNumeric) return decode_numeric(bytes);
  if (type == oid::kUuid) return decode_uuid(bytes);
  if (element_of(type) != 0) return decode_array(type, bytes);
  if (type == oid::kInterval) return decode_interval(bytes);
  const auto* facts = facts_of(type);
  const bool fixed = is_integer(type) || type == oid::kBool || type == oid::kFloat4 || type == oid::kFloat8 ||
                     type == oid::kDate || is_time(type);
  if (!facts || !fixed) {
    throw not_supported(
        "binary parameters of type " + (facts ? std::string(facts->name) : std::to_string(type)) + " are not supported",
        "send the parameter in text form");
  }
  if (bytes.size() != static_cast<std::size_t>(facts->length)) {
    throw StatementError("22P03", "incorrect binary data format for type " + std::string(facts->name));
  }
  const std::uint64_t bits = big_endian(bytes);
  switch (type) {
    case oid::kBool:
      return bits ? "t" : "f";
    case oid::kInt2:
      return std::to_string(static_cast<std::int16_t>(bits));
    case oid::kInt4:
      return std::to_string(static_cast<std::int32_t>(bits));
    case oid::kInt8:
      return std::to_string(static_cast<std::int64_t>(bits));
    case oid::kFloat4:
      return shortest(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case oid::kFloat8:
      return shortest(std::bit_cast<double>(bits));
    case oid::kDate:
      return decode_time(static_cast<std::int32_t>(bits) * kDay).substr(0, 10);
    case oid::kTimestamp:
    case oid::kTimestamptz:
      return decode_time(static_cast<std::int64_t>(bits));
    default:
      return std::to_string(bits);  // oid
  }
}

std::string encode_binary(std::uint32_t type, std::string_view text) {
  if (is_text(type)) return std::string(text);
  if (element_of(type) != 0) return encode_array(type, text);
  switch (type) {
    case oid::kBool:
      return parse_bool(text) ? std::string("\1", 1) : std::string("\0", 1);
    case oid::kInt2:
      return big_endian(static_cast<std::uint64_t>(parse<std::int16_t>(text, type)), 2);
    case oid::kInt4:
      return big_endian(static_cast<std::uint64_t>(parse<std::int32_t>(text, type)), 4);
    case oid::kInt8:
      return big_endian(static_cast<std::uint64_t>(parse<std::int64_t>(text, type)), 8);
    case oid::kOid:
    case oid::kRegclass:
      return big_endian(parse<std::uint32_t>(text, type), 4);
    case oid::kRegproc:
      return big_endian(static_cast<std::uint64_t>(proc_number(text)), 4);
    case oid::kRegtype:
      return big_endian(type_of_name(text), 4);
    case oid::kFloat8:
      return big_endian(std::bit_cast<std::uint64_t>(parse_float(text, type)), 8);
    case oid::kNumeric:
      return encode_numeric(text);
    case oid::kDate:
      return big_endian(static_cast<std::uint64_t>(read_date(text)), 4);
    case oid::kInterval: {
      const Interval interval = read_interval(text);
      return big_endian(static_cast<std::uint64_t>(interval.microseconds), 8) +
             big_endian(static_cast<std::uint32_t>(interval.days), 4) +
             big_endian(static_cast<std::uint32_t>(interval.months), 4);
    }
    case oid::kTimestamp:
    case oid::kTimestamptz:
      if (const auto time = parse_timestamp(text)) return big_endian(static_cast<std::uint64_t>(*time), 8);
      bad_text(type);
    default:
      throw not_supported("results of type " + std::string(type_name(type)) + " in binary form are not supported",
                          "ask for text results, or cast the column to text");
  }
}

}  // namespace peerd::sql
