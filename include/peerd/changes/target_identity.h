#pragma once

#include <map>
#include <string>

#include "peerd/base/error.h"

namespace peerd {

/// What a target, or a table there, is known by: noted once, compared at each start, so that another one of its name is not
/// taken for it (docs/adr/0008). The words are the target's: {"table uuid": "…", "server": "…"}.
struct TargetIdentity {
  std::map<std::string, std::string> facts;
  bool made = false;  ///< Of a table: the mirror made it. Else an operator did, and its definition is theirs.
  bool operator==(const TargetIdentity&) const = default;
};

/// Throws target_unfit, with what was noted and what is found in the detail, when a noted fact is another now. A fact that
/// is not found (a right that was taken away) is not compared. `what` names the thing: "table \"t\"".
void require_same(const TargetIdentity& noted, const TargetIdentity& found, const std::string& what, ErrorText about);

}  // namespace peerd
