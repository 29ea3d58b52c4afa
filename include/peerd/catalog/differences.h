#pragma once

#include <string>

#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

// In words, for "already exists and differs in …"; "" when both mean the same, defaults filled in. Never a secret's
// value.
std::string differences(const PeerSpec& there, const PeerSpec& asked, const OptionTable* table);
std::string differences(const MirrorSpec& there, const MirrorSpec& asked);

}  // namespace peerd
