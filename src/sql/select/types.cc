#include "types.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

struct Facts {
  std::uint32_t type, array;
  Category category;
  int rank;  ///< Among numbers and times: the higher takes the lower.
  std::string_view name, full;
};
constexpr std::array<Facts, 20> kFacts = {{
    {oid::kUnknown, 0, Category::unknown, 0, "unknown", "unknown"},
    {oid::kUnknownText, 0, Category::unknown, 0, "unknown", "unknown"},
    {oid::kBool, 1000, Category::boolean, 0, "bool", "boolean"},
    {oid::kInt2, 1005, Category::number, 1, "int2", "smallint"},
    {oid::kInt4, 1007, Category::number, 2, "int4", "integer"},
    {oid::kInt8, 1016, Category::number, 3, "int8", "bigint"},
    {oid::kOid, 1028, Category::number, 4, "oid", "oid"},
    {oid::kRegclass, 2210, Category::number, 5, "regclass", "regclass"},
    {oid::kRegtype, 2211, Category::number, 5, "regtype", "regtype"},
    {oid::kRegproc, 1008, Category::number, 5, "regproc", "regproc"},
    {oid::kNumeric, 1231, Category::number, 6, "numeric", "numeric"},
    {oid::kFloat8, 1022, Category::number, 7, "float8", "double precision"},
    {oid::kText, 1009, Category::text, 0, "text", "text"},
    {oid::kVarchar, 1015, Category::text, 0, "varchar", "character varying"},
    {oid::kName, 1003, Category::text, 0, "name", "name"},
    {oid::kDate, 1182, Category::time, 1, "date", "date"},
    {oid::kTimestamp, 1115, Category::time, 2, "timestamp", "timestamp without time zone"},
    {oid::kTimestamptz, 1185, Category::time, 3, "timestamptz", "timestamp with time zone"},
    {oid::kInterval, 1187, Category::interval, 0, "interval", "interval"},
    {oid::kVoid, 0, Category::nothing, 0, "void", "void"},
}};

const Facts* facts_of_type(std::uint32_t type) {
  for (const auto& facts : kFacts) {
    if (facts.type == type) return &facts;
  }
  return nullptr;
}

struct Spelling {
  std::string_view written;
  std::uint32_t type;
};
constexpr std::array<Spelling, 12> kSpellings = {{{"boolean", oid::kBool},
                                                  {"int", oid::kInt4},
                                                  {"integer", oid::kInt4},
                                                  {"smallint", oid::kInt2},
                                                  {"bigint", oid::kInt8},
                                                  {"double precision", oid::kFloat8},
                                                  {"float", oid::kFloat8},
                                                  {"decimal", oid::kNumeric},
                                                  {"dec", oid::kNumeric},
                                                  {"character varying", oid::kVarchar},
                                                  {"timestamp without time zone", oid::kTimestamp},
                                                  {"timestamp with time zone", oid::kTimestamptz}}};

bool is_wide(std::uint32_t type) { return type == oid::kOid || is_object_number(type); }
bool is_whole(std::uint32_t type) { return is_integer(type) || is_wide(type); }

}  // namespace

bool is_object_number(std::uint32_t type) {
  return type == oid::kRegclass || type == oid::kRegtype || type == oid::kRegproc;
}

Category category(std::uint32_t type) {
  if (const auto* facts = facts_of_type(type)) return facts->category;
  return element_of(type) != 0 ? Category::array : Category::nothing;
}

std::string full_name(std::uint32_t type) {
  if (const auto* facts = facts_of_type(type)) return std::string(facts->full);
  if (const auto element = element_of(type)) return full_name(element) + "[]";
  return "oid " + std::to_string(type);
}

std::string short_name(std::uint32_t type) {
  if (const auto* facts = facts_of_type(type)) return std::string(facts->name);
  if (const auto element = element_of(type)) return "_" + short_name(element);
  return std::to_string(type);
}

