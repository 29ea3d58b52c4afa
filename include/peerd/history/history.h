#pragma once

#include <functional>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"
#include "peerd/catalog/history_store.h"
#include "peerd/mirrors/mirror_observer.h"
#include "peerd/mirrors/mirror_status.h"

namespace peerd {

/// Writes down every mirror's figures over time: batches are counted as they are reported, and every ten seconds each mirror's
/// status and counts become one sample. The daemon owns it; it outlives the mirrors. A store that fails (a full disk) costs
/// samples, is logged once, and hurts no mirror.
class HistoryRecorder final : public MirrorObserver {
 public:
  using Statuses = std::function<std::vector<MirrorStatus>()>;
  HistoryRecorder(HistoryStore& store, Clock& clock) : store_(store), clock_(clock), counted_since_(clock.now()) {}
  ~HistoryRecorder() override { stop(); }

  /// Begins a thread that takes a sample at each ten seconds of the wall clock. `statuses` outlives stop().
  void start(Statuses statuses);
  void stop();  ///< Idempotent; joins the thread.
  /// One round of it. Called by the thread, or by tests in its place.
  void sample(const std::vector<MirrorStatus>& mirrors) noexcept;
  /// What keeps it from writing, as the last round has met it; "" = nothing. A round that lasts is one, too. Never waits.
  std::string trouble() const;

  void batch_done(MirrorId mirror, const BatchRecord& batch) noexcept override;
  void moved(MirrorId mirror, MirrorState from, MirrorState to, std::string_view reason) noexcept override;
  void slot_seen(MirrorId mirror, const SlotStatus&) noexcept override;
  void chunk_done(MirrorId, const ChunkRecord&) noexcept override {}
  void failed(MirrorId, const ErrorText&, Verdict) noexcept override {}
  void recovered(MirrorId) noexcept override {}

 private:
  void run(const std::stop_token& stop);
  std::vector<HistoryStore::Of> take_samples(const std::vector<MirrorStatus>& mirrors, std::int64_t at);
  bool is_known(const MirrorStatus& mirror, Clock::Instant now) const PEERD_REQUIRES(mutex_);
  void thin(const std::vector<HistoryStore::Of>& samples, std::int64_t at);
  void round_begins();
  void round_ends(const std::string& trouble);

  // Constant after construction.
  HistoryStore& store_;
  Clock& clock_;
  // Of the one thread that samples.
  Statuses statuses_;
  Clock::Instant counted_since_;
  // Guarded by mutex_.
  mutable Mutex mutex_;
  std::string trouble_ PEERD_GUARDED_BY(mutex_);
  std::optional<Clock::Instant> busy_since_ PEERD_GUARDED_BY(mutex_);
  std::map<MirrorId, HistorySample> counts_ PEERD_GUARDED_BY(mutex_);  ///< Since the last sample.
  std::map<MirrorId, Clock::Instant> seen_ PEERD_GUARDED_BY(mutex_);  ///< When its slot was looked at, last.
  std::jthread thread_;
};

/// What of a mirror's history is asked for, in Unix seconds.
struct HistoryRange {
  std::int64_t from = 0, to = 0;
  std::int64_t points = 360;  ///< At most that many samples.
};
/// Samples at equal distances, the last one at or before `to`.
struct History {
  std::int64_t step_seconds = HistoryStore::kFineStep;
  std::vector<std::int64_t> at;
  std::vector<std::optional<HistorySample>> samples;  ///< One for each `at`; none where nothing was written down.
};
/// Fine samples where `from` lies within the day before `now`, else coarse ones; made wider until `points` are enough.
/// REQUIRES: points > 0, from <= to.
History history_of(HistoryStore& store, MirrorId mirror, const HistoryRange& range, std::int64_t now);

}  // namespace peerd
