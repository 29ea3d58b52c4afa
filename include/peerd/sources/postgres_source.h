#pragma once

#include <functional>
#include <memory>

#include "peerd/sources/source.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

using MakeSource = std::function<std::unique_ptr<Source>(const PeerSpec&, const MirrorSpec&, const Lease&)>;
/// Makes POSTGRES peers the sources of mirrors, Postgres 12 to 18 (tested: 14 to 18). They connect when first needed; those that
/// one such function (and its copies) made share connections for short asks where their peers' options are the same.
/// Thread-safe.
MakeSource postgres_sources();

}  // namespace peerd
