#include "peerd/net/attempt_limit.h"

#include <algorithm>

namespace peerd::net {

std::string_view address_of(std::string_view remote) { return remote.substr(0, remote.rfind(':')); }

bool AttemptLimit::may_try(std::string_view remote, Clock::Instant now) {
  const Lock lock(mutex_);
  const auto found = paid_off_.find(address_of(remote));
  return found == paid_off_.end() || found->second + kEach <= now + kBurst;
}

void AttemptLimit::failed(std::string_view remote, Clock::Instant now) {
  const Lock lock(mutex_);
  if (paid_off_.size() >= kMost) forget_old(now);
  Clock::Instant& until = paid_off_[std::string(address_of(remote))];
  until = std::max(until, now) + kEach;
}

void AttemptLimit::forget_old(Clock::Instant now) {
  std::erase_if(paid_off_, [&](const auto& entry) { return entry.second <= now; });
  while (paid_off_.size() >= kMost) paid_off_.erase(paid_off_.begin());
}

}  // namespace peerd::net
