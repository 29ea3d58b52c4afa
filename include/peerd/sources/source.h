#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/row_lookup.h"
#include "peerd/sources/change_stream.h"
#include "peerd/sources/chunk_reader.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/table_pattern.h"

namespace peerd {

/// A table that a pattern names.
struct NamedTable {
  TableName name;
  /// Another one when what decides whether it can be mirrored has changed; "" of a known one.
  std::string mark;
  std::vector<TableName> wholes;  ///< Partitioned tables that it is a part of, however deep.
};

/// A snapshot of the source that shows exactly what was committed in the WAL before `start`, and nothing else (rules.md
/// 41). It holds a connection, and with it the server's old row versions, until it is destroyed. Any number of readers
/// may share it meanwhile, by its name (Chunk::snapshot).
class HeldSnapshot {
 public:
  virtual ~HeldSnapshot() = default;
  virtual Lsn start() const = 0;
  virtual std::string name() const = 0;
};

/// Where a mirror's changes come from. A mirror owns one; calls come one at a time from the mirror's
/// own thread. What open_*() returns has its own connection, may outlive no Source, and goes to one
/// other thread. Throws Error or Stopped; position_lost means the slot cannot be followed any more.
/// Connects when first needed, and again after a failure: a dead server costs the call, not the Source.
class Source {
 public:
  virtual ~Source() = default;
  /// Changes nothing; every problem with its cure: wal_level, replication privilege, SELECT on each table, existence, kind of
  /// relation, replica identity and key (rules.md 4), publication's coverage and operations (7), row filters and column lists,
  /// free slots and senders, synchronous_standby_names (37).
  virtual Problems preflight(const Wait& wait) = 0;
  /// The mapped tables as pgoutput will send them, excluded columns gone, keys settled; target names from the mapping.
  /// start is 0. Throws not_found for one that is missing.
  virtual std::vector<MirrorTable> describe(const Wait& wait) = 0;
  /// MirrorTable::unique and types of tables that were described earlier, as they are now.
  virtual void read_unique(std::span<MirrorTable> tables, const Wait& wait) = 0;
  /// Throws source_unfit (later) while the server is a standby.
  virtual SourceIdentity identity(const Wait& wait) = 0;
  /// The peer is `now`, which is `noted` on a later timeline. Throws position_lost, with the reason, unless it was
  /// promoted from there with all that was committed before `reached`, and holds the slot as its standby kept it, at or
  /// before `from`.
  virtual void check_promoted(const SourceIdentity& noted, const SourceIdentity& now, Lsn reached, Lsn from,
                              const Wait& wait) = 0;
  /// The source's tables, partitioned ones and partitions too, that one of the patterns names; by name. Those of
  /// extensions, the server's and peerd's own, and temporary ones are none. It may tell of more tables than the
  /// patterns name. `known`: tables whose mark nobody needs.
  virtual std::vector<NamedTable> tables_like(std::span<const TablePattern> patterns, std::span<const TableName> known,
                                              const Wait& wait) = 0;

  /// Makes the publication when the spec names none. One that it made gets the tables that it lacks and loses those that are
  /// not mapped (7).
  virtual void ensure_publication(const Wait& wait) = 0;
  std::string slot_name() const { return slot_name_; }  ///< Holds the mirror's uuid (35), or what the operator named.
  /// Makes the slot; its consistent point is where the stream begins. `intended` says that an earlier run stored its
  /// intent: a slot of this name is then adopted while nothing was consumed of it; else it is an error. A wait for running
  /// transactions names their pids through `step` (35).
  virtual SlotStart ensure_slot(bool intended, const std::function<void(std::string)>& step, const Wait& wait) = 0;
  /// Blocks until every transaction that was in progress at the call has ended (rules.md 8); `step` says who is waited for.
  virtual void await_settled(const std::function<void(std::string)>& step, const Wait& wait) = 0;
  /// The table's chunks for `table.start`, measured now. At least one, the last one open-ended. Cut by key they outlive
  /// rewrites that change no value (rules.md 9).
  virtual std::vector<Chunk> plan(const MirrorTable& table, CutBy by, std::uint64_t rows_per_chunk, const Wait& wait) = 0;
  virtual std::unique_ptr<ChunkReader> open_reader(const Wait& wait) = 0;
  /// For tables without a key, whose copy no repeated change would mend. Waits for transactions that run at the call.
  virtual std::unique_ptr<HeldSnapshot> hold_snapshot(const std::function<void(std::string)>& step, const Wait& wait) {
    static_cast<void>(step), static_cast<void>(wait);
    throw Error(ErrorCode::internal, "this source holds no snapshot");
  }
  /// pg_current_wal_insert_lsn(): rules.md 8, 14, 15. Above what an earlier call has answered.
  virtual Lsn insert_position(const Wait& wait) = 0;
  /// Checks rules.md 33-34 first (slot there and not lost, `from` not before confirmed_flush nor past the WAL's end).
  /// `tables`: what the target is prepared for; `shaped_at`: older shapes
  /// met in transactions that committed at or before it are followed in silence.
  virtual std::unique_ptr<ChangeStream> open_stream(Lsn from, std::span<const MirrorTable> tables, Lsn shaped_at, const Wait& wait) = 0;
  virtual std::unique_ptr<RowLookup> open_lookup(const Wait& wait) = 0;
  /// Ids of the transactions that run at the source now.
  virtual std::vector<std::uint32_t> running(const Wait&) { return {}; }
  /// An earlier stream handed out a transaction's changes, which are still to be applied: lookups wait for it as for those of
  /// the open stream (rules.md 18). Before the first lookup.
  virtual void recall_sent(Lsn commit, std::uint32_t xid) { static_cast<void>(commit), static_cast<void>(xid); }
  /// Any mirror's slot at the same peer: one connection tells of all. check_slot() throws position_lost,
  /// with the reason, when it can be followed no more.
  virtual SlotStatus slot_of(const MirrorSpec& mirror, const Lease& lease, const Wait& wait) = 0;
  virtual void check_slot(const std::string& slot, const Wait& wait) = 0;
  virtual SlotStatus slot_status(const Wait& wait) = 0;  ///< Also while paused: alerts and the WAL budget ask.
  /// The publication that the mirror made itself, and, when `slot_intended`, the slot: without an intent one of that name
  /// is somebody else's. Idempotent.
  virtual void drop(bool slot_intended, const Wait& wait) = 0;
  /// What drop() would remove, in words and as statements, for when it cannot be removed from here.
  struct Belongings {
    std::string words, cure;
  };
  virtual Belongings belongings(bool slot_intended) const {
    return {slot_intended ? "replication slot \"" + slot_name_ + "\"" : "", ""};
  }

 protected:
  std::string slot_name_;
};

}  // namespace peerd
