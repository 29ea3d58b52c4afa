#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/postgres/connection.h"
#include "postgres/client.h"
#include "postgres/statements.h"

namespace peerd::pgtarget {

/// The tables of the array $1 and all their partitions, as own(oid). pg_partition_tree() would lock them.
inline constexpr std::string_view kWithPartitions =
    "WITH RECURSIVE own(oid) AS (SELECT unnest($1::oid[]) UNION SELECT i.inhrelid FROM own JOIN pg_inherits i"
    " ON i.inhparent = own.oid JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition)";

struct StandingColumn {
  std::string name, type;  ///< type as format_type() writes it.
  std::uint32_t type_oid = 0;
  std::int32_t modifier = -1;
  bool not_null = false, has_default = false, generated = false;
  bool computed_on_read = false;  ///< Generated, and no statement makes it an ordinary one (VIRTUAL, Postgres 18).
  bool identity_always = false;  ///< It takes no value by UPDATE.
  bool domain_not_null = false;  ///< A domain of its type is NOT NULL.
  bool refuses_absence() const { return (not_null || domain_not_null) && !has_default; }
  std::string base;  ///< The type under its domains, with the column's collation: what the staging table has.
  std::string collation;  ///< "COLLATE s.n", or "".
  bool bytewise = true;   ///< It tells all different texts apart.
  std::string default_value;  ///< Its expression, "" = none.
};

struct StandingIndex {
  std::uint32_t oid = 0;
  bool primary = false, plain = false;  ///< plain: neither expressions nor a condition.
  bool immediate = false, valid = false;
  std::vector<std::string> columns;  ///< "" for an expression.
  std::vector<Equality> equal;       ///< By column.
};

/// A relation at the target as it stands now.
struct Standing {
  std::uint32_t oid = 0;  ///< 0 = there is none of that name.
  char kind = 'r';
  bool checks = false;  ///< CHECK constraints stand on it, or on a domain of its columns.
  std::vector<StandingColumn> columns;
  std::vector<StandingIndex> unique;
  std::vector<UniqueRule> rules;  ///< All that keeps its rows apart, those of its partitions too.
  const StandingColumn* find(const std::string& name) const;
  /// "ONLY s.t", or "s.t" where a partitioned table's rows stand in its partitions.
  std::string rows_of(const postgres::QualifiedName& name) const;
};
Standing inspect(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);
bool has_rows(postgres::Connection& connection, const postgres::QualifiedName& name, const Standing& standing,
              const Wait& wait);
/// Empties the table, by TRUNCATE where that is possible: a foreign key that points at it forbids that in every role, and
/// the right to do it may be lacking.
void remove_all_rows(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);
/// A foreign key of another table points at it, or at a partition of it.
bool is_referenced(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);
bool schema_exists(postgres::Connection& connection, const std::string& schema, const Wait& wait);

/// A column's type at the target: the source's where a type of that name exists there, else text.
struct TargetType {
  std::string name;
  std::uint32_t oid = 0;
  std::string unlike{};  ///< What a type of the source's name is made of here, where that is something else.
};
std::vector<TargetType> target_types(postgres::Connection& connection, const MirrorTable& table, const Wait& wait);

/// The column there takes every value of the source's, and keeps different ones apart.
bool takes(const StandingColumn& column, const Column& source, const TargetType& wanted);

std::string create_table(const Site& site, const postgres::QualifiedName& name, const TableSchema& schema,
                         const std::vector<TargetType>& types);
/// The ALTER TABLE statements that add what the source gained; older rows read its missing_value. None = nothing to
/// add.
std::vector<std::string> widen_table(const postgres::QualifiedName& name, const TableSchema& schema,
                                     const std::vector<TargetType>& types, const Standing& standing);

/// What keeps rows of `schema` out of the standing table.
struct Difference {
  std::string words, alter;  ///< alter: the part of an ALTER TABLE that ends it, "" = none does.
  std::string column{};      ///< That it is of, where the source has it.
  bool keeps_rows = false;   ///< `alter` undoes it, whoever made the table: no stored value has a part in it.
};
/// `ours`: absent columns of the source are no difference; else peerd's own are none: adopting the table adds them.
std::vector<Difference> differences(const Site& site, const TableSchema& schema, const std::vector<TargetType>& types,
                                    const Standing& standing, bool ours);
/// The parts of an ALTER TABLE that give an operator's table peerd's own columns, which fill themselves.
std::vector<std::string> add_own_columns(const Site& site, const Standing& standing);
/// It keeps just the key's columns apart, in whatever order.
bool is_of_key(const TableSchema& schema, const StandingIndex& index);
/// A unique index that can arbitrate ON CONFLICT for exactly the mirror's key.
const StandingIndex* key_index(const TableSchema& schema, const Standing& standing);

CopyPlan copy_plan(const TableSchema& schema, const Standing& standing);
/// REQUIRES: no rule of the standing table is stricter than the source.
Shape shape_of(const Site& site, const postgres::QualifiedName& name, const MirrorTable& table,
               const Standing& standing);
std::vector<std::string> quoted_key(const TableSchema& schema);

}  // namespace peerd::pgtarget