std::uint32_t type_of_name(std::string_view name) {
  for (const auto& spelling : kSpellings) {
    if (spelling.written == name) return spelling.type;
  }
  for (const auto& facts : kFacts) {
    if (facts.name == name && facts.type != oid::kUnknownText && facts.type != oid::kVoid) return facts.type;
  }
  return 0;
}

std::uint32_t array_of(std::uint32_t element) {
  const auto* facts = facts_of_type(element);
  return facts ? facts->array : 0;
}

std::uint32_t element_of(std::uint32_t array) {
  if (array == 0) return 0;
  for (const auto& facts : kFacts) {
    if (facts.array == array) return facts.type;
  }
  return 0;
}

bool converts(std::uint32_t from, std::uint32_t to) {
  if (from == to) return true;
  const auto *a = facts_of_type(from), *b = facts_of_type(to);
  if (!a || !b) return category(from) == Category::unknown;
  if (a->category == Category::unknown) return true;
  if (a->category != b->category) return false;
  if (a->category == Category::text) return true;
  if (is_wide(from) && to == oid::kOid) return true;
  if (is_wide(from) && !is_wide(to)) return to == oid::kInt8;
  if (to == oid::kInt8 && is_wide(from)) return true;
  return (a->category == Category::number || a->category == Category::time) && a->rank <= b->rank;
}

std::uint32_t common_type(std::uint32_t a, std::uint32_t b) {
  if (category(a) == Category::unknown) return b;
  if (category(b) == Category::unknown) return a;
  if (a == b) return a;
  if (category(a) == Category::text && category(b) == Category::text) return oid::kText;
  if (converts(a, b)) return b;
  return converts(b, a) ? a : 0;
}

double to_double(const Decimal& value) { return std::strtod(format_decimal(value).c_str(), nullptr); }

Decimal to_decimal(double value) {
  if (!std::isfinite(value)) throw not_supported("a numeric that is no finite number is not supported");
  char text[64];
  std::snprintf(text, sizeof text, "%.15g", value);
  return parse_decimal(text);
}

std::int64_t in_range(std::int64_t value, std::uint32_t type) {
  bool fits = true;
  if (type == oid::kInt2) fits = value >= INT16_MIN && value <= INT16_MAX;
  if (type == oid::kInt4) fits = value >= INT32_MIN && value <= INT32_MAX;
  if (is_wide(type)) fits = value >= 0 && value <= UINT32_MAX;
  if (!fits) throw StatementError("22003", full_name(type) + " out of range");
  return value;
}

std::int64_t to_integer(const Decimal& value, std::uint32_t type) {
  const Int128 whole = rescale(value, 0).digits;
  if (whole > std::numeric_limits<std::int64_t>::max() || whole < std::numeric_limits<std::int64_t>::min()) {
    throw StatementError("22003", full_name(type) + " out of range");
  }
  return in_range(static_cast<std::int64_t>(whole), type);
}

std::int64_t to_integer(double value, std::uint32_t type) {
  const double whole = std::nearbyint(value);
  if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) {
    throw StatementError("22003", full_name(type) + " out of range");
  }
  return in_range(static_cast<std::int64_t>(whole), type);
}

