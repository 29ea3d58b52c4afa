#pragma once

#include <chrono>
#include <random>

#include "peerd/base/error.h"
#include "peerd/mirrors/mirror_observer.h"

namespace peerd {

/// The one place that decides what a failure means: try again, or ask the operator. The unknown asks.
Verdict verdict_of(const ErrorText& error);

/// Exponential back-off with jitter between failures of one mirror; reset when something worked. One thread.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds most, unsigned seed) : most_(most), random_(seed) {}
  /// 250 ms doubled with each failure, at most the setting, times 0.5 to 1.
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }

 private:
  std::chrono::milliseconds most_;
  unsigned failures_ = 0;
  std::minstd_rand random_;
};

}  // namespace peerd
