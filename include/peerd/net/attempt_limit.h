#pragma once

#include <map>
#include <string>
#include <string_view>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"

namespace peerd::net {

/// The address in "address:port", which is how connections tell their remote end.
std::string_view address_of(std::string_view remote);

/// Slows the guessing of passwords: each address has ten wrong ones at once and another each second. Thread-safe; shared by
/// all ports. Remembers at most 10,000 addresses, and each for ten seconds after its last failure.
class AttemptLimit {
 public:
  /// False: the address has to wait a second; its password is not even looked at.
  bool may_try(std::string_view remote, Clock::Instant now = std::chrono::steady_clock::now());
  void failed(std::string_view remote, Clock::Instant now = std::chrono::steady_clock::now());

 private:
  static constexpr std::chrono::seconds kEach{1}, kBurst{10};
  static constexpr std::size_t kMost = 10'000;
  void forget_old(Clock::Instant now) PEERD_REQUIRES(mutex_);

  Mutex mutex_;
  /// When all failures of an address will have been paid off at one a second.
  std::map<std::string, Clock::Instant, std::less<>> paid_off_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::net
