#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace peerd::clickhouse {

/// What a table's CREATE statement says that the system tables do not show piece by piece.
struct Definition {
  std::vector<std::string> constraints, projections;  ///< Names.
  std::vector<std::string> expiring_columns;          ///< With a TTL of their own.
  std::vector<std::string> engine_arguments;          ///< As written, quotes of names taken off.
  struct Expiry {
    std::set<std::string> names;  ///< Identifiers in it: columns, and what else is no function.
    bool moves = false;           ///< TO DISK, TO VOLUME, RECOMPRESS: no row goes.
    bool groups = false;          ///< GROUP BY: rows become others.
  };
  std::vector<Expiry> expiries;  ///< The table's TTL, part by part.
};

/// `create_query`: system.tables.create_table_query, which the server has formatted itself.
Definition read_definition(std::string_view create_query);

/// "`a`, intDiv(id, 100)" → {"a", ""}: a plain column's name, "" for an expression.
std::vector<std::string> plain_names(std::string_view key);

}  // namespace peerd::clickhouse
