#include <algorithm>

#include "sql_catalog.h"

namespace peerd {

void SqlCatalog::record(std::span<const Of> samples) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  for (const auto& [mirror, sample] : samples) {
    run(Sql::put_sample,
        {mirror.value, kFineStep, sample.at, sample.span_ms, sample.lag_bytes, sample.lag_ms, sample.wal_kept_bytes,
         sample.inserts, sample.updates, sample.deletes, sample.bytes, sample.batches, sample.batch_ms});
  }
  transaction.commit();
}

void SqlCatalog::thin_history(std::span<const MirrorId> mirrors, std::int64_t now) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  for (const MirrorId mirror : mirrors) {
    run(Sql::thin_samples, {mirror.value, kFineStep, kCoarseStep, now / kCoarseStep * kCoarseStep});
    run(Sql::prune_samples, {mirror.value, kFineStep, now - kFineKept, now});
    run(Sql::prune_samples, {mirror.value, kCoarseStep, now - kCoarseKept, now});
  }
  transaction.commit();
}

/// In slices, each under a lock of its own: a day of one mirror lies on thousands of pages, and mirrors wait for the catalog.
std::vector<HistorySample> SqlCatalog::history(MirrorId mirror, std::int64_t step, std::int64_t bucket, std::int64_t from,
                                               std::int64_t to) {
  constexpr std::int64_t kSlice = 720;  // Rows.
  const std::int64_t buckets = std::max<std::int64_t>(1, kSlice * step / bucket);
  std::vector<HistorySample> samples;
  for (std::int64_t end = 0; from <= to; from = end) {
    end = std::min(to + 1, (from / bucket + buckets) * bucket);
    Lock lock(mutex_);
    for (Rows rows = ask(Sql::samples, {mirror.value, step, bucket, from, end}); rows.next();) {
      samples.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3), rows.integer(4),
                         rows.integer(5), rows.integer(6), rows.integer(7), rows.integer(8), rows.integer(9),
                         rows.integer(10)});
    }
  }
  return samples;
}

}  // namespace peerd
