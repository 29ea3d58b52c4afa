#pragma once

#include <string>

#include "peerd/mirrors/connectors.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// The CREATE MIRROR statement that makes this mirror: run after a DROP, it makes the same one, with the options that were
/// set. Names are quoted where they have to be. Holds no secret: a mirror has none.
std::string create_mirror_sql(const MirrorSpec& mirror, const PeerSpec& source, const PeerSpec& target,
                              const Connectors& connectors);

/// ALTER MIRROR m ADD TABLE …, with these mappings.
std::string alter_mirror_sql(const std::string& mirror, const std::vector<TableMapping>& tables, const PeerSpec& source,
                             const PeerSpec& target, const Connectors& connectors);

}  // namespace peerd
