#pragma once

#include <memory>

#include "peerd/sources/source.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// A POSTGRES peer as a mirror's source, Postgres 12 to 18 (tested: 14 to 18). Connects when first needed.
std::unique_ptr<Source> make_postgres_source(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);

}  // namespace peerd
