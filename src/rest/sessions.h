#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"

namespace peerd::rest {

/// `read` sees everything and changes nothing.
enum class Role { admin, read };
std::string_view to_string(Role role);

/// Who has logged in, in memory: a restart ends all sessions. A token is 32 random bytes as hex; only its SHA-256 is kept,
/// so that neither memory nor the time of a look-up tells one. Thread-safe.
class Sessions {
 public:
  static constexpr std::size_t kMost = 1000;  ///< The oldest go.
  static constexpr std::chrono::hours kLife{12};

  explicit Sessions(const Clock& clock = system_clock()) : clock_(clock) {}
  std::string open(Role role);                         ///< The token.
  std::optional<Role> find(std::string_view token);    ///< nullopt: never there, closed, or too old.
  void close(std::string_view token);

 private:
  struct Session {
    Role role;
    Clock::Instant opened;
  };
  void make_room(Clock::Instant now) PEERD_REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Session> by_digest_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::rest
