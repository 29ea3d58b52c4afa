#include "catalog_fixture.h"

namespace peerd {
namespace {

constexpr std::int64_t kFine = HistoryStore::kFineStep, kCoarse = HistoryStore::kCoarseStep;
constexpr std::int64_t kNow = 1'800'000'000;  // A multiple of both steps.

class HistoryStoreTest : public CatalogTest {
 protected:
  static HistorySample sample(std::int64_t at, std::int64_t inserts = 1, std::int64_t lag = 0) {
    return {.at = at, .span_ms = 10'000, .lag_bytes = lag, .lag_ms = lag, .wal_kept_bytes = lag, .inserts = inserts,
            .updates = 2, .deletes = 3, .bytes = 4, .batches = 1, .batch_ms = 5};
  }
  void record(MirrorId mirror, const HistorySample& sample) {
    const HistoryStore::Of one[] = {{mirror, sample}};
    catalog().record(one);
  }
  void thin(MirrorId mirror, std::int64_t now) {
    const MirrorId one[] = {mirror};
    catalog().thin_history(one, now);
  }
  std::vector<HistorySample> all(MirrorId mirror, std::int64_t step) {
    return catalog().history(mirror, step, step, kNow - 86'400, kNow + 2 * HistoryStore::kCoarseKept);
  }
};

TEST_F(HistoryStoreTest, SamplesComeBackAfterARestart) {
  const MirrorId mirror = made().mirror;
  record(mirror, sample(kNow, 1, 7));
  record(mirror, sample(kNow + kFine, 9));
  reopen();
  EXPECT_EQ(all(mirror, kFine), (std::vector{sample(kNow, 1, 7), sample(kNow + kFine, 9)}));
  EXPECT_EQ(catalog().history(mirror, kFine, kFine, kNow + 1, kNow + kFine).size(), 1u);
}

TEST_F(HistoryStoreTest, OneOfTheSameMomentIsReplaced) {
  const MirrorId mirror = made().mirror;
  record(mirror, sample(kNow, 1));
  record(mirror, sample(kNow, 2));
  EXPECT_EQ(all(mirror, kFine), std::vector{sample(kNow, 2)});
}

TEST_F(HistoryStoreTest, BucketsAreMeansOfGaugesAndSumsOfCounts) {
  const MirrorId mirror = made().mirror;
  for (int i = 0; i < 6; ++i) record(mirror, sample(kNow + i * kFine, 1, i < 3 ? 10 : 30));
  const auto buckets = catalog().history(mirror, kFine, 3 * kFine, kNow, kNow + 6 * kFine);
  ASSERT_EQ(buckets.size(), 2u);
  EXPECT_EQ(buckets[1], (HistorySample{.at = kNow + 30, .span_ms = 30'000, .lag_bytes = 30, .lag_ms = 30, .wal_kept_bytes = 30,
                                       .inserts = 3, .updates = 6, .deletes = 9, .bytes = 12, .batches = 3, .batch_ms = 15}));
}

TEST_F(HistoryStoreTest, ALongRangeHasEachSampleOnce) {
  const MirrorId mirror = made().mirror;
  std::vector<HistoryStore::Of> samples;
  for (int i = 0; i < 2000; ++i) samples.push_back({mirror, sample(kNow + i * kFine)});
  catalog().record(samples);
  std::int64_t inserts = 0, last = 0;
  for (const auto& bucket : catalog().history(mirror, kFine, 70, kNow + 5, kNow + 2000 * kFine)) {
    EXPECT_GT(bucket.at, last);
    last = bucket.at;
    inserts += bucket.inserts;
  }
  EXPECT_EQ(inserts, 1999);
}

TEST_F(HistoryStoreTest, StepsThatAreOverAreMadeCoarseOnce) {
  const MirrorId mirror = made().mirror;
  for (int i = 0; i < 45; ++i) record(mirror, sample(kNow + i * kFine));  // A step and a half.
  for (int twice = 0; twice < 2; ++twice) {
    thin(mirror, kNow + 450);
    const auto coarse = all(mirror, kCoarse);
    ASSERT_EQ(coarse.size(), 1u);
    EXPECT_EQ(coarse[0].at, kNow);
    EXPECT_EQ(coarse[0].inserts, 30);
    EXPECT_EQ(coarse[0].span_ms, 300'000);
  }
  thin(mirror, kNow + 600);
  EXPECT_EQ(all(mirror, kCoarse).size(), 2u);
  EXPECT_EQ(all(mirror, kFine).size(), 45u);
}

TEST_F(HistoryStoreTest, WhatIsOldIsDropped) {
  const MirrorId mirror = made().mirror;
  record(mirror, sample(kNow));
  thin(mirror, kNow + HistoryStore::kFineKept - kFine);
  EXPECT_EQ(all(mirror, kFine).size(), 1u);
  thin(mirror, kNow + HistoryStore::kFineKept);
  EXPECT_EQ(all(mirror, kFine).size(), 0u);
  EXPECT_EQ(all(mirror, kCoarse).size(), 1u);
  thin(mirror, kNow + HistoryStore::kCoarseKept);
  EXPECT_EQ(all(mirror, kCoarse).size(), 0u);
}

TEST_F(HistoryStoreTest, WhatALaterClockWroteIsDropped) {
  const MirrorId mirror = made().mirror;
  record(mirror, sample(kNow + 3600));
  record(mirror, sample(kNow));
  thin(mirror, kNow + 10);
  EXPECT_EQ(all(mirror, kFine), std::vector{sample(kNow)});
}

TEST_F(HistoryStoreTest, AMirrorTakesItsHistoryAlong) {
  const MirrorId mirror = made().mirror;
  record(mirror, sample(kNow));
  catalog().delete_mirror(mirror);
  EXPECT_EQ(all(mirror, kFine).size(), 0u);
  record(mirror, sample(kNow));  // A round that began before: nothing is kept, nothing fails.
  EXPECT_EQ(all(mirror, kFine).size(), 0u);
}

}  // namespace
}  // namespace peerd
