#include "peerd/changes/target_identity.h"

namespace peerd {

void require_same(const TargetIdentity& noted, const TargetIdentity& found, const std::string& what, ErrorText about) {
  std::string differing;
  for (const auto& [fact, value] : noted.facts) {
    const auto now = found.facts.find(fact);
    if (now == found.facts.end() || now->second == value) continue;
    differing += (differing.empty() ? "" : "; ") + fact + " was " + value + " and is " + now->second;
  }
  if (differing.empty()) return;
  about.code = ErrorCode::target_unfit;
  about.message = what + " is not the one that this mirror has written to";
  about.detail = differing;
  throw Error(std::move(about));
}

}  // namespace peerd
