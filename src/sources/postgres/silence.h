#pragma once

#include "peerd/base/clock.h"
#include "postgres/slot.h"

namespace peerd {

/// Tells a walsender that has nothing to say from one that is gone without a word: a host without power, a proxy or a
/// firewall that forwards no more. TCP tells neither while something in between still acknowledges. After some silence the
/// walsender is asked for a sign; when none comes, the server is asked by another connection what that backend does, for a
/// long transaction that is not published keeps it silent too. The reader thread's alone.
class Silence {
 public:
  enum class Step { none, ask, judge };
  /// At the beginning of each read: time in which nobody listened does not count.
  void listening(Clock::Instant now);
  /// After the reader asked the same server something else: a server that does not answer that is silent, and the time counts.
  void asked(Clock::Instant now) { listened_ = now; }
  void heard() { heard_ = true; }  ///< Something came. Cheap: for every message.
  Step after(Clock::Instant now);  ///< What to do now that nothing is there to be read.
  /// Throws unreachable unless the backend `pid` is found at work.
  void judge(const Connect& connect, int pid, const std::stop_token& stop);

 private:
  bool heard_ = true, asked_ = false;
  Clock::Instant since_{}, listened_{};
};

}  // namespace peerd
