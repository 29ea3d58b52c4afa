#pragma once

#include "peerd/base/clock.h"
#include "peerd/changes/batch.h"
#include "peerd/changes/horizon.h"

namespace peerd {

class RowFound {
 public:
  virtual ~RowFound() = default;
  virtual void operator()(std::size_t i, std::span<const CellView> cells) = 0;
};

/// Rows as the source has them now, by key. The source makes one; the mirror hands it to the target
/// inside ApplyContext, so that targets never see a Source. Used by the writer thread only.
class RowLookup {
 public:
  virtual ~RowLookup() = default;
  /// Finds rows of `table` by the key cells of `keys` (one entry per row, columns in key order) and
  /// calls found(i, cells) with the cells of `columns`, borrowed for the call. Absent rows are not called.
  /// Splits its own queries. Its snapshot sees every transaction that committed at or before `batch_end`, which is
  /// Batch::last_commit(): complete_to() would leave out the open tail's transaction (rules.md 18: it waits until it
  /// does), and what it saw is flushed (10). Returns the WAL insert position read after it:
  /// the caller raises the horizon of these keys to it, found or gone (14).
  virtual Lsn fetch(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
                    std::span<const std::uint16_t> columns, Lsn batch_end, const Wait& wait, RowFound& found) = 0;
};

/// What Target::apply needs beside the batch.
struct ApplyContext {
  RowLookup& source_rows;
  Horizons& horizons;  ///< rules.md 14-17 and 25. The target raises it for every key that it looks up at the source.
  Wait wait;
};

}  // namespace peerd
