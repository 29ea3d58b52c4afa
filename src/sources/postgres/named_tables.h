#pragma once

#include <span>

#include "peerd/postgres/connection.h"
#include "peerd/sources/source.h"

namespace peerd {

/// Source::tables_like().
std::vector<NamedTable> named_tables(postgres::Connection& connection, std::span<const TablePattern> patterns,
                                     std::span<const TableName> known, const Wait& wait);

}  // namespace peerd
