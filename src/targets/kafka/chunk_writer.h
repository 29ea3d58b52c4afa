#pragma once

#include <functional>
#include <memory>

#include "kafka/row_sender.h"
#include "peerd/targets/chunk_writer.h"

namespace peerd::kafka {

/// What chunk writers share with the target: nothing of it changes while they work.
struct ChunkSetup {
  Sending sending;
  Topic ledger;
  std::function<Route(const MirrorTable&)> route;
  /// A worker's id is taken over by whoever has the mirror: throws fenced where a newer lease is at Kafka (rules.md 28).
  std::function<void(const Wait&)> check_lease;
  std::function<bool(const Chunk&, CopyCounts&)> known;
};

/// One Kafka transaction for each chunk, its record of being done in it. `id` is given back by `release` at the end.
std::unique_ptr<ChunkWriter> make_chunk_writer(const ChunkSetup& setup, int id, std::function<void(int)> release);

}  // namespace peerd::kafka
