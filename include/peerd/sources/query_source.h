#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/sources/chunk_reader.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// Where the rows of a mirror of a query come from (docs/adr/0016). It only reads: no slot, no publication, no right but SELECT.
/// A mirror owns one; calls come one at a time from the mirror's own thread. What open_reader() returns has its own connection
/// and goes to one other thread. Connects when first needed, and again after a failure. Throws Error or Stopped.
///
/// A round copies what is new: measure() reads the highest watermark that is committed, await_settled() waits until nothing
/// that could still commit at or below it runs, cut() makes ranges of what lies between it and the round before, and a reader
/// reads one range in one short read-only transaction.
class QuerySource {
 public:
  virtual ~QuerySource() = default;
  /// Changes nothing; every problem with its cure: the query (as the server takes it, and where it stumbles), its columns, the
  /// watermark and its type, a server in recovery.
  virtual Problems preflight(const Wait& wait) = 0;
  /// What the query returns, as a table: columns as the server describes them, the unique key columns as its key. It is named
  /// as the watermark table is, or "public.query" without one; its id is 1 and its start 0.
  virtual MirrorTable describe(const Wait& wait) = 0;
  /// What is not known, as the role may not ask it, is 0.
  virtual SourceIdentity identity(const Wait& wait) = 0;
  virtual Lsn insert_position(const Wait& wait) = 0;  ///< Of the WAL, now.

  struct Round {
    Lsn position;      ///< Of the WAL, when `last` was read. It is flushed: what was seen is not lost.
    std::string last;  ///< The highest watermark, as text; "" without one.
    bool operator==(const Round&) const = default;
  };
  /// `after`: the last watermark of the round before; nullopt: all is new. nullopt when nothing is.
  virtual std::optional<Round> measure(const std::optional<std::string>& after, const Wait& wait) = 0;
  /// Blocks until every transaction that was open at the call has ended, also one that has not written yet: its now() is the
  /// time of its beginning. `step` says who is waited for.
  virtual void await_settled(const std::function<void(std::string)>& step, const Wait& wait) = 0;
  /// Ranges of about `rows` rows each, one at least, that together are what lies behind `after` and not behind round.last. They
  /// do not overlap; each Chunk::range holds its first and its last watermark, both in it. Numbered as the watermarks rise.
  virtual std::vector<Chunk> cut(const MirrorTable& table, const std::optional<std::string>& after, const Round& round,
                                 std::uint64_t rows, const Wait& wait) = 0;
  /// Throws schema_changed (after_operator) where the query returns other columns than `table` has.
  virtual std::unique_ptr<ChunkReader> open_reader(const Wait& wait) = 0;
};

using MakeQuerySource = std::function<std::unique_ptr<QuerySource>(const PeerSpec&, const MirrorSpec&, const Lease&)>;

}  // namespace peerd
