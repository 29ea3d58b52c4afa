#pragma once

#include "peerd/control/control.h"
#include "peerd/control/view_query.h"

namespace peerd {

/// Answers as the SQL port would answer a SELECT over peerd's own views, with at most 1,000 rows, within 10 s. What else the
/// port takes (rows of peers, other statements) is refused.
ViewQuery make_view_query(PeerControl& peers, MirrorControl& mirrors, Catalog& catalog);

}  // namespace peerd
