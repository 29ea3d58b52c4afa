#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/changes/table.h"

namespace peerd {

/// A column's names, before and after.
struct Renaming {
  std::int16_t number = 0;
  std::string from, to;
  bool operator==(const Renaming&) const = default;
};
/// The columns that both schemas have, by their numbers, under different names. Pure.
std::vector<Renaming> renamings(const TableSchema& from, const TableSchema& to);

/// As `to` has them: the columns that both have, of different types.
std::vector<Column> retypings(const TableSchema& from, const TableSchema& to);

/// The columns that `from` has and `to` has not, of those whose number is known.
std::vector<Column> droppings(const TableSchema& from, const TableSchema& to);
/// The table goes on without the columns of these numbers; what it noted of them, too.
void drop_columns(TableSchema& schema, CatalogNotes& notes, const std::vector<std::int16_t>& numbers);

}  // namespace peerd
