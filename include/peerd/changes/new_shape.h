#pragma once

#include <string>

#include "peerd/changes/table.h"

namespace peerd {

/// A table as it is from a change on that committed at `commit`: a replay may meet the older shape up to and in that
/// transaction. With commit 0 the shape is the same and only what the source notes of the table is new: to be stored,
/// and nothing else.
struct NewShape {
  MirrorTable table;
  Lsn commit;
  /// Rows of the table that come next were read at the source, not sent by it: they are from the future up to this
  /// position (rules.md 14). 0 = they are not.
  Lsn horizon{};
  std::string words{};  ///< What the operator is to read in the mirror's log; empty: nothing.
  std::string hint{};   ///< What to do about it.
};

}  // namespace peerd
