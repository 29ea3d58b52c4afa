#pragma once

#include <cstdint>
#include <string>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"
#include "postgres/client.h"

// What a table of the mirror consists of, noted in _peerd.columns and _peerd.partitions: a column is its number in
// pg_attribute and a partition its OID, whatever their names mean later. One that is dropped and made again has lost
// what was in it, and takes what comes as if nothing had happened.
namespace peerd::pgtarget {

/// Notes what stands, in place of what was noted. REQUIRES: all of the table's rows are to come.
void note_parts(postgres::Connection& connection, const Site& site, const MirrorTable& table, std::uint32_t oid,
                const Wait& wait);

/// Notes what has come since: columns that the mirror added, an operator's new partitions; all of it where an earlier
/// version noted nothing. Throws target_unfit where a partition is the target of another mapping.
void learn_parts(postgres::Connection& connection, const Site& site, const MirrorTable& table, std::uint32_t oid,
                 const Wait& wait);

/// Throws target_unfit with the name of what was noted and is gone, or another one now.
void require_parts(postgres::Connection& connection, const MirrorTable& table, std::uint32_t oid, const Wait& wait);

/// The prepared statement that fails with a division by zero where require_parts() may throw for one of the tables,
/// "{16401,16402}", learn_parts() would find a new partition of one, one is not_durable(), or the sum of their
/// column_sum() is another than its second parameter.
inline constexpr const char* kPartsCheck = "peerd_parts_stand";
/// Stands for types, collations and defaults of the columns that are noted.
std::int64_t column_sum(postgres::Connection& connection, const std::string& oid, const Wait& wait);
/// REQUIRES: the bookkeeping stands.
void prepare_parts_check(postgres::Connection& connection, const Wait& wait);

}  // namespace peerd::pgtarget
