#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace peerd::postgres {

/// How long the reader of a replication stream looks away once its socket is empty. The walsender calls send() for every
/// row: a reader that sleeps in poll() is woken for each of them, which costs both sides more than the row itself; one
/// that looks away finds a lump. While a lot comes it looks away for longer (nobody waits for the newest row of a backlog),
/// with little not at all: whoever has caught up has each change as it is sent.
/// A Unix socket holds some two hundred rows, however short, and then holds the walsender: there it looks away briefly only.
class Gather {
 public:
  using Time = std::chrono::microseconds;
  using Instant = std::chrono::steady_clock::time_point;
  static constexpr Time kShortest{500}, kLongest{10'000}, kOfUnixSocket{200};
  /// Faster than any trickle, slower than any backlog (50 MB/s and more on the machines where it was measured).
  static constexpr std::size_t kBusyBytesPerMs = 8'000;

  /// Nothing looks away for longer than `longest`.
  explicit Gather(Time longest = kLongest) : shortest_(std::min(kShortest, longest)), longest_(longest) {}
  void got(std::size_t bytes) { bytes_ += bytes; }
  /// The next pause, from what has come since the last; zero: none.
  Time pause(Instant now) {
    const auto passed = std::chrono::duration_cast<Time>(now - since_);
    // The messages of one transaction come close together: too short a time tells nothing.
    if (passed < shortest_) return pause_;
    since_ = now;
    const bool busy = std::exchange(bytes_, 0) >= static_cast<std::size_t>(passed.count()) * kBusyBytesPerMs / 1000;
    if (busy) return pause_ = std::clamp(pause_ * 2, shortest_, longest_);
    return pause_ = pause_ / 2 >= shortest_ ? pause_ / 2 : Time(0);
  }

 private:
  Time shortest_, longest_;
  std::size_t bytes_ = 0;
  Time pause_{0};
  Instant since_{};
};

}  // namespace peerd::postgres
