#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd {

struct MadeOf {
  const TableSchema* table;
  std::string column;
};
/// Mirrored columns of the server's own types that `types` names (an array's text: {money}), of their arrays, and of what is
/// made of them: domains, composites, ranges. One query, however many tables.
std::vector<MadeOf> columns_made_of(postgres::Connection& connection, std::string_view types,
                                    std::span<const TableSchema* const> tables, const Wait& wait);

}  // namespace peerd
