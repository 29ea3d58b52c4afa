#pragma once

#include "mirror_check.h"

namespace peerd {

/// What a mirror of a query asks, as far as that shows without asking a peer: adds what is wrong with it, and puts its one
/// table, which follows from its options, into the spec. `to`: the target's kind, if it is known.
void declare_query(Declared& declared, const Connector* to);

}  // namespace peerd
