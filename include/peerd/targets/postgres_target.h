#pragma once

#include <memory>

#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_session.h"
#include "peerd/specs/peer_spec.h"
#include "peerd/targets/target.h"

namespace peerd {

/// A Postgres server (12 or later) as target. The checkpoint commits with the rows; its bookkeeping is the schema
/// _peerd there.
std::unique_ptr<Target> make_postgres_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);

/// Checks and queries a POSTGRES peer for an operator. Read-only.
std::unique_ptr<PeerSession> make_postgres_session(const PeerSpec& peer);

}  // namespace peerd
