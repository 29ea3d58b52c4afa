#pragma once

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"

namespace peerd::fakes {

/// Stands still until advance(); a sleeper wakes when its time has come.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_seconds) : wall_(std::chrono::seconds(unix_seconds)) {}
  Instant now() const noexcept override {
    const Lock lock(mutex_);
    return Instant(passed_);
  }
  std::chrono::system_clock::time_point wall() const noexcept override {
    const Lock lock(mutex_);
    return wall_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(passed_);
  }
  bool sleep_until(Instant until, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    ++sleepers_;
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return Instant(passed_) >= until; });
    --sleepers_;
    return !stop.stop_requested();
  }

  void advance(std::chrono::milliseconds time) {
    const Lock lock(mutex_);
    passed_ += time;
    changed_.notify_all();
  }
  /// Waits until somebody sleeps.
  void await_sleeper() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sleepers_ > 0; });
  }

 private:
  mutable Mutex mutex_;
  Condition changed_;
  const std::chrono::system_clock::time_point wall_;
  std::chrono::steady_clock::duration passed_{0};
  int sleepers_ = 0;
};

}  // namespace peerd::fakes
