#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace peerd {

/// Where the time of a stream goes. The first three are the reader's, the others the writer's; each thread is in one at a time.
enum class Stage : std::uint8_t {
  receive,    ///< Waiting for the source to send.
  decode,     ///< Decoding what it sent.
  full,       ///< Waiting for room in the queue, or for the spool's disk.
  empty,      ///< Waiting for the reader: nothing is queued.
  encode,     ///< The target's work in this process: outcomes by key, its own encoding.
  apply,      ///< Waiting for the target to take it.
  commit,     ///< Waiting for the target's commit, or flush, where it is one of its own.
  checkpoint  ///< Storing checkpoints in peerd's catalog.
};
inline constexpr std::array<std::string_view, 8> kStageNames{"receive", "decode", "full",   "empty",
                                                             "encode",  "apply",  "commit", "checkpoint"};

class StageTimes {
 public:
  using Time = std::chrono::nanoseconds;
  Time& operator[](Stage stage) { return times_[static_cast<std::size_t>(stage)]; }
  Time operator[](Stage stage) const { return times_[static_cast<std::size_t>(stage)]; }
  Time& at(std::size_t stage) { return times_.at(stage); }
  Time at(std::size_t stage) const { return times_.at(stage); }
  StageTimes& operator+=(const StageTimes& other) {
    for (std::size_t i = 0; i < times_.size(); ++i) times_[i] += other.times_[i];
    return *this;
  }

 private:
  std::array<Time, kStageNames.size()> times_{};
};

/// What one thread counts, and another takes from time to time.
class SharedStageTimes {
 public:
  void add(Stage stage, StageTimes::Time time) {
    times_[static_cast<std::size_t>(stage)].fetch_add(time.count(), std::memory_order_relaxed);
  }
  StageTimes take() {
    StageTimes taken;
    for (std::size_t i = 0; i < times_.size(); ++i)
      taken.at(i) = StageTimes::Time(times_[i].exchange(0, std::memory_order_relaxed));
    return taken;
  }

 private:
  std::array<std::atomic<std::int64_t>, kStageNames.size()> times_{};
};

}  // namespace peerd
