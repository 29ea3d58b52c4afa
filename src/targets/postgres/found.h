#pragma once

#include <optional>
#include <string>
#include <vector>

#include "peerd/changes/target_identity.h"
#include "postgres/bookkeeping.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// What is known of a table before anything is done to it.
struct Found {
  postgres::QualifiedName name;
  Standing standing;
  std::optional<TableNote> note;
  std::vector<TargetType> types;
  bool ours = false;
};
Found look(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);
TargetIdentity identity_of(const Found& found);

/// Why the mirror cannot have this table; nothing when it can.
std::optional<Problem> refusal(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Found& found,
                               const Wait& wait);

/// Throws where the table is gone, not the mirror's, or without a column of `table`.
void require_whole(const Found& found, const MirrorTable& table);

/// A partition has its columns from the table that it is a part of.
std::string where_columns_are_added(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);

/// DDL that the role may not run: the statement that lets it.
[[noreturn]] void rethrow_with_grant(Error& error, const Site& site, const Found& found, bool schema_missing);

/// Adds what the source gained.
void widen(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Wait& wait);

/// Of the key or unique constraint that the index holds; "" when it is none's.
std::string constraint_name(postgres::Connection& connection, const StandingIndex& index, const Wait& wait);

/// The name that the server gives to primary keys, quoted, where it is free; else "": the server finds one for the index.
std::string free_key_name(postgres::Connection& connection, const postgres::QualifiedName& table, const Wait& wait);

}  // namespace peerd::pgtarget
