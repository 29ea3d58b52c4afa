#pragma once

#include <functional>
#include <memory>

#include "kafka/producer.h"
#include "peerd/targets/chunk_writer.h"

namespace peerd::kafka {

/// What chunk writers share with the target: nothing of it changes while they work.
struct ChunkSetup {
  Sending sending;
  std::function<std::unique_ptr<Encoder>(const TableSchema&)> encoder;
  std::function<std::string(const MirrorTable&)> topic;
  std::function<std::string(const std::string& topic)> dead_letter_topic;
  std::function<bool(const Chunk&, CopyCounts&)> known;
};

/// One Kafka transaction for each chunk, its record of being done in it. `id` is given back by `release` at the end.
std::unique_ptr<ChunkWriter> make_chunk_writer(const ChunkSetup& setup, int id, std::function<void(int)> release);

/// The dead letter's value: why, and of which table; never the row.
void dead_letter(std::string_view reason, std::string_view table, std::string_view topic, std::string& out);
/// `what`: "a row of s.t"; `table`: "" of none.
[[noreturn]] void throw_too_large(const std::string& what, const std::string& topic, const std::string& table);

}  // namespace peerd::kafka
