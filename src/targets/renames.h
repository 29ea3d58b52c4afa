#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/renaming.h"

// Columns that have other names at the source than they had. Pure.
namespace peerd {

/// One after the other: none takes a name that is still another's. Where names go round in a circle, one column of it waits
/// under a name that temporary_name() gives it.
std::vector<Renaming> in_order(std::vector<Renaming> renamings);
std::string temporary_name(std::int16_t number);
inline bool is_temporary(const Renaming& step) { return step.from == temporary_name(step.number); }
/// Only a circle: names alone do not tell whether it has been gone round.
bool goes_round(const std::vector<Renaming>& renamings);

/// Stands for which column has which name, for who notes that they were given. Of the table with those names.
std::string names_mark(const TableSchema& schema);

/// What the mapping knows a column by: the name that it had when the mapping was made. "": none of its settings are this
/// column's, since they went with another one.
std::string mapped_name(const TableSchema& schema, const Column& column);

/// A column's new name is that of one that the source has not, and that `where` has: `renamed` is the statement that gives
/// that one another name.
ErrorText taken_name(const MirrorTable& table, const Renaming& renaming, const std::string& where, const std::string& renamed);

}  // namespace peerd
