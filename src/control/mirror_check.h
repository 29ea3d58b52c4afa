#pragma once

#include "mapping.h"
#include "peerd/control/control.h"

namespace peerd {

/// What was asked as a spec, checked as far as it goes without asking a peer; every problem at once.
MirrorSpec declared_mirror(const MirrorRequest& request, const Ends& ends, Catalog& catalog,
                           const Connectors& connectors);

/// Asks both peers; throws every problem at once. Changes nothing there.
void preflight(const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors, const Wait& wait);

}  // namespace peerd
