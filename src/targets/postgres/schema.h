#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/postgres/connection.h"
#include "postgres/client.h"
#include "postgres/statements.h"

namespace peerd::pgtarget {

struct StandingColumn {
  std::string name, type;  ///< type as format_type() writes it.
  std::uint32_t type_oid = 0;
  std::int32_t modifier = -1;
  bool not_null = false, has_default = false, generated = false;
};

struct StandingIndex {
  std::uint32_t oid = 0;
  bool primary = false, plain = false;  ///< plain: neither expressions nor a condition.
  bool immediate = false, valid = false;
  std::vector<std::string> columns;  ///< "" for an expression.
};

/// A relation at the target as it stands now.
struct Standing {
  std::uint32_t oid = 0;  ///< 0 = there is none of that name.
  char kind = 'r';
  std::vector<StandingColumn> columns;
  std::vector<StandingIndex> unique;
  const StandingColumn* find(const std::string& name) const;
};
Standing inspect(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);
bool has_rows(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);
bool schema_exists(postgres::Connection& connection, const std::string& schema, const Wait& wait);

/// A column's type at the target: the source's where a type of that name exists there, else text.
struct TargetType {
  std::string name;
  std::uint32_t oid = 0;
};
std::vector<TargetType> target_types(postgres::Connection& connection, const TableSchema& schema, const Wait& wait);

std::string create_table(const Site& site, const postgres::QualifiedName& name, const TableSchema& schema,
                         const std::vector<TargetType>& types);
/// The ALTER TABLE statements that add what the source gained; older rows read its missing_value. None = nothing to
/// add.
std::vector<std::string> widen_table(const postgres::QualifiedName& name, const TableSchema& schema,
                                     const std::vector<TargetType>& types, const Standing& standing);

/// What keeps rows of `schema` out of the standing table, each in words. `may_widen`: absent columns are no difference.
std::vector<std::string> differences(const Site& site, const TableSchema& schema, const std::vector<TargetType>& types,
                                     const Standing& standing, bool may_widen);
/// A unique index that can arbitrate ON CONFLICT for exactly the mirror's key.
const StandingIndex* key_index(const TableSchema& schema, const Standing& standing);

CopyPlan copy_plan(const TableSchema& schema, const Standing& standing);
Shape shape_of(const Site& site, const postgres::QualifiedName& name, const TableSchema& schema,
               const Standing& standing);
std::vector<std::string> quoted_key(const TableSchema& schema);

}  // namespace peerd::pgtarget
