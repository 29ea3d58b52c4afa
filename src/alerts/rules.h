#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alert_plan.h"
#include "peerd/alerts/alerts.h"

namespace peerd {

/// What can be wrong with a mirror, one word each: "failed", "retrying", "lag_seconds", "lag_bytes", "wal_kept", "wal_budget", "spool_full",
/// "slot_lost", "slot_unreserved", "stalled".
struct Finding {
  /// unknown: nothing new can be said, as of a source that does not answer; what was told stands.
  enum class Says : std::uint8_t { holds, over, unknown };
  std::string_view cause;
  Says says = Says::unknown;
  std::string message, hint;  ///< When it holds: what is wrong, beginning with the mirror's name; what to do.
};

/// Every cause, judged. Pure: told by its arguments alone.
std::vector<Finding> judge_mirror(const MirrorStatus& mirror, const MirrorTrail& trail, const AlertThresholds& thresholds, Clock::Instant now);

/// "critical": rows may be lost, or nothing goes on by itself; else "warning".
std::string_view severity_of(std::string_view cause);

}  // namespace peerd
