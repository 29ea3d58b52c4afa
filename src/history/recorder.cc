#include <pthread.h>

#include <algorithm>

#include "peerd/base/log.h"
#include "peerd/history/history.h"

namespace peerd {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds kStep{HistoryStore::kFineStep * 1000};

milliseconds wall_ms(const Clock& clock) { return duration_cast<milliseconds>(clock.wall().time_since_epoch()); }

/// A round that begins a little late or early is still that of its ten seconds.
std::int64_t sampled_at(const Clock& clock) {
  return (wall_ms(clock) + kStep / 2) / kStep * HistoryStore::kFineStep;
}

}  // namespace

void HistoryRecorder::start(Statuses statuses) {
  statuses_ = std::move(statuses);
  counted_since_ = clock_.now();
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "history");
    run(stop);
  });
}

void HistoryRecorder::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void HistoryRecorder::run(const std::stop_token& stop) {
  while (clock_.sleep_until(clock_.now() + (kStep - wall_ms(clock_) % kStep), stop)) {
    try {
      sample(statuses_());
    } catch (const std::exception& error) {
      log(LogLevel::warning, std::string("no figures were recorded this time: ") + error.what());
    }
  }
}

void HistoryRecorder::batch_done(MirrorId mirror, const BatchRecord& batch) noexcept try {
  const Lock lock(mutex_);
  HistorySample& counts = counts_[mirror];
  counts.inserts += static_cast<std::int64_t>(batch.inserts);
  counts.updates += static_cast<std::int64_t>(batch.updates);
  counts.deletes += static_cast<std::int64_t>(batch.deletes);
  counts.bytes += static_cast<std::int64_t>(batch.bytes);
  // A position without changes is no batch that somebody waits for.
  if (batch.inserts + batch.updates + batch.deletes + batch.truncates == 0) return;
  ++counts.batches;
  counts.batch_ms += batch.applied / std::chrono::milliseconds(1);
} catch (...) {  // Without memory for one entry: the batch is not counted.
}

void HistoryRecorder::slot_seen(MirrorId mirror, const SlotStatus&) noexcept try {
  const Lock lock(mutex_);
  seen_[mirror] = clock_.now();
} catch (...) {  // As above.
}

void HistoryRecorder::moved(MirrorId mirror, MirrorState, MirrorState to, std::string_view) noexcept {
  if (to != MirrorState::terminated) return;
  const Lock lock(mutex_);
  counts_.erase(mirror);
  seen_.erase(mirror);
}

/// A source that is out of reach tells neither how far it is nor what it keeps: what the status holds is old then.
bool HistoryRecorder::is_known(const MirrorStatus& mirror, Clock::Instant now) const {
  const auto seen = seen_.find(mirror.id);
  return !mirror.failing || (seen != seen_.end() && now - seen->second <= 3 * kStep);
}

std::vector<HistoryStore::Of> HistoryRecorder::take_samples(const std::vector<MirrorStatus>& mirrors, std::int64_t at) {
  const Clock::Instant now = clock_.now();
  const std::int64_t span_ms = duration_cast<milliseconds>(now - counted_since_).count();
  counted_since_ = now;
  std::vector<HistoryStore::Of> samples;
  samples.reserve(mirrors.size());
  const Lock lock(mutex_);
  // Whoever looks at slots may do so once more after the mirror's end.
  std::erase_if(seen_, [&](const auto& seen) {
    return std::ranges::find(mirrors, seen.first, &MirrorStatus::id) == mirrors.end();
  });
  for (const MirrorStatus& mirror : mirrors) {
    if (!is_known(mirror, now)) continue;
    HistorySample sample;
    if (const auto counted = counts_.find(mirror.id); counted != counts_.end())
      sample = std::exchange(counted->second, HistorySample{});
    sample.at = at;
    sample.span_ms = span_ms;
    sample.lag_bytes = static_cast<std::int64_t>(mirror.lag_bytes());
    // The one is told by changes that have come, the other without any.
    sample.lag_ms = std::max(mirror.lag_time, mirror.position_lag).count();
    sample.wal_kept_bytes = static_cast<std::int64_t>(mirror.wal_kept_bytes);
    samples.push_back({mirror.id, sample});
  }
  return samples;
}

/// Each mirror once in a coarse step, another part of them in every round, so that no round holds the catalog for long.
void HistoryRecorder::thin(const std::vector<HistoryStore::Of>& samples, std::int64_t at) {
  constexpr std::int64_t kRounds = HistoryStore::kCoarseStep / HistoryStore::kFineStep;
  std::vector<MirrorId> due;
  for (const auto& of : samples)
    if (of.mirror.value % kRounds == at / HistoryStore::kFineStep % kRounds) due.push_back(of.mirror);
  if (!due.empty()) store_.thin_history(due, at);
}

void HistoryRecorder::round_begins() {
  const Lock lock(mutex_);
  busy_since_ = clock_.now();
}

void HistoryRecorder::round_ends(const std::string& trouble) {
  const Lock lock(mutex_);
  if (trouble_.empty() && !trouble.empty()) log(LogLevel::warning, "figures of the mirrors are not recorded: " + trouble);
  if (!trouble_.empty() && trouble.empty()) log(LogLevel::info, "figures of the mirrors are recorded again");
  trouble_ = trouble;
  busy_since_.reset();
}

std::string HistoryRecorder::trouble() const {
  constexpr std::chrono::seconds kLong{30};
  const Lock lock(mutex_);
  const auto busy = busy_since_ ? clock_.now() - *busy_since_ : std::chrono::seconds(0);
  if (busy < kLong) return trouble_;
  return "it has not answered for " + std::to_string(duration_cast<std::chrono::seconds>(busy).count()) + " s";
}

void HistoryRecorder::sample(const std::vector<MirrorStatus>& mirrors) noexcept try {
  const std::int64_t at = sampled_at(clock_);
  const auto samples = take_samples(mirrors, at);
  round_begins();
  // Without mirrors, too: what stands in the way is known before one needs it.
  store_.record(samples);
  thin(samples, at);
  round_ends("");
} catch (const std::exception& error) {
  round_ends(error.what());
}

}  // namespace peerd
