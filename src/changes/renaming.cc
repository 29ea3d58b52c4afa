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

std::vector<Column> droppings(const TableSchema& from, const TableSchema& to) {
  std::vector<Column> found;
  for (const Column& column : from.columns)
    if (column.number != 0 && std::ranges::find(to.columns, column.number, &Column::number) == to.columns.end()) found.push_back(column);
  return found;
}

void drop_columns(TableSchema& schema, CatalogNotes& notes, const std::vector<std::int16_t>& numbers) {
  for (std::size_t i = schema.columns.size(); i-- > 0;) {
    const Column& column = schema.columns[i];
    if (std::ranges::find(numbers, column.number) == numbers.end()) continue;
    notes.excluded.push_back({column.name, column.number});
    // The target may have it by the name that the mapping gave to the other one.
    if (!column.mapped.empty()) notes.excluded.push_back({column.mapped, column.number});
    if (i < notes.marks.size()) notes.marks.erase(notes.marks.begin() + static_cast<std::ptrdiff_t>(i));
    schema.columns.erase(schema.columns.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::uint16_t& key : schema.key) key = static_cast<std::uint16_t>(key > i ? key - 1 : key);
  }
}

}  // namespace peerd
