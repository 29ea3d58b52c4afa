#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/progress.h"
#include "peerd/changes/row_lookup.h"
#include "peerd/changes/target_identity.h"
#include "peerd/targets/chunk_writer.h"
#include "peerd/targets/unfit_values.h"

namespace peerd {

/// Always durable <= applied.
struct ApplyResult {
  Applied applied;
  Durable durable;  ///< At most Batch::complete_to(), and with an open tail the last whole transaction's: see settle().
  std::vector<UnfitValues> unfit{};
  std::chrono::nanoseconds committing{0};  ///< Of what apply() has waited, how long for a commit (Blocked).
};

/// Where changes go. A mirror owns one and calls it one call at a time: the mirror's thread until the
/// stream starts, then the writer thread. Replay is harmless: after a throw or crash the same changes
/// come again, cut into other batches. After a throw of apply() only ~Target may follow.
/// Connects when first needed.
class Target {
 public:
  virtual ~Target() = default;
  virtual Problems preflight(std::span<const MirrorTable> tables, const Wait& wait) = 0;  ///< Changes nothing.
  /// Takes ownership of the mirror's bookkeeping there for this lease's epoch; an older one is fenced from now on
  /// (Postgres: the fence row; ClickHouse: statements left over from older epochs are killed and awaited, rules.md 21).
  virtual void open(const Wait& wait) = 0;
  /// The server (cluster, database) that rows go to. Changes nothing, and is asked before open(), so that nothing is made at
  /// another one.
  virtual TargetIdentity identity(const Wait& wait) = 0;

  // A table's verbs. The caller notes what create() returns, once; see docs/adr/0008.
  /// Creates the table, or adopts an operator's empty one, or takes the mirror's own as it stands (a crash before the note).
  /// Only while nothing has been copied into it, or all of it will be copied anew. Idempotent. Refuses a table of another's.
  virtual TargetIdentity create(const MirrorTable& table, const Wait& wait) = 0;
  /// Of a mirror that an earlier peerd made without a note: what its own table is known by. Changes nothing; throws when
  /// the table is gone or not the mirror's.
  virtual TargetIdentity recognize(const MirrorTable& table, const Wait& wait) = 0;
  /// At each start: the table is the one that was noted, with every column of `table`; throws after_operator when it is gone or
  /// another. Changes nothing there but what an alter() did in a transaction that was lost. Chooses the form of chunk rows.
  virtual CopyPlan verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) = 0;
  /// From shape to shape: adds what `to` has and `from` has not (its missing_value fills older rows), lets it hold what `to`
  /// may. What only `from` has stays, and its name is given to no other column, or is dropped where the mirror asks for it
  /// (MirrorSpec::drops_columns()), and dropped() tells. Idempotent. Never narrows (rules.md 2).
  /// Columns that both have under different names (by their numbers) are renamed; where that cannot be done nothing is.
  virtual void alter(const MirrorTable& from, const MirrorTable& to, const Wait& wait) = 0;
  /// Of an alter() that was begun and of which nobody knows how far it came: its columns have the names of `from` again.
  virtual void take_back_names(const MirrorTable& /*from*/, const MirrorTable& /*to*/, const Wait& /*wait*/) {}
  /// The numbers of the source's columns that alter() has dropped, as far as the target remembers: those at least of alters of
  /// which nobody knows how far they came.
  virtual std::vector<std::int16_t> dropped(const MirrorTable& /*table*/, const Wait& /*wait*/) { return {}; }
  /// The table starts anew at table.start: removes its rows of before, and what it noted of older plans (rules.md 9).
  /// Called before create(). Touches nothing but this mirror's own table: an absent one, or one that bookkeeping does not know
  /// as this mirror's, is left as it is (create() refuses it then). One that `noted` says the mirror made may be made again
  /// when the shape has changed; an operator's never is.
  virtual void restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) = 0;

  // RESYNC: a table is copied anew from its start, and its readers keep what is there until all of it is.
  /// The table that the copy goes into before it takes the place of `table`. "": this kind of target has none, and the copy
  /// goes into `table` itself, whose readers are told that what was before is void.
  virtual std::string shadow_of(const MirrorTable& table) const = 0;
  /// Why `table`, as it is at the source now, cannot be copied anew. Changes nothing.
  virtual Problems check_resync(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) = 0;
  /// An empty shadow for a copy from table.start; what an earlier try left of one goes. `noted`: of the table whose place it
  /// will take. Returns what is to be noted of the shadow.
  virtual TargetIdentity create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) = 0;
  /// REQUIRES: all rows are in the shadow, and end_copy() of it is done. They take the place of the table's at once, and the
  /// shadow is gone. `shadow`: as noted. Idempotent. Returns what the table is known by from now on.
  virtual TargetIdentity swap(const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) = 0;

  /// The table is the mirror's no more: its shadow goes, and what bookkeeping and the table itself say of it goes, rows and definition stay. An
  /// absent table is no error. Idempotent.
  virtual void release(const MirrorTable& table, const Wait& wait) = 0;
  virtual std::unique_ptr<ChunkWriter> open_writer(const Wait& wait) = 0;  ///< One per snapshot worker. Callable from its thread.
  virtual void end_copy(const MirrorTable& table, const Wait& wait) = 0;   ///< Keys, duplicates (rules.md 11, 23). Idempotent.
  /// Whether apply() shows rows as they were: ChangeView::old_row is then filled, and costs its bytes. Constant.
  virtual bool wants_old_rows() const noexcept { return false; }
  /// Open tail: what is visible stays whole (Postgres keeps its transaction open), durable stays before it.
  /// An empty batch only moves the position.
  virtual ApplyResult apply(const Batch& batch, const ApplyContext& context) = 0;
  /// What apply() has shown and not called durable is durable on return, but for an open tail. For when nothing follows soon:
  /// a target whose durable trails its applied settles by itself from time to time. nullopt: its two are always one.
  virtual std::optional<Durable> settle(const Wait&) { return std::nullopt; }
  /// Where it keeps the checkpoint itself (Postgres: in the rows' own transaction); else none. The truth when both exist.
  virtual std::optional<Durable> position(const Wait& wait) = 0;
  /// No change that committed at or after it is in these tables, whatever an apply() that got no answer has left there.
  /// REQUIRES: open(). nullopt: nothing tells.
  virtual std::optional<Lsn> reached(std::span<const MirrorTable> /*tables*/, const Wait& wait) {
    const std::optional<Durable> own = position(wait);
    return own ? std::optional(own->lsn) : std::nullopt;
  }
  /// Where the highest horizon that look-ups have raised commits with the rows as well: it. Then whoever starts from
  /// position() knows all that the rows up to there know of the future (rules.md 14). nullopt: it does not, or not yet.
  virtual std::optional<Lsn> kept_horizon(const Wait&) { return std::nullopt; }
  /// From here on it is kept so, and is at least this. No-op where it cannot be.
  virtual void keep_horizon(Lsn, const Wait&) {}
  virtual void set_position(Durable start, const Wait& wait) = 0;  ///< Before the first apply of a mirror. No-op without position().
  virtual void forget(const Wait& wait) = 0;  ///< Its bookkeeping for this mirror, never rows. Idempotent.
  /// The least time between two applies that an operator would want: 0, or ClickHouse's 1 s, more under part pressure (rule 22).
  virtual std::chrono::milliseconds flush_interval() const noexcept = 0;
};

}  // namespace peerd
