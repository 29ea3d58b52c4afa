#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/changes/chunk.h"
#include "peerd/mirrors/mirror_observer.h"
#include "peerd/mirrors/mirror_status.h"

namespace peerd {

/// A Prometheus histogram of seconds with buckets of its own.
struct DurationCounts {
  static constexpr double kBounds[] = {0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60};
  static constexpr std::size_t kBuckets = std::size(kBounds);
  std::uint64_t at_most[kBuckets] = {};  ///< Of each bound alone, not of those below.
  std::uint64_t count = 0;
  double sum = 0;
  void add(double seconds);
  DurationCounts& operator+=(const DurationCounts& other);
};

/// What a mirror has done since this process began.
struct MirrorCounts {
  std::uint64_t inserts = 0, updates = 0, deletes = 0, truncates = 0, streamed_bytes = 0;
  std::uint64_t copied_rows = 0, copied_bytes = 0, chunks = 0;
  std::map<ErrorCode, std::uint64_t> errors;
  DurationCounts queued, applied;  ///< Of batches with changes.
  StageTimes stages;
  MirrorCounts& operator+=(const MirrorCounts& other);
};

/// What is shown beside what Metrics has counted.
struct MetricsFacts {
  struct Operators {
    std::string port;
    std::size_t threads = 0, busy = 0, waiting = 0;
  };
  std::vector<MirrorStatus> mirrors;
  std::vector<Operators> operators;
  std::uint64_t memory_limit_bytes = 0;
  bool tables = false;  ///< Figures of each table, too.
};

/// Counts what mirrors report and writes it, with their present status, as Prometheus's text (docs/metrics.md). Counters are
/// kept by the mirror's name, so that they go on where one is dropped and made again: they never fall while this process
/// lives. The daemon owns it; it outlives the mirrors. Thread-safe; nothing here waits for a server or the catalog.
class Metrics final : public MirrorObserver {
 public:
  std::string text(const MetricsFacts& facts);

  void moved(MirrorId mirror, MirrorState from, MirrorState to, std::string_view reason) noexcept override;
  void chunk_done(MirrorId mirror, const ChunkRecord& record) noexcept override;
  void batch_done(MirrorId mirror, const BatchRecord& batch) noexcept override;
  void slot_seen(MirrorId mirror, const SlotStatus& slot) noexcept override;
  void failed(MirrorId mirror, const ErrorText& error, Verdict verdict) noexcept override;
  void recovered(MirrorId) noexcept override {}

  /// One mirror with what was counted and seen of it.
  struct Shown {
    MirrorStatus status;
    MirrorCounts counts;
    std::optional<SlotStatus> slot;
    double slot_seen_at = 0;  ///< Unix time.
    /// By table of `status`: inserts, updates and deletes, which do not fall when its mirror begins anew.
    std::vector<std::array<std::uint64_t, 3>> tables;
  };

 private:
  struct Mirror {
    std::string name;  ///< "" until it was shown.
    MirrorCounts counts;
  };
  struct SeenSlot {
    SlotStatus slot;
    double at = 0;
  };
  struct TableCounter {
    MirrorId mirror;
    std::uint64_t last = 0, shown = 0;
  };
  Shown show(const MirrorStatus& status, bool tables) PEERD_REQUIRES(mutex_);
  std::uint64_t count_on(const MirrorStatus& mirror, const TableStatus& table, int kind, std::uint64_t now) PEERD_REQUIRES(mutex_);

  Mutex mutex_;
  std::map<MirrorId, Mirror> mirrors_ PEERD_GUARDED_BY(mutex_);
  std::map<MirrorId, SeenSlot> slots_ PEERD_GUARDED_BY(mutex_);  ///< Also of a mirror that ended while it was looked at.
  std::map<std::string, MirrorCounts> ended_ PEERD_GUARDED_BY(mutex_);  ///< By name, of mirrors that are gone.
  std::map<std::string, TableCounter> tables_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd
