#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// A mirror's figures over one step of time: gauges are its mean, counts its sum.
struct HistorySample {
  std::int64_t at = 0;       ///< Unix seconds, a multiple of the step.
  std::int64_t span_ms = 0;  ///< How long was counted: less than the step after a start.
  std::int64_t lag_bytes = 0, lag_ms = 0, wal_kept_bytes = 0;
  std::int64_t inserts = 0, updates = 0, deletes = 0, bytes = 0;
  std::int64_t batches = 0, batch_ms = 0;  ///< How many were applied, and for how long in all.
  bool operator==(const HistorySample&) const = default;
};

/// The mirrors' figures over time, in two steps: fine ones of a day, coarse ones of 30 days. Thread-safe, as ProgressStore is;
/// every write is one transaction. Bounded: 8,640 rows per mirror and step. delete_mirror() takes them along.
class HistoryStore {
 public:
  static constexpr std::int64_t kFineStep = 10, kFineKept = 86'400;            ///< Seconds.
  static constexpr std::int64_t kCoarseStep = 300, kCoarseKept = 30 * 86'400;  ///< Seconds.

  struct Of {
    MirrorId mirror;
    HistorySample sample;
  };
  virtual ~HistoryStore() = default;
  /// One fine sample of each mirror; of mirrors that are gone none is kept, and one of the same moment is replaced.
  virtual void record(std::span<const Of> samples) = 0;
  /// Makes coarse samples of the fine ones whose step is over at `now` and that have none yet, and drops what is older than it
  /// is kept, or later than `now`, as after a clock that was set back.
  virtual void thin_history(std::span<const MirrorId> mirrors, std::int64_t now) = 0;
  /// Samples of `step` (kFineStep or kCoarseStep) with from <= at <= to, those of one `bucket` (seconds, a multiple of the step)
  /// made into one whose `at` is the bucket's begin. By time.
  virtual std::vector<HistorySample> history(MirrorId mirror, std::int64_t step, std::int64_t bucket, std::int64_t from,
                                             std::int64_t to) = 0;
};

}  // namespace peerd
