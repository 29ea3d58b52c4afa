#pragma once

#include <span>
#include <vector>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd {

/// What the types of these columns are called, by their oids and modifiers alone. "": the server knows no such type.
void read_type_names(postgres::Connection& connection, std::span<Column> columns, const Wait& wait);
/// Fills Column::base in. Asks the server only where a column's type is none of the well-known ones.
void read_base_types(postgres::Connection& connection, std::span<Column> columns, const Wait& wait);

/// MirrorTable::types of a table of this schema.
std::vector<TypeMakeUp> read_types(postgres::Connection& connection, const TableSchema& schema, const Wait& wait);

}  // namespace peerd
