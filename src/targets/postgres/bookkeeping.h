#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "peerd/changes/chunk.h"
#include "peerd/postgres/connection.h"
#include "postgres/client.h"

namespace peerd::pgtarget {

// What a mirror notes at the target, in the schema _peerd: mirrors (the fence), positions (the checkpoint), tables (who
// owns them), chunks (the ledger of finished ones), columns and partitions (what tables consist of: parts.h), horizons (of
// look-ups, committed with the rows). Fence and checkpoint are two tables, so that chunk writers, which
// hold the fence row for as long as a chunk takes, do not hold up the stream.

/// Creates the schema where it is absent, and what an earlier version's lacks. Throws no_privilege with the GRANT that cures it.
void ensure_bookkeeping(postgres::Connection& connection, const Site& site, const Wait& wait);
bool bookkeeping_exists(postgres::Connection& connection, const Wait& wait);

/// Makes `site.epoch` the one that may write, ends what older epochs left running, and returns the position, 0 = none
/// yet. Throws fenced when a higher epoch stands.
Lsn take_over(postgres::Connection& connection, const Site& site, const Wait& wait);

/// BEGIN, and the fence row locked until the end of the transaction. Throws fenced, with the transaction rolled back.
void begin_fenced(postgres::Connection& connection, const Site& site, const Wait& wait);
[[noreturn]] void throw_fenced(const Site& site);

std::optional<Lsn> read_position(postgres::Connection& connection, const Site& site, const Wait& wait);
/// The name of the prepared statement that locks the fence row and moves the position forward: one row when it did.
inline constexpr const char* kCheckpoint = "peerd_checkpoint";
/// The same, and a division by zero where it does not. Parameters: the position; the transaction's synchronous_commit,
/// NULL = as it is.
inline constexpr const char* kSureCheckpoint = "peerd_sure_checkpoint";
void prepare_checkpoint(postgres::Connection& connection, const Site& site, const Wait& wait);

/// nullopt: none is kept yet.
std::optional<Lsn> read_horizon(postgres::Connection& connection, const Site& site, const Wait& wait);
/// At least `horizon` from now on; in the transaction that stands, if one does.
void write_horizon(postgres::Connection& connection, const Site& site, Lsn horizon, const Wait& wait);

/// Everything that was committed before is flushed on return (and where the server has synchronous standbys, by these as
/// well). True: it has some. REQUIRES: no transaction is open, and the session commits synchronously.
bool flush_commits(postgres::Connection& connection, const Wait& wait);

/// A row of _peerd.tables.
struct TableNote {
  std::string uuid, mirror;  ///< The owner's; mirror is its name.
  Lsn start;                 ///< What restart_copy() was last told.
  bool made = false;         ///< The mirror created the table; else it adopted an empty one.
  bool key_built =
      false;  ///< Its key stands. `key_name` is the constraint that the mirror added, "" when it found one.
  std::string key_name;
};
std::optional<TableNote> read_note(postgres::Connection& connection, const postgres::QualifiedName& table,
                                   const Wait& wait);
/// Inserts or replaces the note. REQUIRES: a fenced transaction.
void write_note(postgres::Connection& connection, const Site& site, const postgres::QualifiedName& name, TableId id,
                const TableNote& note, const Wait& wait);
void erase_note(postgres::Connection& connection, const postgres::QualifiedName& name, const Wait& wait);

std::optional<CopyCounts> read_chunk(postgres::Connection& connection, const Site& site, const Chunk& chunk,
                                     const Wait& wait);
void write_chunk(postgres::Connection& connection, const Site& site, const Chunk& chunk, const CopyCounts& counts,
                 const Wait& wait);
void erase_chunks(postgres::Connection& connection, const Site& site, TableId table, const Wait& wait);
/// Those of the chunk's table with an earlier start.
void erase_chunks_before(postgres::Connection& connection, const Site& site, const Chunk& chunk, const Wait& wait);

void forget_table(postgres::Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait);
void forget_mirror(postgres::Connection& connection, const Site& site, const Wait& wait);

}  // namespace peerd::pgtarget
