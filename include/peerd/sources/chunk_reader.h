#pragma once

#include <cstddef>
#include <span>

#include "peerd/base/clock.h"
#include "peerd/changes/chunk.h"

namespace peerd {

/// Reads one chunk at a time, each in its own short transaction on one connection. One snapshot worker owns it.
/// The transaction locks the table (ACCESS SHARE) before it takes its snapshot and compares OID, file node (of a
/// chunk cut by key: the columns' mark), columns, types, defaults and replica identity with the plan; its end waits until the WAL that its snapshot could see is flushed (rules.md 9, 10, 12).
class ChunkReader {
 public:
  enum class Opened { ready, table_moved };  ///< table_moved: start that table anew; nothing was read.
  virtual ~ChunkReader() = default;
  virtual Opened open(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const Wait& wait) = 0;
  /// The next whole COPY rows (no header, no trailer), about 64 KiB to 1 MiB, one row at least; valid until
  /// the next call. Empty at the end: then the transaction is over and what it saw is flushed. A throw abandons the chunk.
  virtual std::span<const std::byte> read(const Wait& wait) = 0;
};

}  // namespace peerd
