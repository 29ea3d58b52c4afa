#include "clickhouse/column_type.h"

#include <algorithm>

#include "clickhouse/asked_type.h"
#include "peerd/base/text.h"
#include "peerd/postgres/types.h"
#include "renames.h"

namespace peerd::clickhouse {
namespace {

using namespace postgres;

// Types of which Postgres makes the same text by `::text` as by its output function. Not bool, bpchar, inet, xml or a
// domain over them, whose casts are functions of their own (pg_cast).
bool cast_is_exact(std::uint32_t oid) {
  constexpr std::uint32_t kExact[] = {
      kInt2Oid,
      kInt4Oid,
      kInt8Oid,
      kUuidOid,
      kJsonbOid,
      kOidOid,
      kFloat4Oid,
      kFloat8Oid,
      kDateOid,
      kTimeOid,
      kTimestampOid,
      kTimestamptzOid,
      kIntervalOid,
      kTimetzOid,
      kNumericOid,
      kOidArrayOid,
      kTimeArrayOid,
      kIntervalArrayOid,
      kTimetzArrayOid,
      kNumericArrayOid,
      kBoolArrayOid,
      kByteaArrayOid,
      kInt2ArrayOid,
      kInt4ArrayOid,
      kInt8ArrayOid,
      kTextArrayOid,
      kVarcharArrayOid,
      kBpcharArrayOid,
      kFloat4ArrayOid,
      kFloat8ArrayOid,
      kTimestampArrayOid,
      kTimestamptzArrayOid,
      kDateArrayOid,
      kUuidArrayOid,
      kJsonArrayOid,
      kJsonbArrayOid,
      600,
      601,
      602,
      603,
      604,
      628,
      718,  // point, lseg, path, box, polygon, line, circle
      774,
      829,
      1560,
      1562,
      3220,
      3614,
      3615,  // macaddr8, macaddr, bit, varbit, pg_lsn, tsvector, tsquery
      3904,
      3906,
      3908,
      3910,
      3912,
      3926,  // ranges
  };
  return std::ranges::find(kExact, oid) != std::end(kExact);
}

struct Plain {
  Scalar scalar;
  std::uint8_t width;
  std::string_view name;
};

Plain plain_type(std::uint32_t oid) {
  switch (oid) {
    case kBoolOid:
      return {Scalar::boolean, 1, "Bool"};
    case kInt2Oid:
      return {Scalar::int16, 2, "Int16"};
    case kInt4Oid:
      return {Scalar::int32, 4, "Int32"};
    case kInt8Oid:
      return {Scalar::int64, 8, "Int64"};
    case kFloat4Oid:
      return {Scalar::float32, 4, "Float32"};
    case kFloat8Oid:
      return {Scalar::float64, 8, "Float64"};
    case kByteaOid:
      return {Scalar::bytes, 0, "String"};
    case kJsonbOid:
      return {Scalar::jsonb, 0, "String"};
    case kUuidOid:
      return {Scalar::uuid, 16, "UUID"};
    case kDateOid:
      return {Scalar::date, 4, "Date32"};
    case kTimestampOid:
    case kTimestamptzOid:
      return {Scalar::timestamp, 8, "DateTime64(6, 'UTC')"};
    default:
      return {Scalar::text, 0, "String"};
  }
}

/// Text is its own binary form.
bool text_like(std::uint32_t oid) {
  return oid == kTextOid || oid == kVarcharOid || oid == kBpcharOid || oid == kNameOid || oid == kJsonOid;
}

/// numeric(p,s), where s may be negative or above p since Postgres 15. Left as String above 76 digits.
bool set_decimal(ColumnType& type, std::int32_t modifier) {
  if (modifier < 4) return false;
  const int precision = ((modifier - 4) >> 16) & 0xffff;
  const int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  const int digits = scale < 0 ? precision - scale : std::max(precision, scale);
  if (digits > 76) return false;
  make_decimal(type, digits, std::max(scale, 0));
  return true;
}

bool text_as_key(const ColumnType& type) {
  return type.array || type.scalar == Scalar::float32 || type.scalar == Scalar::float64 ||
         type.scalar == Scalar::date || type.scalar == Scalar::timestamp;
}

}  // namespace

void make_text(ColumnType& type, std::uint32_t oid) {
  type.scalar = Scalar::text;
  type.array = false;
  type.width = 0;
  type.name = "String";
  read_as_text(type, oid);
}

void read_as_text(ColumnType& type, std::uint32_t oid) {
  type.copy_cast = text_like(oid) ? "" : "text";
  type.cast_is_exact = text_like(oid) || cast_is_exact(oid);
}

void make_decimal(ColumnType& type, int precision, int scale) {
  type.scalar = Scalar::decimal;
  type.precision = static_cast<std::uint8_t>(precision);
  type.scale = static_cast<std::uint8_t>(scale);
  type.width = precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
  type.name = "Decimal(" + std::to_string(precision) + ", " + std::to_string(scale) + ")";
}

std::string value_name(const ColumnType& type) {
  std::string_view name = type.name;
  for (const std::string_view outer : {"Array(", "Nullable("}) {
    if (name.starts_with(outer)) name = name.substr(outer.size(), name.size() - outer.size() - 1);
  }
  return std::string(name);
}

void wrap_name(ColumnType& type) {
  if (type.array) {
    type.name = "Array(Nullable(" + type.name + "))";
  } else if (type.nullable) {
    type.name = "Nullable(" + type.name + ")";
  }
}

ColumnType column_type(const Column& column) {
  ColumnType type;
  const std::uint32_t element = element_type(column.type_oid);
  // Character arrays of one byte and the like have elements that are nothing special here: String of their text.
  const std::uint32_t oid = element != 0 ? element : column.type_oid;
  const Plain plain = plain_type(oid);
  type.scalar = plain.scalar;
  type.width = plain.width;
  type.name = plain.name;
  type.array = element != 0;
  const bool decimal = oid == kNumericOid && set_decimal(type, column.type_modifier);
  if (type.scalar == Scalar::text && !decimal) {
    // An array of texts is read from binary too; of other things by their text.
    if (!text_like(oid)) type.copy_cast = "text";
    type.cast_is_exact = text_like(oid) || cast_is_exact(column.type_oid);
  }
  if (column.in_key && text_as_key(type)) make_text(type, column.type_oid);
  type.nullable = column.nullable && !column.in_key;
  if (type.scalar == Scalar::timestamp) type.scale = 6;
  wrap_name(type);
  return type;
}

std::string null_note(std::string_view column) { return "_peerdb_null_" + std::string(column); }

namespace {

const ColumnSetting* setting_of(const TableMapping* mapping, const TableSchema& schema, const Column& column) {
  if (mapping == nullptr) return nullptr;
  const auto found = std::ranges::find(mapping->columns, mapped_name(schema, column), &ColumnSetting::source);
  return found == mapping->columns.end() ? nullptr : &*found;
}

ColumnType type_of(Column column, const ColumnSetting* setting) {
  if (setting != nullptr && setting->nullable.value_or(false)) column.nullable = true;
  ColumnType type = setting == nullptr || setting->type.empty() ? column_type(column) : asked_type(column, setting->type);
  type.never_null = setting != nullptr && setting->nullable == false;
  return type;
}

/// Columns by the places, from 1 on, that a mapping gives them.
std::vector<std::uint16_t> placed(const TableSchema& schema, const TableMapping& mapping, int ColumnSetting::*place) {
  std::vector<std::pair<int, std::uint16_t>> found;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const ColumnSetting* setting = setting_of(&mapping, schema, schema.columns[i]);
    if (setting != nullptr && setting->*place > 0) found.emplace_back(setting->*place, static_cast<std::uint16_t>(i));
  }
  std::ranges::sort(found);
  std::vector<std::uint16_t> columns;
  for (const auto& [_, column] : found) columns.push_back(column);
  return columns;
}

std::string partition_of(const TableLayout& layout, const TableSchema& schema, const TableMapping& mapping) {
  if (!mapping.partition_by.empty()) return mapping.partition_by;
  std::vector<std::string> names;
  for (const std::uint16_t column : placed(schema, mapping, &ColumnSetting::partitioning))
    names.push_back(quote_name(layout.names[column]));
  return join(names, ", ");
}

}  // namespace

