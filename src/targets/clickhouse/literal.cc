#include "clickhouse/literal.h"

#include "clickhouse/block.h"
#include "peerd/base/error.h"

namespace peerd::clickhouse {
namespace {

std::string hex_of(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

/// `bytes` as take_stored() cuts them: without a flag.
std::string of_stored(const ColumnType& type, std::string_view bytes) {
  if (type.width == 0) {
    const auto length = take_varint(bytes).value_or(0);
    const auto text = bytes.substr(0, length);
    return type.scalar == Scalar::bytes ? "unhex('" + hex_of(text) + "')" : quote_text(text);
  }
  if (type.scalar == Scalar::boolean) return bytes[0] != 0 ? "true" : "false";
  // Values of fixed size by their bytes: exact, whatever the server's settings make of texts. Dates by what counts
  // them.
  const auto counted = [&](std::string_view number) {
    return "CAST(reinterpret(unhex('" + hex_of(bytes) + "'), " + quote_text(number) + "), " + quote_text(value_name(type)) + ")";
  };
  if (type.scalar == Scalar::date) return counted("Int32");
  if (type.scalar == Scalar::day) return counted("UInt16");
  if (type.scalar == Scalar::seconds) return counted("UInt32");
  return "reinterpret(unhex('" + hex_of(bytes) + "'), " + quote_text(value_name(type)) + ")";
}

}  // namespace

std::string literal(const TableLayout& layout, std::size_t column, std::string_view text) {
  // The one parser is the block's: a row of this one column, then its bytes.
  TableLayout one;
  one.table = layout.table;
  one.sources = {layout.sources[column]};
  one.names = {layout.names[column]};
  one.types = {layout.types[column]};
  one.deleted_column = layout.deleted_column;
  one.on_unfit = layout.on_unfit;
  Block block(one);
  block.add_text(text);
  const ColumnType& type = one.types[0];
  std::string_view values = block.last_values();
  std::string_view nulls = block.last_nulls();
  if (!type.array && type.nullable && nulls[0] != 0) return "NULL";  // A value that does not fit.
  if (!type.array) return of_stored(type, values);
  std::string out = "CAST([";
  ColumnType element = type;
  element.array = element.nullable = false;
  for (std::size_t i = 0; i < nulls.size(); ++i) {
    const auto value = take_stored(element, values).value();
    out += (i == 0 ? "" : ", ") + (nulls[i] != 0 ? std::string("NULL") : of_stored(type, value));
  }
  return out + "], " + quote_text(type.name) + ")";
}

}  // namespace peerd::clickhouse