namespace {

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;

template <std::uint32_t to>
Value integer_to_integer(const Value& v) {
  return in_range(v.integer(), to);
}
template <std::uint32_t to>
Value decimal_to_integer(const Value& v) {
  return to_integer(v.decimal(), to);
}
template <std::uint32_t to>
Value real_to_integer(const Value& v) {
  return to_integer(v.real(), to);
}
template <std::uint32_t to>
Value text_to(const Value& v) {
  return read_value(to, v.text());
}
template <std::uint32_t from>
Value to_text(const Value& v) {
  return write_value(from, v);
}
Value same(const Value& v) { return v; }

template <std::uint32_t to>
Convert to_whole(std::uint32_t from) {
  if (is_whole(from)) return integer_to_integer<to>;
  if (from == oid::kNumeric && !is_wide(to)) return decimal_to_integer<to>;
  if (from == oid::kFloat8 && !is_wide(to)) return real_to_integer<to>;
  if (from == oid::kBool && to == oid::kInt4) return [](const Value& v) -> Value { return std::int64_t{v.truth()}; };
  return nullptr;
}

Convert to_number(std::uint32_t from, std::uint32_t to) {
  switch (to) {
    case oid::kInt2:
      return to_whole<oid::kInt2>(from);
    case oid::kInt4:
      return to_whole<oid::kInt4>(from);
    case oid::kInt8:
      return to_whole<oid::kInt8>(from);
    case oid::kOid:
    case oid::kRegclass:
    case oid::kRegtype:
    case oid::kRegproc:
      return to_whole<oid::kOid>(from);
    case oid::kNumeric:
      if (from == oid::kFloat8) return [](const Value& v) -> Value { return to_decimal(v.real()); };
      if (is_integer(from) && !is_wide(from)) return [](const Value& v) -> Value { return Decimal{v.integer(), 0}; };
      return nullptr;
    case oid::kFloat8:
      if (from == oid::kNumeric) return [](const Value& v) -> Value { return to_double(v.decimal()); };
      if (is_integer(from) && !is_wide(from)) {
        return [](const Value& v) -> Value { return static_cast<double>(v.integer()); };
      }
      return nullptr;
    default:
      return nullptr;
  }
}

Convert to_time(std::uint32_t from, std::uint32_t to) {
  if (category(from) != Category::time) return nullptr;
  if (from == oid::kDate) return [](const Value& v) -> Value { return v.integer() * kDayMicroseconds; };
  if (to != oid::kDate) return same;  // The session's time zone is UTC.
  return [](const Value& v) -> Value {
    const std::int64_t days = v.integer() / kDayMicroseconds;
    return days - (v.integer() % kDayMicroseconds < 0 ? 1 : 0);
  };
}

Convert from_text(std::uint32_t to) {
  switch (to) {
    case oid::kBool:
      return text_to<oid::kBool>;
    case oid::kInt2:
      return text_to<oid::kInt2>;
    case oid::kInt4:
      return text_to<oid::kInt4>;
    case oid::kInt8:
      return text_to<oid::kInt8>;
    case oid::kOid:
      return text_to<oid::kOid>;
    case oid::kNumeric:
      return text_to<oid::kNumeric>;
    case oid::kFloat8:
      return text_to<oid::kFloat8>;
    case oid::kDate:
      return text_to<oid::kDate>;
    case oid::kTimestamp:
      return text_to<oid::kTimestamp>;
    case oid::kTimestamptz:
      return text_to<oid::kTimestamptz>;
    case oid::kInterval:
      return text_to<oid::kInterval>;
    default:
      return nullptr;
  }
}

Convert into_text(std::uint32_t from) {
  switch (from) {
    case oid::kBool:
      // Not the output function's 't': a cast of its own.
      return [](const Value& v) -> Value { return std::string(v.truth() ? "true" : "false"); };
    case oid::kNumeric:
      return to_text<oid::kNumeric>;
    case oid::kFloat8:
      return to_text<oid::kFloat8>;
    case oid::kDate:
      return to_text<oid::kDate>;
    case oid::kTimestamp:
      return to_text<oid::kTimestamp>;
    case oid::kTimestamptz:
      return to_text<oid::kTimestamptz>;
    case oid::kInterval:
      return to_text<oid::kInterval>;
    case oid::kRegtype:
      return to_text<oid::kRegtype>;
    case oid::kRegproc:
      return to_text<oid::kRegproc>;
    default:
      return is_whole(from) ? to_text<oid::kInt8> : nullptr;
  }
}

}  // namespace

Convert find_cast(std::uint32_t from, std::uint32_t to) {
  if (from == to) return same;
  const Category a = category(from), b = category(to);
  if (b == Category::text) return a == Category::text ? same : into_text(from);
  if (a == Category::text) return from_text(to);
  if (b == Category::number) return to_number(from, to);
  if (b == Category::time) return to_time(from, to);
  if (b == Category::boolean && from == oid::kInt4) {
    return [](const Value& v) -> Value { return v.integer() != 0; };
  }
  return nullptr;
}

}  // namespace peerd::sql
