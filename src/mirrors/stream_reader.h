#pragma once

#include <functional>

#include "change_queue.h"
#include "peerd/changes/batch_builder.h"
#include "phase.h"

namespace peerd {

/// The reader's half of a running stream: fills batches and hands them over. Runs on the reader thread alone.
class StreamReader {
 public:
  /// Whether what is handed over lies on disk, and need not wait for the writer to be free.
  enum class Spooling { no, yes };
  /// `working`: the stream works, though it brings nothing. `ends`: asked twice a second whether to end.
  StreamReader(PhaseContext& context, ChangeStream& stream, ChangeQueue& queue, Spooling spooling, std::function<void()> working,
               std::function<bool()> ends);

  /// Until stopped or failed, or ends() says so.
  void run(const std::stop_token& stop);

 private:
  std::chrono::milliseconds read_time() const;
  Clock::Instant earliest_hand_over() const;
  void begin_building(Clock::Instant now);
  void tell_quiet(Clock::Instant now);
  bool due(Clock::Instant now) const;
  void hand_over(const std::stop_token& stop);
  void push(QueueItem& item, const std::stop_token& stop);
  void show(Clock::Instant now);

  PhaseContext& context_;
  ChangeStream& stream_;
  ChangeQueue& queue_;
  const bool spools_;
  const std::function<void()> working_;
  const std::function<bool()> ends_;
  const std::size_t changes_most_;
  const std::chrono::milliseconds wait_most_;
  std::chrono::milliseconds flush_interval_;
  BatchBuilder builder_;
  bool building_ = false, ended_ = false;
  bool open_head_ = false;  ///< What is being built goes on with a transaction that began in the batch before.
  Clock::Instant building_since_, last_hand_over_{}, next_show_{}, quiet_since_{};
  Lsn last_mark_;
};

}  // namespace peerd
