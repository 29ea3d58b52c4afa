#pragma once

#include <memory>

#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_session.h"
#include "peerd/specs/peer_spec.h"
#include "peerd/targets/target.h"

namespace peerd {

/// Of CREATE PEER … FROM CLICKHOUSE.
const OptionTable& clickhouse_options();
/// Of CREATE MIRROR … TO a CLICKHOUSE peer, beside the common ones.
const OptionTable& clickhouse_mirror_options();

/// Tables in ReplacingMergeTree over HTTP(S), rows in Native blocks; docs/targets/clickhouse.md tells what users may
/// rely on. Keeps no position: the catalog does.
std::unique_ptr<Target> make_clickhouse_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);
std::unique_ptr<PeerSession> make_clickhouse_session(const PeerSpec& peer);

}  // namespace peerd
