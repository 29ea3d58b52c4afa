#include "kafka/debezium_values.h"

#include "kafka/debezium_numbers.h"
#include "kafka/json.h"
#include "kafka/row_encoder.h"
#include "peerd/postgres/types.h"

namespace peerd::kafka::debezium {
namespace {

using namespace postgres;

constexpr std::uint32_t kPointOid = 600, kMoneyOid = 790, kBitOid = 1560, kVarbitOid = 1562;

// Debezium's unavailable.value.placeholder, and what it makes of it for arrays, by their type.
constexpr std::string_view kText = R"("__debezium_unavailable_value")", kTexts = R"(["__debezium_unavailable_value"])",
                           kBytes = R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")",
                           kByteses = R"(["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])",
                           kHstore = R"("{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}")",
                           kUuids = R"(["b68a35a7-17ad-35b3-af2a-ae46edb4545a"])",  // the version 3 UUID of its bytes
                           kNumbers = "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,"
                                      "118,97,108,117,101]";  // its bytes

/// The placeholder has the form of the column's values; where Debezium has none in that form it writes null, and so does this.
std::string_view placeholder_of(std::uint32_t oid, const Shape& shape) {
  switch (oid) {
    case kTextArrayOid: case kVarcharArrayOid: case kBpcharArrayOid: case kJsonArrayOid: case kJsonbArrayOid: return kTexts;
    case kByteaArrayOid: return kByteses;
    case kInt4ArrayOid: case kInt8ArrayOid: case kDateArrayOid: return kNumbers;
    case kUuidArrayOid: return kUuids;
    default: break;
  }
  if (shape.array) return "null";
  switch (shape.form) {
    case Form::text: return kText;
    case Form::bytea: return kBytes;
    case Form::hstore: return kHstore;
    default: return "null";
  }
}

Form form_of(std::uint32_t oid, std::int32_t modifier) {
  switch (oid) {
    case kBoolOid: return Form::boolean;
    case kInt2Oid: case kInt4Oid: case kInt8Oid: case kOidOid: return Form::number;
    case kFloat4Oid: case kFloat8Oid: return Form::floating;
    case kNumericOid: return modifier < 0 ? Form::any_numeric : Form::numeric;
    case kMoneyOid: return Form::money;
    case kBitOid: case kVarbitOid: return modifier == 1 ? Form::bit : Form::bits;
    case kByteaOid: return Form::bytea;
    case kDateOid: return Form::date;
    case kTimeOid: return Form::time;
    case kTimestampOid: return Form::timestamp;
    case kTimestamptzOid: return Form::timestamptz;
    case kTimetzOid: return Form::timetz;
    case kIntervalOid: return Form::interval;
    case kPointOid: return Form::point;
    default: return Form::text;
  }
}

const char* append_hstore(std::string_view text, std::string& out) {
  static thread_local std::string inner, part;
  inner = "{";
  // "key"=>"value", "key"=>NULL
  const auto quoted = [&] {
    part.clear();
    if (!calendar::take(text, '"')) return false;
    while (!text.empty() && text[0] != '"') {
      if (text[0] == '\\') text.remove_prefix(1);
      if (text.empty()) return false;
      part.push_back(text[0]);
      text.remove_prefix(1);
    }
    return calendar::take(text, '"');
  };
  while (!text.empty()) {
    if (!quoted()) return kNotOfItsType;
    if (!append_json(part, inner)) return kNoUtf8;
    if (!text.starts_with("=>")) return kNotOfItsType;
    text.remove_prefix(2);
    inner.push_back(':');
    if (text.starts_with("NULL")) {
      text.remove_prefix(4);
      inner += "null";
    } else {
      if (!quoted()) return kNotOfItsType;
      if (!append_json(part, inner)) return kNoUtf8;
    }
    if (text.empty()) break;
    if (!text.starts_with(", ")) return kNotOfItsType;
    text.remove_prefix(2);
    inner.push_back(',');
    if (text.empty()) return kNotOfItsType;
  }
  inner.push_back('}');
  return append_json(inner, out) ? nullptr : kNoUtf8;
}

const char* append_one(const Shape& shape, std::string_view text, std::string& out) {
  switch (shape.form) {
    case Form::boolean:
      if (text != "t" && text != "f") return kNotOfItsType;
      out += text == "t" ? "true" : "false";
      return nullptr;
    case Form::number: return append_number_text(text, out) ? nullptr : kNotOfItsType;
    case Form::floating: return append_floating(text, out);
    case Form::numeric: return append_decimal(text, shape.scale, out);
    case Form::any_numeric: return append_any_decimal(text, out);
    case Form::money: return append_money(text, out);
    case Form::bit:
      if (text != "0" && text != "1") return kNotOfItsType;
      out += text == "1" ? "true" : "false";
      return nullptr;
    case Form::bits: return append_bits(text, out);
    case Form::bytea: return append_bytea(text, out) ? nullptr : kNotOfItsType;
    case Form::date: return append_days(text, out);
    case Form::time: return append_time_of_day(text, shape.precision, out);
    case Form::timestamp: return append_timestamp(text, shape.precision, out);
    case Form::timestamptz: return append_timestamptz(text, shape.precision, out);
    case Form::timetz: return append_timetz(text, out);
    case Form::interval: return append_interval(text, out);
    case Form::point: return append_point(text, out);
    case Form::hstore: return append_hstore(text, out);
    case Form::text: break;
  }
  return append_json(text, out) ? nullptr : kNoUtf8;
}

/// "hstore" of "public.hstore": extensions' types have no fixed OID.
std::string_view base_name(std::string_view type_name) { return type_name.substr(type_name.rfind('.') + 1); }

/// Whose arrays part their elements by something else than commas (pg_type.typdelim): box by semicolons, PostGIS's by colons.
bool parted_otherwise(std::string_view name) { return name == "box" || name == "geometry" || name == "geography"; }

}  // namespace

Shape shape_of(const Column& column) {
  Shape shape;
  // A domain is written as what it is made of, as there.
  const bool domain = column.base.oid != 0;
  const std::uint32_t oid = domain ? column.base.oid : column.type_oid;
  const std::int32_t modifier = domain ? column.base.modifier : column.type_modifier;
  std::string_view name = domain ? column.base.name : column.type_name;
  const std::uint32_t element = element_type(oid);
  shape.array = element != 0 || name.ends_with("[]");
  if (name.ends_with("[]")) name.remove_suffix(2);
  if (shape.array && element == 0 && parted_otherwise(base_name(name))) shape.array = false;
  shape.form = form_of(shape.array ? element : oid, modifier);
  if (shape.form == Form::text && base_name(name) == "hstore") shape.form = Form::hstore;
  // numeric's modifier is (precision << 16 | scale in 11 bits with a sign) + 4; a time's is its precision.
  const int packed = (modifier - 4) & 0x7ff;
  if (shape.form == Form::numeric) shape.scale = (packed ^ 1024) - 1024;
  else if (modifier >= 0) shape.precision = modifier;
  shape.unavailable = placeholder_of(oid, shape);
  return shape;
}

const char* append_value(const Shape& shape, std::string_view text, std::string& out) {
  if (!shape.array) return append_one(shape, text, out);
  // Lower bounds are lost, as there.
  if (text.starts_with('[')) text.remove_prefix(std::min(text.find('=') + 1, text.size()));
  return append_array(text, out, [&shape](std::string_view value, std::string& to) { return append_one(shape, value, to); });
}

}  // namespace peerd::kafka::debezium
