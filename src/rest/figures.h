#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "copy_began.h"
#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/mirror_status.h"
#include "proto/flow.pb.h"

namespace peerd::rest {

// Pieces that several replies about a mirror have in common.

std::int64_t unix_now();  ///< Seconds.
void set_time(google::protobuf::Timestamp& timestamp, std::int64_t microseconds);
void fill_batch(const ProgressStore::BatchNote& note, peerdb_flow::CDCBatch& batch);
/// How far the copy of one table of `mirror` is; `began_us` (0 = not known) is when the mirror began to copy.
void fill_clone(const MirrorRecord& mirror, const TableStatus& table, std::int64_t began_us,
                peerdb_flow::CloneTableSummary& clone);

}  // namespace peerd::rest
