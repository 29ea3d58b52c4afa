#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace peerd::postgres {

/// How long the reader of a replication stream looks away once its socket is empty. The walsender calls send() for every
/// row: a reader that sleeps in poll() is woken for each of them, which costs both sides more than the row itself; one
/// that looks away finds a lump. While a lot comes it looks away for longer (nobody waits for the newest row of a backlog),
/// with little for the shortest time: what a change waits here is at most the last pause.
/// A Unix socket holds some two hundred rows, however short, and then holds the walsender: there it looks away briefly only.
class Gather {
 public:
  using Time = std::chrono::microseconds;
  static constexpr Time kShortest{500}, kLongest{10'000}, kOfUnixSocket{200};
  /// Faster than any trickle, slower than any backlog (50 MB/s and more on the machines where it was measured).
  static constexpr std::size_t kBusyBytesPerMs = 8'000;

  /// Nothing looks away for longer than `longest`.
  explicit Gather(Time longest = kLongest) : longest_(longest), pause_(std::min(kShortest, longest)) {}
  void got(std::size_t bytes) { bytes_ += bytes; }
  /// The next pause, from what has come since the last.
  Time pause() {
    const auto busy = static_cast<std::size_t>(pause_.count()) * kBusyBytesPerMs / 1000;
    const Time next = std::exchange(bytes_, 0) >= busy ? pause_ * 2 : pause_ / 2;
    return pause_ = std::clamp(next, std::min(kShortest, longest_), longest_);
  }

 private:
  Time longest_;
  std::size_t bytes_ = 0;
  Time pause_;
};

}  // namespace peerd::postgres
