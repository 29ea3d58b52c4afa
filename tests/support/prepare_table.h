#pragma once

#include "peerd/targets/target.h"

namespace peerd {

/// What a mirror does before a table's copy: created, or widened where it stands, and verified.
inline CopyPlan prepare_table(Target& target, const MirrorTable& table, const Wait& wait) {
  return target.verify(table, target.create(table, wait), wait);
}

}  // namespace peerd
