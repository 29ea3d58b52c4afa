#pragma once

#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/connectors.h"

namespace peerd {

/// What a peer that mirrors use is replaced by must be the same server and database, as a role that may do what the mirrors
/// do: asked of the server itself. Throws naming the mirrors. Passes a peer that no mirror uses.
void check_replacement(const PeerSpec& replacement, Catalog& catalog, const Connectors& connectors, const Wait& wait);

}  // namespace peerd
