#include "peerd/changes/renaming.h"

#include <algorithm>

namespace peerd {

std::vector<Renaming> renamings(const TableSchema& from, const TableSchema& to) {
  std::vector<Renaming> found;
  for (const Column& column : from.columns) {
    const auto same = std::ranges::find(to.columns, column.number, &Column::number);
    if (column.number != 0 && same != to.columns.end() && same->name != column.name)
      found.push_back({column.number, column.name, same->name});
  }
  return found;
}

std::vector<Column> retypings(const TableSchema& from, const TableSchema& to) {
  std::vector<Column> found;
  for (const Column& column : from.columns) {
    const auto same = std::ranges::find(to.columns, column.number, &Column::number);
    if (column.number == 0 || same == to.columns.end()) continue;
    if (same->type_oid != column.type_oid || same->type_modifier != column.type_modifier) found.push_back(*same);
  }
  return found;
}

}  // namespace peerd
