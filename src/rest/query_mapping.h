#pragma once

#include "peerd/control/control.h"
#include "proto/flow.pb.h"

namespace peerd::rest {

/// A mirror of a query as CREATE MIRROR … FOR would say it. Throws Error with the JSON path of what it refuses.
MirrorRequest query_request(const peerdb_flow::QRepConfig& config);
/// The way back.
void fill_query(const MirrorSpec& spec, peerdb_flow::QRepConfig& config);

}  // namespace peerd::rest
