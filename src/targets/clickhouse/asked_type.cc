#include "clickhouse/asked_type.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "peerd/base/error.h"
#include "peerd/base/text.h"
#include "peerd/postgres/types.h"

namespace peerd::clickhouse {
namespace {

using namespace postgres;

/// What Postgres's types are to each other, seen from here.
enum class Family { integer, numeric, boolean, float4, float8, uuid, date, timestamp, timestamptz, bytes, other };

struct Origin {
  std::uint32_t oid = 0;  ///< Of the element of an array, beneath all domains.
  std::int32_t modifier = -1;
  bool array = false, domain = false;
  Family family = Family::other;
};

Family family_of(std::uint32_t oid) {
  switch (oid) {
    case kInt2Oid:
    case kInt4Oid:
    case kInt8Oid:
    case kOidOid:
      return Family::integer;
    case kNumericOid:
      return Family::numeric;
    case kBoolOid:
      return Family::boolean;
    case kFloat4Oid:
      return Family::float4;
    case kFloat8Oid:
      return Family::float8;
    case kUuidOid:
      return Family::uuid;
    case kDateOid:
      return Family::date;
    case kTimestampOid:
      return Family::timestamp;
    case kTimestamptzOid:
      return Family::timestamptz;
    case kByteaOid:
      return Family::bytes;
    default:
      return Family::other;
  }
}

Origin origin_of(const Column& column) {
  Origin origin;
  origin.domain = column.base.oid != 0;
  origin.oid = origin.domain ? column.base.oid : column.type_oid;
  origin.modifier = origin.domain ? column.base.modifier : column.type_modifier;
  if (const std::uint32_t element = element_type(origin.oid); element != 0) {
    origin.array = true;
    origin.oid = element;
  }
  origin.family = family_of(origin.oid);
  return origin;
}

/// "Decimal(18, 2)" as name and arguments, without the blanks between them.
struct TypeText {
  std::string name;
  std::vector<std::string> arguments;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// What is inside "outer( … )"; nullopt where the type is not of that name.
std::optional<std::string_view> inside(std::string_view text, std::string_view outer) {
  if (to_lower(text.substr(0, outer.size())) != to_lower(outer)) return std::nullopt;
  text = trimmed(text.substr(outer.size()));
  if (!text.starts_with('(') || !text.ends_with(')')) return std::nullopt;
  return trimmed(text.substr(1, text.size() - 2));
}

std::optional<TypeText> read_type(std::string_view text) {
  TypeText type;
  const std::size_t open = text.find('(');
  type.name = to_lower(trimmed(text.substr(0, open)));
  if (open == std::string_view::npos) return type;
  if (!text.ends_with(')')) return std::nullopt;
  for (const std::string& part : split(text.substr(open + 1, text.size() - open - 2), ','))
    type.arguments.emplace_back(trimmed(part));
  return type;
}

std::optional<int> number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// A time zone's name in quotes, of letters that need none of their own there.
bool is_zone(const std::string& text) {
  if (text.size() < 3 || !text.starts_with('\'') || !text.ends_with('\'')) return false;
  return text.substr(1, text.size() - 2).find_first_of("'\\`") == std::string::npos;
}

bool set_integer(ColumnType& type, const TypeText& text) {
  const bool is_signed = text.name.starts_with("int");
  if (!text.arguments.empty() || !(is_signed || text.name.starts_with("uint"))) return false;
  const std::string digits = text.name.substr(is_signed ? 3 : 4);
  const auto bits = number(digits);
  for (const int known : {8, 16, 32, 64, 128, 256}) {
    if (bits != known || digits != std::to_string(known)) continue;
    type.scalar = Scalar::integer;
    type.scale = type.precision = 0;  // Not those of the numeric that it is of.
    type.is_signed = is_signed;
    type.width = static_cast<std::uint8_t>(known / 8);
    type.name = (is_signed ? "Int" : "UInt") + digits;
    return true;
  }
  return false;
}

bool set_decimal(ColumnType& type, const TypeText& text) {
  if (!text.name.starts_with("decimal")) return false;
  std::optional<int> precision, scale;
  const std::string width = text.name.substr(7);
  if (width.empty()) {
    if (text.arguments.empty() || text.arguments.size() > 2) return false;
    precision = number(text.arguments[0]);
    scale = text.arguments.size() == 2 ? number(text.arguments[1]) : 0;
  } else {
    for (const auto& [name, digits] : {std::pair{"32", 9}, {"64", 18}, {"128", 38}, {"256", 76}})
      if (width == name) precision = digits;
    if (text.arguments.size() != 1) return false;
    scale = number(text.arguments[0]);
  }
  if (!precision || !scale || *precision < 1 || *precision > 76 || *scale < 0 || *scale > *precision) return false;
  make_decimal(type, *precision, *scale);
  return true;
}

/// DateTime, DateTime('zone'), DateTime64(3), DateTime64(3, 'zone'). A time without zone is counted as if it were in
/// UTC, and
/// so is shown as it is in UTC alone.
bool set_time(ColumnType& type, const TypeText& text, Family family) {
  const bool fine = text.name == "datetime64";
  if (!fine && text.name != "datetime") return false;
  const std::size_t zone = fine ? 1 : 0;
  const auto scale = fine && !text.arguments.empty() ? number(text.arguments[0]) : std::optional(0);
  if ((fine && text.arguments.empty()) || text.arguments.size() > zone + 1 || !scale || *scale < 0 ||
      *scale > 9) return false;
  const bool zoned = text.arguments.size() == zone + 1;
  if (zoned && !is_zone(text.arguments[zone])) return false;
  if (family == Family::timestamp && !(zoned && text.arguments[zone] == "'UTC'")) return false;
  type.scalar = fine ? Scalar::timestamp : Scalar::seconds;
  type.scale = static_cast<std::uint8_t>(*scale);
  type.width = fine ? 8 : 4;
  type.name = fine ? "DateTime64(" + std::to_string(*scale) + (zoned ? ", " + text.arguments[1] + ")" : ")")
                   : "DateTime" + (zoned ? "(" + text.arguments[0] + ")" : std::string());
  return true;
}

bool set_day(ColumnType& type, const TypeText& text) {
  if (!text.arguments.empty() || text.name != "date") return false;
  type.scalar = Scalar::day;
  type.width = 2;
  type.name = "Date";
  return true;
}

/// A numeric is not one number there: 1.0 and 1.00 are two texts, of one key.
bool key_may_be_text_alone(const Origin& origin) {
  return origin.array || origin.family == Family::float4 || origin.family == Family::float8 ||
         (origin.family == Family::numeric && origin.modifier < 4);
}

/// Fills in scalar, width and name of one value. False: not of what this is made.
bool set_scalar(ColumnType& type, const TypeText& text, const Origin& origin) {
  switch (origin.family) {
    case Family::integer:
    case Family::numeric:
      return set_integer(type, text) || set_decimal(type, text);
    case Family::boolean:
      if (!text.arguments.empty() || text.name != "uint8") return false;
      type.name = "UInt8";
      return true;
    case Family::date:
      return set_day(type, text);
    case Family::timestamp:
    case Family::timestamptz:
      return set_time(type, text, origin.family);
    default:
      return false;
  }
}

/// How its values come by COPY: in binary where the column is of the type itself and the scalar is read from it.
void set_copy(ColumnType& type, const Column& column, const Origin& origin) {
  if (type.scalar == Scalar::text && !origin.domain) return;
  const bool of_text = type.scalar == Scalar::integer ? origin.family != Family::integer || origin.oid == kOidOid
                                                      : type.scalar == Scalar::decimal &&
                                                          origin.family != Family::numeric;
  if (of_text || origin.domain) {
    read_as_text(type, column.type_oid);
  } else {
    type.copy_cast.clear();
    type.cast_is_exact = true;
  }
}

[[noreturn]] void refuse(const Column& column, std::string_view asked) {
  const std::vector<std::string> possible = possible_types(column);
  std::string what = "column \"" + column.name + "\" is " + (column.type_name.empty()
      ? "of a type" : column.type_name) +
                     (column.in_key ? " and in the key" : "") + ", which cannot become " + std::string(asked) +
                     " at ClickHouse with every value as it is";
  throw Error(ErrorCode::not_supported, std::move(what), "it may become " + join(possible, ", "));
}

}  // namespace

std::vector<std::string> possible_types(const Column& column) {
  const Origin origin = origin_of(column);
  std::vector<std::string> types;
  const bool text_alone = column.in_key && key_may_be_text_alone(origin);
  if (!text_alone) {
    switch (origin.family) {
      case Family::integer:
      case Family::numeric:
        types = {"Int8 to Int256", "UInt8 to UInt256", "Decimal(P, S)"};
        break;
      case Family::boolean:
        types = {"Bool", "UInt8"};
        break;
      case Family::float4:
        types = {"Float32"};
        break;
      case Family::float8:
        types = {"Float64"};
        break;
      case Family::uuid:
        types = {"UUID"};
        break;
      case Family::date:
        types = {"Date32", "Date"};
        break;
      case Family::timestamp:
        types = {"DateTime64(0 to 9, 'UTC')", "DateTime('UTC')"};
        break;
      case Family::timestamptz:
        types = {"DateTime64(0 to 9, 'zone')", "DateTime('zone')"};
        break;
      case Family::bytes:
      case Family::other:
        break;
    }
  }
  for (std::string& type : types)
    if (origin.array) type = "Array(" + type + ")";
  if (origin.array && types.empty() && !column.in_key) types.emplace_back("Array(String)");
  types.emplace_back("String");
  types.emplace_back("LowCardinality(String)");
  return types;
}

ColumnType asked_type(const Column& column, std::string_view asked) {
  std::string_view text = trimmed(asked);
  ColumnType type = column_type(column);
  const Origin origin = origin_of(column);
  bool nullable = column.nullable;
  const auto strip = [&](std::string_view outer) {
    const auto within = inside(text, outer);
    if (within) text = *within;
    return within.has_value();
  };
  const bool low = strip("LowCardinality");
  if (strip("Nullable")) {
    if (column.in_key)
      throw Error(ErrorCode::not_supported, "column \"" + column.name + "\" is in the key, which holds no NULL",
                  "leave Nullable out");
    nullable = true;
  }
  const bool listed = strip("Array");
  if (listed) strip("Nullable");  // Elements always are.
  const auto read = read_type(text);
  if (!read || read->name.empty())
    throw Error(ErrorCode::invalid_option, "\"" + std::string(asked) + "\" is no type of ClickHouse's",
        "write it as in CREATE TABLE");
  if (low && (listed || read->name != "string")) refuse(column, asked);
  if (read->name == "string" && read->arguments.empty() && !listed) {
    // Of a bytea String holds the bytes, asked for or not.
    if (type.scalar != Scalar::bytes || type.array) make_text(type, column.type_oid);
    type.name = "String";
    type.low_cardinality = low;
  } else {
    if (listed != origin.array || (column.in_key && key_may_be_text_alone(origin))) refuse(column, asked);
    Column loose = column;
    loose.in_key = false;
    if (origin.domain) loose.type_oid = column.base.oid, loose.type_modifier = column.base.modifier;
    loose.nullable = false;
    type = column_type(loose);
    type.name = value_name(type);
    const auto own = read_type(type.name);
    const bool same = own && own->name == read->name && own->arguments == read->arguments;
    if (!same && !set_scalar(type, *read, origin)) refuse(column, asked);
    // By the server's zone, which may change, an expression over the key would lead a tombstone elsewhere.
    const bool time = type.scalar == Scalar::timestamp || type.scalar == Scalar::seconds;
    if (column.in_key && time && type.name.find('\'') == std::string::npos) refuse(column, asked);
    set_copy(type, column, origin);
  }
  type.nullable = nullable && !column.in_key;
  wrap_name(type);
  return type;
}

}  // namespace peerd::clickhouse
