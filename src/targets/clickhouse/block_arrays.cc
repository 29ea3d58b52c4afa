// Postgres's arrays, in text ({1,NULL,"a b"}) and in binary (array_send).
#include <bit>

#include "clickhouse/block.h"
#include "clickhouse/values.h"

namespace peerd::clickhouse {
namespace {

constexpr const char* kNoArray = "not an array of the column's type";
constexpr const char* kDeep = "an array of more than one dimension, which the column's type cannot hold";
constexpr const char* kBounds = "an array whose subscripts do not begin with 1, which the column's type cannot hold";

std::int32_t big_endian32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<std::int32_t>(value);
}

/// The next element's bytes up to ',' or '}'. Quotes and backslashes are resolved into `scratch` where there are any.
struct Element {
  std::string_view value;
  bool null;
};
const char* take_element(std::string_view& text, Bytes& scratch, Element& element) {
  if (text.starts_with('{')) return kDeep;
  if (!text.starts_with('"')) {
    std::size_t end = 0;
    while (end < text.size() && text[end] != ',' && text[end] != '}') ++end;
    element = {text.substr(0, end), text.substr(0, end) == "NULL"};
    text.remove_prefix(end);
    return end == 0 ? kNoArray : nullptr;
  }
  scratch.clear();
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && ++at == text.size()) return kNoArray;
    scratch.append(text[at]);
  }
  if (at >= text.size()) return kNoArray;
  text.remove_prefix(at + 1);
  element = {scratch.view(), false};
  return nullptr;
}

}  // namespace

void Block::add_element(std::string_view value, bool null,
                        const char* (*append)(const ColumnType&, std::string_view, Bytes&)) {
  Columns& c = columns_[next_];
  if (null) {
    append_default(type(), c.values);
  } else if (const char* wrong = append(type(), value, c.values)) {
    null = bend(wrong, value, c.values);
  }
  c.nulls.append(null ? '\1' : '\0');
  ++c.elements;
}

void Block::add_array_text(std::string_view text) {
  // "[2:3]={1,2}": Postgres writes bounds where they are not from 1.
  if (text.starts_with('[')) refuse(text.substr(0, text.find('=')).find("][") == std::string_view::npos ? kBounds : kDeep);
  if (!text.starts_with('{') || !text.ends_with('}')) refuse(kNoArray);
  text.remove_prefix(1);
  while (text != "}") {
    Element element{};
    if (const char* wrong = take_element(text, scratch_, element)) refuse(wrong);
    add_element(element.value, element.null, append_text);
    if (text.starts_with(',')) {
      text.remove_prefix(1);
      if (text == "}") refuse(kNoArray);
    } else if (text != "}") {
      refuse(kNoArray);
    }
  }
  end_array(false);
}

void Block::add_array_binary(std::string_view bytes) {
  if (bytes.size() < 12) refuse(kNoArray);
  const std::int32_t dimensions = big_endian32(bytes, 0);
  if (dimensions > 1) refuse(kDeep);
  if (dimensions == 1) {
    if (bytes.size() < 20) refuse(kNoArray);
    const std::int32_t count = big_endian32(bytes, 12);
    if (big_endian32(bytes, 16) != 1) refuse(kBounds);
    bytes.remove_prefix(20);
    for (std::int32_t i = 0; i < count; ++i) {
      if (bytes.size() < 4) refuse(kNoArray);
      const std::int32_t length = big_endian32(bytes, 0);
      bytes.remove_prefix(4);
      if (length >= 0 && static_cast<std::size_t>(length) > bytes.size()) refuse(kNoArray);
      const auto value = length < 0 ? std::string_view{} : bytes.substr(0, static_cast<std::size_t>(length));
      add_element(value, length < 0, append_binary);
      bytes.remove_prefix(value.size());
    }
  }
  end_array(false);
}

}  // namespace peerd::clickhouse
