// COPY's two forms (Postgres docs, COPY, "File Formats").
#include "clickhouse/chunk_writer.h"
#include "copy_text.h"

namespace peerd::clickhouse {
namespace {

std::int32_t big_endian(std::string_view bytes, std::size_t count) {
  if (bytes.size() < count) throw_malformed_copy();
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return count == 2 ? static_cast<std::int16_t>(value) : static_cast<std::int32_t>(value);
}

}  // namespace

void CopyRows::add_binary(std::string_view& rows, Block& block) {
  const std::int32_t cells = big_endian(rows, 2);
  if (cells != static_cast<std::int32_t>(block.layout().types.size())) throw_malformed_copy();
  rows.remove_prefix(2);
  for (std::int32_t i = 0; i < cells; ++i) {
    const std::int32_t length = big_endian(rows, 4);
    rows.remove_prefix(4);
    if (length < 0) {
      block.add_null();
      continue;
    }
    if (rows.size() < static_cast<std::size_t>(length)) throw_malformed_copy();
    block.add_binary(rows.substr(0, static_cast<std::size_t>(length)));
    rows.remove_prefix(static_cast<std::size_t>(length));
  }
  block.end_row(version_, false);
}

void CopyRows::add_text(std::string_view& rows, Block& block) {
  std::string_view line = next_copy_line(rows);
  for (std::size_t left = block.layout().types.size(); left > 0; --left) {
    room_.clear();
    const CellView cell = copy_cell(next_copy_cell(line, left == 1), room_);
    cell.kind == CellView::Kind::null ? block.add_null() : block.add_text(cell.bytes);
  }
  block.end_row(version_, false);
}

}  // namespace peerd::clickhouse
