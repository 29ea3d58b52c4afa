#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/changes/progress.h"
#include "peerd/changes/target_identity.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// How far a table's RESYNC is: asked for; described anew and copied into its shadow; the shadow about to take its place.
enum class Resync : std::uint8_t { none, asked, copying, swapping };

/// Everything but chunks that a mirror must find again.
struct MirrorProgress {
  bool slot_intended = false;               ///< rules.md 35: about to make the slot.
  bool slot_outdated = false;               ///< One of its name has to go first: a RESYNC makes another.
  std::optional<SlotStart> slot;            ///< Made.
  std::optional<SourceIdentity> identity;   ///< Of the server that slot and publication lie on.
  std::optional<Durable> checkpoint;
  std::vector<MirrorTable> tables;          ///< In their shape at `shaped_at`, with their start.
  Lsn shaped_at;
  Lsn spooled_to;                  ///< What lies in the mirror's spool up to there is on disk; 0 = nothing. The slot may have been told.
  std::uint64_t spool_shaped = 0;  ///< Number of the last record in a spool whose shape the tables have.
  struct TableNote {
    TableId table;
    bool planned = false, copied = false;   ///< All chunks written down; all of them done and end_copy() passed.
    Lsn horizon;                            ///< rules.md 14; 0 while not copied.
    std::uint32_t moves = 0;                ///< How often moved() was called since the last copied().
    Resync resync = Resync::none;
    std::optional<ParkedTable> parked{};
  };
  std::vector<TableNote> notes;
  /// nullptr: none.
  const TableNote* note(TableId table) const {
    const auto found = std::ranges::find(notes, table, &TableNote::table);
    return found == notes.end() ? nullptr : &*found;
  }
  std::optional<TargetIdentity> target;                 ///< Noted: the target as a whole,
  std::map<std::string, TargetIdentity> target_tables;  ///< and its tables, by name there.
};

/// What a mirror must find again after kill -9. Thread-safe: one connection, one mutex, short calls.
/// Every method is one transaction, on disk when it returns; a stale lease throws Error (fenced).
class ProgressStore {
 public:
  virtual ~ProgressStore() = default;
  virtual MirrorProgress progress(MirrorId mirror) = 0;
  /// Where the mirror's slot and publication will lie: before either is made.
  virtual void note_source(const Lease& lease, const SourceIdentity& identity) = 0;
  virtual void intend_slot(const Lease& lease) = 0;
  /// The slot is followed no more: it is to be dropped, and another made (slot_outdated). The checkpoint stays.
  virtual void forget_slot(const Lease& lease) = 0;
  virtual void begin(const Lease& lease, const SlotStart& slot, const SourceIdentity& identity) = 0;
  /// The mirror's tables, whole list: others are forgotten, and a table with another start than before is unplanned again.
  /// `shaped_at`: changes committed up to it may still come in an older shape.
  virtual void set_tables(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at) = 0;
  /// Replaces all chunks of the table, none done; stores its start and file node in one transaction.
  virtual void plan(const Lease& lease, const MirrorTable& table, std::span<const Chunk> chunks) = 0;
  virtual void chunk_done(const Lease& lease, const Chunk& chunk, CopyCounts counts) = 0;  ///< Ignored when no longer planned.
  virtual std::vector<ChunkRecord> chunks(MirrorId mirror) = 0;
  virtual void moved(const Lease& lease, TableId table) = 0;  ///< A chunk met the table rewritten or altered (rules.md 9).
  virtual void copied(const Lease& lease, TableId table, Lsn horizon) = 0;  ///< After the table's last chunk and end_copy().
  /// From here on the table's changes are left out, until begin_resync() of it, or another start.
  virtual void park(const Lease& lease, TableId table, const ParkedTable& parked) = 0;
  /// What an operator asks, and so without a lease: these tables are copied anew, from the start, however far an earlier RESYNC
  /// of theirs has come. All or none: throws wrong_state when the mirror has one of them no more.
  virtual void ask_resync(MirrorId mirror, std::span<const TableId> tables) = 0;
  /// The table as it is at the source now, in the place of `before`: nothing of it is planned or copied. Ignored when it was
  /// not asked for.
  virtual void begin_resync(const Lease& lease, TableId before, const MirrorTable& table) = 0;
  /// All of it is copied: from here on the shadow takes the table's place. False when a RESYNC was asked for again.
  virtual bool begin_swap(const Lease& lease, TableId table) = 0;
  /// The shadow has taken its place: as copied(), and what the target's table is known by from now on.
  virtual void resynced(const Lease& lease, const MirrorTable& table, Lsn horizon, const std::string& shadow,
                        const TargetIdentity& identity) = 0;
  /// What the target is known by, or its table `name`. "" = the target as a whole. Replaces an older note.
  virtual void note_target(const Lease& lease, const std::string& name, const TargetIdentity& identity) = 0;
  virtual Stored checkpoint(const Lease& lease, Durable durable, const BatchRecord& batch) = 0;  ///< Never goes back.
  virtual Stored spooled(const Lease& lease, Spooled position) = 0;  ///< Never goes back, until another slot is made.
  /// As set_tables(), of shapes that came by the spool's record `record`, or before it.
  virtual void took_shape(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at, std::uint64_t record) = 0;

  virtual void log(MirrorId mirror, const LogRecord& record) = 0;  ///< What users read as mirror_logs; the last 1,000 per mirror stay.
  virtual std::vector<LogRecord> logs(MirrorId mirror) = 0;        ///< Newest last.
  struct BatchNote {
    std::int64_t id = 0, at_us = 0;
    BatchRecord batch;
  };
  virtual std::vector<BatchNote> batches(MirrorId mirror) = 0;     ///< The last 1,000 with changes, oldest first.

 protected:
  static Stored vouch(Durable durable) { return Stored(durable.lsn); }
  static Stored vouch(Spooled spooled) { return Stored(spooled.lsn()); }
};

}  // namespace peerd