bool TableLayout::in_key(std::size_t column) const {
  return std::ranges::find(key, static_cast<std::uint16_t>(column)) != key.end();
}

TableLayout table_layout(const TableSchema& schema, std::string_view soft_delete_col_name,
                         std::string_view synced_at_col_name, const TableMapping* mapping) {
  TableLayout layout;
  layout.table = schema.qualified();
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    Column column = schema.columns[i];
    column.in_key = std::ranges::find(schema.key, static_cast<std::uint16_t>(i)) != schema.key.end();
    const ColumnSetting* setting = setting_of(mapping, schema, schema.columns[i]);
    layout.sources.push_back(column.name);
    layout.names.push_back(setting != nullptr && !setting->target.empty() ? setting->target : column.name);
    layout.types.push_back(type_of(column, setting));
  }
  layout.key = schema.key;
  if (mapping != nullptr) {
    layout.order = placed(schema, *mapping, &ColumnSetting::ordering);
    layout.partition_by = partition_of(layout, schema, *mapping);
  }
  // The engine needs the column even where nobody asked for it.
  layout.deleted_column = soft_delete_col_name.empty() ? "_peerdb_is_deleted" : std::string(soft_delete_col_name);
  layout.synced_column = to_lower(synced_at_col_name);
  return layout;
}

CopyPlan copy_plan(const TableLayout& layout) {
  CopyPlan plan{.form = CopyForm::binary, .select_casts = {}};
  for (const ColumnType& type : layout.types) {
    plan.select_casts.push_back(type.copy_cast);
    if (!type.cast_is_exact) plan.form = CopyForm::text;
  }
  if (plan.form == CopyForm::text) plan.select_casts.assign(layout.types.size(), "");
  return plan;
}

namespace {
std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\0') {
      out += "\\0";
    } else {
      out += c;
    }
  }
  return out += quote;
}
}  // namespace

std::string quote_name(std::string_view name) { return quoted(name, '`'); }
std::string quote_text(std::string_view text) { return quoted(text, '\''); }

}  // namespace peerd::clickhouse
