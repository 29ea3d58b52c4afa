#pragma once

#include <functional>
#include <memory>

#include "peerd/sources/query_source.h"
#include "peerd/sources/source.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

using MakeSource = std::function<std::unique_ptr<Source>(const PeerSpec&, const MirrorSpec&, const Lease&)>;
/// Makes POSTGRES peers the sources of mirrors, Postgres 12 to 18 (tested: 14 to 18). They connect when first needed; those that
/// one such function (and its copies) made share connections for short asks where their peers' options are the same.
/// Thread-safe.
MakeSource postgres_sources();
/// The same of mirrors of queries.
std::unique_ptr<QuerySource> make_postgres_query_source(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);

}  // namespace peerd
