#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peerd/changes/table.h"
#include "postgres/catalog_look.h"

// Which columns a Relation message is of. It tells names and no numbers, while a name may be another column's by now;
// but it has the columns in the order of their numbers. Pure.
namespace peerd {

/// A number that was given to a column of a table, and what the catalog says of it now.
struct SeenNumber {
  std::int16_t number = 0;
  bool dropped = false, generated = false;
  std::string name{};
  TypeOf type{};
};
std::vector<SeenNumber> numbers_of(const LookedTable& now);

/// What a row that was sent may have been written before.
enum class Written { perhaps_before_the_look, after_it };

/// The number of each sent column, by its place. 0: one of several that were dropped since, it is not certain which;
/// none of those that stay. Nothing when more than that is uncertain. Names are not looked at: a number that is there
/// now and was known before must be among what is sent, one that was dropped since or came since may be, the later of
/// these not without the earlier.
std::optional<std::vector<std::int16_t>> numbers_sent(const TableSchema& schema, const CatalogNotes& notes,
                                                      std::span<const SeenNumber> seen, std::size_t sent,
                                                      Written written);

/// The same of a row that may be older than the table's own shape: any of its last columns may have come later.
std::optional<std::vector<std::int16_t>> numbers_then(std::span<const SeenNumber> seen, std::size_t sent);

}  // namespace peerd
