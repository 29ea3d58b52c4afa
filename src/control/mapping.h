#pragma once

#include <optional>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/connectors.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// A problem with one field of what was asked.
Problem problem_of(ErrorCode code, std::string field, std::string message, std::string hint);

void append(Problems& problems, Problems more);

/// The two ends of a mirror as the catalog has them; one that does not exist is empty.
struct Ends {
  std::optional<PeerSpec> source, target;
};

/// What is wrong with the mapping by itself: empty, names that are none, duplicates, a table that would feed itself.
Problems check_mapping(const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors);

/// A row that comes back to the table that it came from, by way of whatever mirrors, would go round for ever.
Problems check_cycles(const MirrorSpec& mirror, const Ends& ends, Catalog& catalog, const Connectors& connectors);

/// A target table belongs to one mirror (rules.md 2): what of `mirror` belongs to one of `others`.
Problems check_free(const MirrorSpec& mirror, const Ends& ends, const std::vector<MirrorRecord>& others,
                    const Connectors& connectors);

}  // namespace peerd
