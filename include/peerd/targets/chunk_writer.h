#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/changes/chunk.h"
#include "peerd/targets/unfit_values.h"

namespace peerd {

/// Loads chunks through a connection of its own. One snapshot worker owns it; several work at once.
/// Destroyed or re-begun before finish(), it leaves nothing of the chunk that a repeat would double.
class ChunkWriter {
 public:
  enum class Begun {
    ready,
    known_done  ///< A transactional target noted it with the rows: a crash came between finish() and the catalog's note.
  };
  virtual ~ChunkWriter() = default;
  /// known_done: `known` holds the counts; the worker only records it.
  virtual Begun begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, CopyCounts& known, const Wait& wait) = 0;
  virtual void write(std::span<const std::byte> rows, const Wait& wait) = 0;  ///< As ChunkReader::read gave them.
  virtual CopyCounts finish(const Wait& wait) = 0;                            ///< On return the chunk is durable.
  virtual std::vector<UnfitValues> unfit() { return {}; }                     ///< Of the chunk that was finished last.
};

}  // namespace peerd
