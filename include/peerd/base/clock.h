#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>

namespace peerd {

/// Time as the program sees it. Tests turn a hand-driven one. Thread-safe; outlives its users.
class Clock {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  virtual ~Clock() = default;
  virtual Instant now() const noexcept = 0;                                ///< Deadlines and back-off.
  virtual std::chrono::system_clock::time_point wall() const noexcept = 0;  ///< Logs and stored rows only.
  /// Sleeps until `until` or a stop. True when the time came, false when stopped.
  virtual bool sleep_until(Instant until, const std::stop_token& stop) = 0;
};

/// The machine's clock; one per process.
Clock& system_clock();

/// Every call that can block takes one. Past `until` it throws Error (code timeout, Retry::later);
/// on a stop it throws Stopped, which is not an Error, so that stopping is never taken for failing.
struct Wait {
  Clock::Instant until;
  std::stop_token stop;

  /// From now on, by the machine's clock.
  static Wait at_most(std::chrono::milliseconds duration, std::stop_token stop = {}) {
    return {std::chrono::steady_clock::now() + duration, std::move(stop)};
  }
  /// The same stop with the earlier of the two deadlines.
  Wait shorter(std::chrono::milliseconds duration) const {
    return {std::min(until, std::chrono::steady_clock::now() + duration), stop};
  }
  bool expired() const { return std::chrono::steady_clock::now() >= until; }
  /// Milliseconds left, at least 0, at most `most`: what poll() takes.
  int remaining_ms(int most = 1 << 30) const;
  /// Throws Stopped or Error(timeout) naming `doing`, when it is time for either.
  void check(const char* doing) const;
};

/// While one stands its thread counts as waiting for somebody else: a server, a disk. Wherever a server is waited for there is
/// one, so that whoever knows how long a piece of work took knows how much of it was this process's own. They do not nest.
class Blocked {
 public:
  Blocked() noexcept : since_(std::chrono::steady_clock::now()) {}
  ~Blocked() { total_ += std::chrono::steady_clock::now() - since_; }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;
  /// Of the calling thread, since it began.
  static std::chrono::nanoseconds so_far() noexcept { return total_; }

 private:
  const Clock::Instant since_;
  static thread_local std::chrono::nanoseconds total_;
};

/// Thrown when a Wait's stop was asked for. Caught once per thread; never logged as a failure.
struct Stopped {};

}  // namespace peerd
