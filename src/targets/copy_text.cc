#include "copy_text.h"

#include "peerd/base/error.h"

namespace peerd {
namespace {

char unescaped(char c) {
  constexpr std::string_view kFrom = "bfnrtv", kTo = "\b\f\n\r\t\v";
  const std::size_t at = kFrom.find(c);
  return at == std::string_view::npos ? c : kTo[at];
}

}  // namespace

void throw_malformed_copy() {
  throw Error(ErrorCode::internal, "the source's COPY data is no whole rows of the table");
}

std::string_view next_copy_line(std::string_view& rows) {
  const std::size_t end = rows.find('\n');
  if (end == std::string_view::npos) throw_malformed_copy();
  const std::string_view line = rows.substr(0, end);
  rows.remove_prefix(end + 1);
  return line;
}

std::string_view next_copy_cell(std::string_view& line, bool last) {
  const std::size_t tab = line.find('\t');
  if ((tab == std::string_view::npos) != last) throw_malformed_copy();
  const std::string_view cell = line.substr(0, tab);
  line.remove_prefix(last ? line.size() : tab + 1);
  return cell;
}

CellView copy_cell(std::string_view cell, std::string& room) {
  if (cell == "\\N") return {};
  std::size_t slash = cell.find('\\');
  if (slash == std::string_view::npos) return {CellView::Kind::text, cell};
  const std::size_t from = room.size();
  while (slash != std::string_view::npos && slash + 1 < cell.size()) {
    room.append(cell.substr(0, slash));
    room.push_back(unescaped(cell[slash + 1]));
    cell.remove_prefix(slash + 2);
    slash = cell.find('\\');
  }
  room.append(cell);
  return {CellView::Kind::text, std::string_view(room).substr(from)};
}

}  // namespace peerd
