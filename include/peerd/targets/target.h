#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/progress.h"
#include "peerd/changes/row_lookup.h"
#include "peerd/targets/chunk_writer.h"

namespace peerd {

/// Always durable <= applied.
struct ApplyResult {
  Applied applied;
  Durable durable;  ///< Batch::complete_to(), unless the tail is open: then the last whole transaction's.
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
  /// Creates the table, or widens it by added columns (their missing_value fills older rows). Idempotent. Refuses a table of
  /// another's, or one that would have to lose or narrow a column (rules.md 2). Chooses the form of chunk rows.
  virtual CopyPlan prepare(const MirrorTable& table, const Wait& wait) = 0;
  /// The table starts anew at table.start: removes its rows of before, and what it noted of older plans (rules.md 9).
  /// Called before prepare(). Touches nothing but this mirror's own table: an absent one, or one that bookkeeping does not know
  /// as this mirror's, is left as it is (prepare() refuses it then). May make its own table again when the shape has changed.
  virtual void restart_copy(const MirrorTable& table, const Wait& wait) = 0;
  virtual std::unique_ptr<ChunkWriter> open_writer(const Wait& wait) = 0;  ///< One per snapshot worker. Callable from its thread.
  virtual void end_copy(const MirrorTable& table, const Wait& wait) = 0;   ///< Keys, duplicates (rules.md 11, 23). Idempotent.
  /// Open tail: what is visible stays whole (Postgres keeps its transaction open), durable stays before it.
  /// An empty batch only moves the position.
  virtual ApplyResult apply(const Batch& batch, const ApplyContext& context) = 0;
  /// Where it keeps the checkpoint itself (Postgres: in the rows' own transaction); else none. The truth when both exist.
  virtual std::optional<Durable> position(const Wait& wait) = 0;
  virtual void set_position(Durable start, const Wait& wait) = 0;  ///< Before the first apply of a mirror. No-op without position().
  virtual void forget(const Wait& wait) = 0;  ///< Its bookkeeping for this mirror, never rows. Idempotent.
  /// The least time between two applies that an operator would want: 0, or ClickHouse's 1 s, more under part pressure (rule 22).
  virtual std::chrono::milliseconds flush_interval() const noexcept = 0;
};

}  // namespace peerd
