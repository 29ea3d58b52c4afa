#pragma once

#include <optional>

#include "peerd/changes/row_lookup.h"
#include "phase.h"

namespace peerd {

/// Where to go on: the target's own position where it keeps one, else the catalog's (rules.md 33, 34).
struct StreamStart {
  Lsn from;
  bool clean;  ///< Nothing was applied beyond `from`, and every horizon is stored, here or as kept_horizon.
  std::optional<Lsn> kept_horizon{};  ///< What look-ups had raised it to, as the target has it beside `from`.
  std::optional<Stored> to_confirm{};  ///< The target was ahead of the catalog: the slot has not heard of it.
  bool ahead = false;                  ///< Of the catalog's position, which is stored once the horizons are.
};

/// What the writer's half of a stream begins with, once the target is found to be the one that was noted.
struct Delivery {
  MirrorProgress progress;
  StreamStart start;
  Horizons horizons;
  std::unique_ptr<RowLookup> lookup;
};
/// `progress`: with MirrorTable::unique as it is at the source.
Delivery open_delivery(PhaseContext& context, MirrorProgress progress, const std::stop_token& stop);

}  // namespace peerd
