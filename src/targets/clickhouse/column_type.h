#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/changes/table.h"

namespace peerd::clickhouse {

/// How one value is laid out in a Native block; an array's elements, too.
enum class Scalar : std::uint8_t {
  boolean,
  int16,
  int32,
  int64,
  float32,
  float64,
  decimal,
  text,
  bytes,
  jsonb,
  uuid,
  date,
  timestamp
};

/// What a Postgres column becomes. docs/targets/clickhouse.md has the table for people.
struct ColumnType {
  Scalar scalar = Scalar::text;
  bool array = false;
  bool nullable = false;  ///< Of an array: NULLs are noted in a column beside it, as ClickHouse has no Nullable(Array).
  std::uint8_t precision = 0, scale = 0;  ///< Of decimal.
  std::uint8_t width = 0;                 ///< Bytes of a value of fixed size; 0 = a string.
  std::string name;                       ///< "Nullable(Decimal(10, 2))", as system.columns shows it.
  std::string copy_cast;                  ///< "text" where COPY's binary form is not read here.
  bool cast_is_exact =
      true;  ///< False: `::text` may differ from the type's own text, so the table is copied in text form.

  bool noted_nulls() const { return array && nullable; }
};

/// Injective on keys: what Decimal, Date32, DateTime64 and floats would merge or refuse is String there (rules.md 3).
ColumnType column_type(const Column& column);

/// A table there: its columns, then the notes of NULL arrays, then peerd's own.
struct TableLayout {
  std::string table;               ///< For people, in errors: the source's name.
  std::vector<std::string> names;  ///< Of the source's columns.
  std::vector<ColumnType> types;
  std::vector<std::uint16_t> key;
  std::string deleted_column;  ///< UInt8.
  std::string synced_column;   ///< "" = none.
};
inline constexpr std::string_view kVersionColumn = "_peerdb_version";
/// The Bool column that tells a NULL array of `column` from an empty one.
std::string null_note(std::string_view column);

TableLayout table_layout(const TableSchema& schema, std::string_view soft_delete_col_name,
                         std::string_view synced_at_col_name);
CopyPlan copy_plan(const TableLayout& layout);

/// "`a\`b`", as ClickHouse quotes identifiers; 'it\'s' for strings.
std::string quote_name(std::string_view name);
std::string quote_text(std::string_view text);

}  // namespace peerd::clickhouse
