#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/base/error.h"
#include "peerd/base/mutex.h"

namespace peerd::fakes {

/// A row's values in text form, by column; nullopt is NULL.
using Cells = std::vector<std::optional<std::string>>;

/// What every fake server can be told to do, and tells about what was done to it. Operations are named by words
/// ("plan", "apply", …); each fake lists its own. Thread-safe.
class FakeServer {
 public:
  /// The next call of `operation` throws `error`; several queue up.
  void fail_next(const std::string& operation, const Error& error) {
    Lock lock(mutex_);
    failures_[operation].push_back(error);
  }
  /// Calls of `operation` wait, heeding their Wait, until release().
  void stall(const std::string& operation) {
    Lock lock(mutex_);
    stalled_.insert(operation);
  }
  void release(const std::string& operation) {
    Lock lock(mutex_);
    stalled_.erase(operation);
    changed_.notify_all();
  }
  /// Until revive() every call throws Error(unreachable).
  void die() {
    Lock lock(mutex_);
    dead_ = true;
    changed_.notify_all();
  }
  void revive() {
    Lock lock(mutex_);
    dead_ = false;
    changed_.notify_all();
  }
  int calls(const std::string& operation) const {
    Lock lock(mutex_);
    const auto found = calls_.find(operation);
    return found == calls_.end() ? 0 : found->second;
  }
  /// Waits until `operation` was called `count` times in all (a stalled call counts). Throws after 10 s: a test that
  /// hangs says where.
  void wait_for_calls(const std::string& operation, int count) {
    wait_until([&] { return calls_[operation] >= count; }, operation);
  }

 protected:
  /// The beginning of each call. Throws what the test or `wait` asks for. `wait` may be null for calls that cannot
  /// block.
  void enter(const std::string& operation, const Wait* wait) {
    Lock lock(mutex_);
    ++calls_[operation];
    changed_.notify_all();
    while (wait && stalled_.contains(operation) && !dead_) {
      wait->check(operation.c_str());
      changed_.wait_until(mutex_, wait->stop, wait->until, [&] { return !stalled_.contains(operation) || dead_; });
    }
    if (wait) wait->check(operation.c_str());
    if (dead_) throw Error(ErrorCode::unreachable, "the fake server is down");
    auto found = failures_.find(operation);
    if (found == failures_.end() || found->second.empty()) return;
    const Error error = found->second.front();
    found->second.erase(found->second.begin());
    throw error;
  }

  /// REQUIRES: mutex_ is not held; `done` runs with it held.
  template <typename Done>
  void wait_until(Done done, const std::string& what) {
    Lock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    if (!changed_.wait_until(mutex_, until, done)) throw std::runtime_error("waited 10 s in vain for " + what);
  }

  mutable Mutex mutex_;
  Condition changed_;
  bool dead_ = false;

 private:
  std::map<std::string, std::vector<Error>> failures_;
  std::set<std::string> stalled_;
  std::map<std::string, int> calls_;
};

}  // namespace peerd::fakes
