#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "peerd/sources/chunk_reader.h"

namespace peerd {

/// The threads of a copy, each with a reader of its own. Whatever ends their owner's scope, a failure or a stop, they are told to
/// stop and have ended before the readers go.
class ChunkWorkers {
 public:
  /// `open`: once for each worker, on the caller's thread. `run`: a worker's whole life; throws nothing.
  ChunkWorkers(std::size_t count, const std::function<std::unique_ptr<ChunkReader>()>& open,
               std::function<void(ChunkReader&, const std::stop_token&)> run, const std::stop_token& stop)
      : run_(std::move(run)), forward_(stop, [this] { halt_.request_stop(); }) {
    for (std::size_t i = 0; i < count; ++i) readers_.push_back(open());
    for (const auto& reader : readers_) threads_.emplace_back([this, &reader] { run_(*reader, halt_.get_token()); });
  }
  ChunkWorkers(const ChunkWorkers&) = delete;
  ChunkWorkers& operator=(const ChunkWorkers&) = delete;

 private:
  struct Halt {
    std::stop_source& source;
    ~Halt() { source.request_stop(); }
  };
  // Destroyed from the last to the first, also when a thread could not be started: told to stop, joined, then the readers.
  std::stop_source halt_;
  const std::function<void(ChunkReader&, const std::stop_token&)> run_;
  std::stop_callback<std::function<void()>> forward_;
  std::vector<std::unique_ptr<ChunkReader>> readers_;
  std::vector<std::jthread> threads_;
  Halt at_end_{halt_};
};

}  // namespace peerd
