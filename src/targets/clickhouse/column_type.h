#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/changes/table.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd::clickhouse {

/// How one value is laid out in a Native block; an array's elements, too.
enum class Scalar : std::uint8_t {
  boolean,
  int16,
  int32,
  int64,
  integer,  ///< Of any width, with a sign or without: where a mapping asks for one.
  float32,
  float64,
  decimal,
  text,
  bytes,
  jsonb,
  uuid,
  date,
  day,  ///< Date: 16 bits.
  timestamp,
  seconds  ///< DateTime: 32 bits.
};

/// What a Postgres column becomes. docs/targets/clickhouse.md has the table for people.
struct ColumnType {
  Scalar scalar = Scalar::text;
  bool array = false;
  bool nullable = false;  ///< Of an array: NULLs are noted in a column beside it, as ClickHouse has no Nullable(Array).
  bool never_null = false;  ///< The mapping says nullable: false.
  std::uint8_t precision = 0, scale = 0;  ///< Of decimal; scale: of timestamp, too.
  bool is_signed = true;                  ///< Of integer.
  bool low_cardinality = false;           ///< Of the column that is made; blocks and answers are without.
  std::uint8_t width = 0;                 ///< Bytes of a value of fixed size; 0 = a string.
  std::string name;                       ///< "Nullable(Decimal(10, 2))", as system.columns shows it.
  std::string copy_cast;                  ///< "text" where COPY's binary form is not read here.
  bool cast_is_exact =
      true;  ///< False: `::text` may differ from the type's own text, so the table is copied in text form.

  bool noted_nulls() const { return array && nullable; }
  std::string declared() const { return low_cardinality ? "LowCardinality(" + name + ")" : name; }
};

/// Injective on keys: what Decimal, Date32, DateTime64 and floats would merge or refuse is String there (rules.md 3).
ColumnType column_type(const Column& column);

// Parts of it, for asked_type.h.
void make_text(ColumnType& type, std::uint32_t oid);               ///< A column of type `oid` as its text in a String.
void make_decimal(ColumnType& type, int precision, int scale);     ///< Scalar, width and name; at most 76 digits.
void read_as_text(ColumnType& type, std::uint32_t oid);            ///< COPY's binary form of a column of type `oid` is its text.
std::string value_name(const ColumnType& type);                    ///< Without Array and Nullable around it.
void wrap_name(ColumnType& type);                                  ///< Puts them around it.

/// What becomes of a value that its column's type cannot hold, outside of the key.
enum class OnUnfit : std::uint8_t { stop, null, clamp };

/// A table there: its columns, then the notes of NULL arrays, then peerd's own.
struct TableLayout {
  std::string table;                 ///< For people, in errors: the source's name.
  std::vector<std::string> sources;  ///< The source's columns.
  std::vector<std::string> names;    ///< What they are called at the target.
  std::vector<ColumnType> types;
  std::vector<std::uint16_t> key;
  std::vector<std::uint16_t> order;  ///< The key as a mapping has it in ORDER BY; empty: in its own order.
  std::string partition_by;          ///< That a mapping asks for: an expression; "" = none.
  OnUnfit on_unfit = OnUnfit::stop;
  std::string deleted_column;  ///< UInt8.
  std::string synced_column;   ///< "" = none.
  bool appends = false;        ///< Of a query whose rows are only added: MergeTree, without a key.

  bool in_key(std::size_t column) const;
};
inline constexpr std::string_view kVersionColumn = "_peerdb_version";
/// The Bool column that tells a NULL array of `column` from an empty one.
std::string null_note(std::string_view column);

/// `mapping`: what its operator asks of the table; nullptr = nothing. Throws as asked_type() does.
TableLayout table_layout(const TableSchema& schema, std::string_view soft_delete_col_name,
                         std::string_view synced_at_col_name, const TableMapping* mapping = nullptr);
CopyPlan copy_plan(const TableLayout& layout);

/// "`a\`b`", as ClickHouse quotes identifiers; 'it\'s' for strings.
std::string quote_name(std::string_view name);
std::string quote_text(std::string_view text);

}  // namespace peerd::clickhouse
