#include "peerd/base/clock.h"

#include <condition_variable>
#include <mutex>
#include <string>

#include "peerd/base/error.h"

namespace peerd {
namespace {

class MachineClock final : public Clock {
 public:
  Instant now() const noexcept override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall() const noexcept override { return std::chrono::system_clock::now(); }

  bool sleep_until(Instant until, const std::stop_token& stop) override {
    // Its own mutex and condition: nothing but the time or the stop may wake this sleeper.
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, stop, until, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

Clock& system_clock() {
  static MachineClock clock;
  return clock;
}

int Wait::remaining_ms(int most) const {
  const auto left = until - std::chrono::steady_clock::now();
  if (left <= left.zero()) return 0;
  // Rounded up: poll() with 0 while time is left would spin.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return ms < most ? static_cast<int>(ms) : most;
}

void Wait::check(const char* doing) const {
  if (stop.stop_requested()) throw Stopped{};
  if (expired()) throw Error(ErrorCode::timeout, std::string("timed out while ") + doing);
}

thread_local std::chrono::nanoseconds Blocked::total_{0};

}  // namespace peerd
