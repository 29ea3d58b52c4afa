// COPY's two forms (Postgres docs, COPY, "File Formats").
#include "clickhouse/chunk_writer.h"

namespace peerd::clickhouse {
namespace {

[[noreturn]] void malformed() {
  throw Error(ErrorCode::internal, "the source's COPY data is no whole rows of the table");
}

std::int32_t big_endian(std::string_view bytes, std::size_t count) {
  if (bytes.size() < count) malformed();
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return count == 2 ? static_cast<std::int16_t>(value) : static_cast<std::int32_t>(value);
}

char unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return c;
  }
}

}  // namespace

void CopyRows::add_binary(std::string_view& rows, Block& block) {
  const std::int32_t cells = big_endian(rows, 2);
  if (cells != static_cast<std::int32_t>(block.layout().types.size())) malformed();
  rows.remove_prefix(2);
  for (std::int32_t i = 0; i < cells; ++i) {
    const std::int32_t length = big_endian(rows, 4);
    rows.remove_prefix(4);
    if (length < 0) {
      block.add_null();
      continue;
    }
    if (rows.size() < static_cast<std::size_t>(length)) malformed();
    block.add_binary(rows.substr(0, static_cast<std::size_t>(length)));
    rows.remove_prefix(static_cast<std::size_t>(length));
  }
  block.end_row(version_, false);
}

void CopyRows::add_text_cell(std::string_view cell, Block& block) {
  if (cell == "\\N") return block.add_null();
  std::size_t slash = cell.find('\\');
  if (slash == std::string_view::npos) return block.add_text(cell);
  scratch_.clear();
  while (slash != std::string_view::npos && slash + 1 < cell.size()) {
    scratch_.append(cell.substr(0, slash));
    scratch_.append(unescaped(cell[slash + 1]));
    cell.remove_prefix(slash + 2);
    slash = cell.find('\\');
  }
  scratch_.append(cell);
  block.add_text(scratch_.view());
}

void CopyRows::add_text(std::string_view& rows, Block& block) {
  const std::size_t end = rows.find('\n');
  if (end == std::string_view::npos) malformed();
  std::string_view line = rows.substr(0, end);
  rows.remove_prefix(end + 1);
  for (std::size_t i = block.layout().types.size(); i > 1; --i) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) malformed();
    add_text_cell(line.substr(0, tab), block);
    line.remove_prefix(tab + 1);
  }
  add_text_cell(line, block);
  block.end_row(version_, false);
}

}  // namespace peerd::clickhouse
