#include "peerd/history/history.h"

#include <algorithm>

namespace peerd {

History history_of(HistoryStore& store, MirrorId mirror, const HistoryRange& range, std::int64_t now) {
  // Of who asks for a day by a clock that is a little behind, only the first minutes are missing.
  const bool fine = range.from >= now - HistoryStore::kFineKept - HistoryStore::kCoarseStep;
  const std::int64_t step = fine ? HistoryStore::kFineStep : HistoryStore::kCoarseStep;
  const std::int64_t steps = std::max<std::int64_t>(1, (range.to - range.from) / step);
  History history;
  history.step_seconds = (steps + range.points - 1) / range.points * step;
  const std::int64_t bucket = history.step_seconds;
  const std::int64_t last = range.to / bucket * bucket;
  const std::int64_t count = std::min(range.points, (range.to - range.from) / bucket + 1);
  const std::int64_t first = std::max<std::int64_t>(0, last - (count - 1) * bucket);
  for (std::int64_t at = first; at <= last; at += bucket) history.at.push_back(at);
  history.samples.resize(history.at.size());
  for (const HistorySample& sample : store.history(mirror, step, bucket, first, range.to))
    history.samples[static_cast<std::size_t>((sample.at - first) / bucket)] = sample;
  return history;
}

}  // namespace peerd
