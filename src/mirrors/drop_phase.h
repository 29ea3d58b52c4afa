#pragma once

#include <string>
#include <vector>

#include "mirror.h"

namespace peerd {

/// Removes what the mirror made at its source and what it noted at its target, each only where it was made: a peer that
/// leads elsewhere by now is an error that says what was left, and where. `forced`: what cannot be removed is left, and
/// returned, a sentence each; then only the catalog's own errors are thrown.
std::vector<std::string> drop_mirror(MirrorWorld& world, const MirrorRecord& record, const Lease& lease, bool forced,
                                     const std::stop_token& stop);

}  // namespace peerd
