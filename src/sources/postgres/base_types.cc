#include "postgres/base_types.h"

#include <algorithm>

#include "peerd/postgres/type_leaves.h"
#include "peerd/postgres/types.h"

namespace peerd {
namespace {

// Down through the domains, each of which may have a modifier of its own; of an array through its elements' too. The last
// step is the type beneath. An array of a domain over an array has none: Postgres has no arrays of arrays.
constexpr std::string_view kBases =
    "WITH RECURSIVE step(type, oid, modifier, in_array, depth) AS ("
    " SELECT g, g, -1, false, 0 FROM pg_catalog.unnest($1::oid[]) g"
    " UNION ALL"
    " SELECT s.type, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END,"
    "  CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE -1 END, s.in_array OR t.typtype <> 'd', s.depth + 1"
    " FROM step s JOIN pg_type t ON t.oid = s.oid"
    " WHERE t.typtype = 'd' OR (NOT s.in_array AND EXISTS"
    "  (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid AND e.typtype = 'd')))"
    " SELECT DISTINCT ON (s.type) s.type, b.oid, s.modifier, format_type(b.oid, s.modifier)"
    " FROM step s JOIN pg_type t ON t.oid = s.oid"
    " LEFT JOIN pg_type b ON b.oid = CASE WHEN s.in_array THEN t.typarray ELSE t.oid END"
    " WHERE s.depth > 0 ORDER BY s.type, s.depth DESC";

bool well_known(std::uint32_t oid) { return postgres::builtin_type(oid) != nullptr || postgres::element_type(oid) != 0; }

}  // namespace

void read_type_names(postgres::Connection& connection, std::span<Column> columns, const Wait& wait) {
  for (Column& column : columns) {
    const postgres::Result name = connection.run(
        "SELECT CASE WHEN EXISTS (SELECT FROM pg_type WHERE oid = $1::oid) THEN format_type($1::oid, $2::int4) ELSE '' END",
        {{std::to_string(column.type_oid), std::to_string(column.type_modifier)}}, wait);
    column.type_name = name.string(0, 0);
  }
}

void read_base_types(postgres::Connection& connection, std::span<Column> columns, const Wait& wait) {
  std::string asked;
  for (const Column& column : columns)
    if (!well_known(column.type_oid)) asked += (asked.empty() ? "{" : ",") + std::to_string(column.type_oid);
  if (asked.empty()) return;
  const postgres::Result result = connection.run_planned(kBases, {{asked + "}"}}, wait);
  for (int row = 0; row < result.rows(); ++row) {
    if (result.null(row, 1)) continue;
    const TypeOf base{static_cast<std::uint32_t>(result.integer(row, 1)), static_cast<std::int32_t>(result.integer(row, 2)),
                      result.string(row, 3)};
    for (Column& column : columns)
      if (column.type_oid == static_cast<std::uint32_t>(result.integer(row, 0))) column.base = base;
  }
}

std::vector<TypeMakeUp> read_types(postgres::Connection& connection, const TableSchema& schema, const Wait& wait) {
  std::vector<std::uint32_t> types;
  for (const Column& column : schema.columns) types.push_back(column.type_oid);
  return postgres::read_type_make_up(connection, types, wait);
}

}  // namespace peerd
