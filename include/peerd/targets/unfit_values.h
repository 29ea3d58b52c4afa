#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/changes/table.h"

namespace peerd {

/// Values of one column that the target's type cannot hold, and that were written otherwise because the mirror asks for it.
struct UnfitValues {
  TableId table;
  std::string column;        ///< At the source.
  std::string words;         ///< What happened: "Decimal(18, 2) cannot hold: NULL stands in their place".
  std::uint64_t count = 0;   ///< As often as they were written.
};

}  // namespace peerd
