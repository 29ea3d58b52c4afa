#pragma once

#include <stop_token>
#include <thread>

#include "peerd/base/clock.h"

namespace peerd::daemon {

/// Keeps TERM, INT and HUP from killing any thread, and SIGPIPE from doing anything. Before the first thread starts.
void block_signals();
/// Waits for TERM, INT or HUP and returns its number.
int wait_for_signal();

/// From the first signal on: a second one, or 9 seconds, end the process at once by _exit. Whatever still runs then
/// could have been killed anyway without losing anything.
class StopGuard {
 public:
  static constexpr std::chrono::seconds kPatience{9};
  static constexpr int kNotClean = 2;  ///< The exit code then.
  StopGuard();

 private:
  void run(const std::stop_token& done);
  const Clock::Instant began_ = std::chrono::steady_clock::now();
  std::jthread thread_;
};

}  // namespace peerd::daemon
