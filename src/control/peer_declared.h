#pragma once

#include "peerd/mirrors/connectors.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// A peer as it is asked for, as far as that shows without asking it. Throws every problem of its options at once.
PeerSpec declare_peer(const Connectors& connectors, std::string_view name, std::string_view kind, const RawOptions& options);
/// Whether options "name.…" are there, which PeerDB's clients give as one JSON object.
bool is_group(const OptionTable& table, std::string_view name);

}  // namespace peerd
