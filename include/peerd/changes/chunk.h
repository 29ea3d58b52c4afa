#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "peerd/changes/stages.h"
#include "peerd/changes/table.h"

namespace peerd {

/// Where a mirror's stream begins.
struct SlotStart {
  std::string slot;
  Lsn consistent_point;
};

/// What a table's chunks are ranges of. Blocks are read faster; a rewrite of the table (VACUUM FULL) voids them.
enum class CutBy : std::uint8_t { blocks, key };

/// A part of a table that one COPY reads: ctid blocks [first_block, end_block), or with `range` the rows whose key lies
/// in it. The table's last chunk has no end: pages and keys added since the plan are read too. Identified by (table,
/// start, number).
struct Chunk {
  static constexpr std::uint64_t kNoEndBlock = ~0ull;
  TableId table;
  Lsn start;                  ///< The table's start_lsn when it was planned; a new plan has a new one (rules.md 9).
  std::uint32_t number = 0;   ///< From 0.
  std::uint32_t file_node = 0;  ///< pg_relation_filenode() at the plan; another one means a rewrite.
  std::uint64_t first_block = 0, end_block = kNoEndBlock;
  /// Cells in key order, in text form: [first, end). An empty one is open on that side.
  struct KeyRange {
    std::vector<std::string> first, end;
    /// Of the columns' rows in pg_attribute at the plan: another one means that a rewrite may have changed values, which
    /// the file node cannot tell from one that did not.
    std::int64_t columns_mark = 0;
    bool operator==(const KeyRange&) const = default;
  };
  /// Of a query: the range's first watermark and its last, both in it; both empty: all of the query, which has no watermark.
  std::optional<KeyRange> range;
  TableId part{};  ///< Of a partitioned table: the partition whose blocks these are; 0 = the table itself.
  bool again = false;  ///< Of a query: an earlier try may have left rows of it at the target. Not stored.
  /// Of a table without a key: the exported snapshot that it is read in (HeldSnapshot), which ends with the process.
  /// Not stored: a chunk without it is not read any more.
  std::string snapshot{};
  bool operator==(const Chunk&) const = default;
};

struct CopyCounts {
  std::uint64_t rows = 0, bytes = 0;
};
struct ChunkRecord {
  Chunk chunk;
  bool done = false;
  CopyCounts counts;
};

/// What the batches between two checkpoints did.
struct BatchRecord {
  Lsn first, end;
  std::uint64_t inserts = 0, updates = 0, deletes = 0, truncates = 0, bytes = 0;
  std::chrono::microseconds waited{0};   ///< The longest that one of them lay in the queue.
  std::chrono::microseconds applied{0};  ///< All of them in Target::apply.
  StageTimes stages{};                   ///< Since the record before; of checkpoints, up to the one before this.
  std::uint64_t changes() const { return inserts + updates + deletes + truncates; }
};

/// The form that chunk rows travel in, chosen by Target::prepare. One per table.
enum class CopyForm : std::uint8_t { binary, text };
struct CopyPlan {
  CopyForm form = CopyForm::text;
  std::vector<std::string> select_casts;  ///< One per column of the schema: "text" makes `col::text`; "" = none.
};

struct SlotStatus {
  std::string slot;
  bool exists = false, active = false;
  Lsn restart, confirmed, server_end;
  std::string wal_status;            ///< "reserved", "extended", "unreserved", "lost"; "" before Postgres 13.
  std::uint64_t wal_kept_bytes = 0;  ///< server_end - restart.
  std::uint64_t keep_most_bytes = 0;  ///< Of WAL, by the server's setting, before the slot is given up; 0 = no bound.
  bool failover = false;      ///< Standbys that synchronise slots keep it too (Postgres 17).
  std::string standby_slots;  ///< The server's synchronized_standby_slots.
  bool awaits_standbys = false;  ///< Its walsender waits for those: it sends nothing that they have not confirmed.
  std::string concern, concern_cure;  ///< What an operator must change at the source though the mirror goes on; "" = nothing.
};

/// The server a position belongs to: positions of another one mean nothing (rules.md 33, 34).
struct SourceIdentity {
  std::uint64_t system_identifier = 0;
  std::uint32_t timeline = 0;
  std::uint32_t database_oid = 0;  ///< 0 = not known: noted by an earlier peerd.
  std::string database{};          ///< For messages: it may be renamed.
  bool operator==(const SourceIdentity&) const = default;
  /// The same server and database, perhaps on another timeline.
  bool same_place(const SourceIdentity& other) const {
    return system_identifier == other.system_identifier &&
           (database_oid == other.database_oid || database_oid == 0 || other.database_oid == 0);
  }
};

}  // namespace peerd
