#include <time.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "peerd/base/secret_box.h"
#include "peerd/catalog/catalog.h"
#include "peerd/history/history.h"
#include "support/fakes/manual_clock.h"

namespace peerd {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

/// Keeps what it is given, and fails when told to.
class FakeHistory final : public HistoryStore {
 public:
  void record(std::span<const Of> samples) override {
    ++rounds;
    if (meanwhile) meanwhile();
    if (full) throw Error(ErrorCode::disk_full, "the disk is full");
    kept.insert(kept.end(), samples.begin(), samples.end());
  }
  void thin_history(std::span<const MirrorId> mirrors, std::int64_t) override {
    for (const MirrorId mirror : mirrors) ++thinned[mirror];
  }
  std::vector<HistorySample> history(MirrorId, std::int64_t step, std::int64_t bucket, std::int64_t from,
                                     std::int64_t to) override {
    asked_step = step, asked_bucket = bucket;
    std::vector<HistorySample> found;
    for (const Of& of : kept)
      if (of.sample.at >= from && of.sample.at <= to) found.push_back(of.sample);
    return found;
  }
  std::vector<Of> kept;
  std::map<MirrorId, int> thinned;
  std::int64_t asked_step = 0, asked_bucket = 0;
  std::atomic<int> rounds = 0;
  bool full = false;
  std::function<void()> meanwhile;  ///< Called while a round waits for the store.
};

MirrorStatus status(std::int64_t id) {
  MirrorStatus status;
  status.id = MirrorId{id};
  status.server_end = Lsn{500};
  status.applied = Lsn{400};
  status.lag_time = std::chrono::milliseconds(1500);
  status.wal_kept_bytes = 77;
  return status;
}

BatchRecord batch(std::uint64_t inserts) {
  BatchRecord record;
  record.inserts = inserts;
  record.updates = record.deletes = inserts > 0 ? 1 : 0;
  record.bytes = 100 * inserts;
  record.applied = std::chrono::milliseconds(20);
  return record;
}

class Recorder : public testing::Test {
 protected:
  void round(std::vector<MirrorStatus> mirrors = {status(1)}) {
    clock.advance(std::chrono::seconds(10));
    recorder.sample(mirrors);
  }
  fakes::ManualClock clock{kNow};
  FakeHistory store;
  HistoryRecorder recorder{store, clock};
};

TEST_F(Recorder, ASampleHoldsTheStatusAndWhatCameSinceTheLastOne) {
  recorder.batch_done(MirrorId{1}, batch(5));
  recorder.batch_done(MirrorId{1}, batch(6));
  recorder.batch_done(MirrorId{1}, batch(0));
  round();
  round();
  const HistorySample first{.at = kNow + 10, .span_ms = 10'000, .lag_bytes = 100, .lag_ms = 1500, .wal_kept_bytes = 77,
                            .inserts = 11, .updates = 2, .deletes = 2, .bytes = 1100, .batches = 2, .batch_ms = 40};
  ASSERT_EQ(store.kept.size(), 2u);
  EXPECT_EQ(store.kept[0].sample, first);
  EXPECT_EQ(store.kept[1].sample.inserts, 0);
  EXPECT_EQ(store.kept[1].sample.at, kNow + 20);
}

TEST_F(Recorder, ALagIsAlsoThatOfWhatHasNotCome) {
  MirrorStatus paused = status(1);
  paused.lag_time = {};
  paused.position_lag = std::chrono::seconds(50);
  round({paused});
  EXPECT_EQ(store.kept.at(0).sample.lag_ms, 50'000);
}

TEST_F(Recorder, NothingIsKnownOfASourceThatIsOutOfReach) {
  MirrorStatus failing = status(1);
  failing.failing = true;
  recorder.slot_seen(MirrorId{1}, {});
  for (int i = 0; i < 3; ++i) round({failing});
  EXPECT_EQ(store.kept.size(), 3u) << "the target may be what fails";
  round({failing});
  EXPECT_EQ(store.kept.size(), 3u) << "old figures would look like new ones";
  recorder.slot_seen(MirrorId{1}, {});
  round({failing});
  EXPECT_EQ(store.kept.size(), 4u);
}

TEST_F(Recorder, ALookAtTheSlotOfAMirrorThatHasEndedIsForgotten) {
  recorder.moved(MirrorId{1}, MirrorState::terminating, MirrorState::terminated, "dropped");
  recorder.slot_seen(MirrorId{1}, {});
  round({});
  MirrorStatus failing = status(1);
  failing.failing = true;
  round({failing});
  EXPECT_TRUE(store.kept.empty()) << "its slot was not seen by the mirror that is there now";
}

TEST_F(Recorder, ARoundThatIsLateCountsItsTimeAndKeepsItsPlace) {
  clock.advance(std::chrono::milliseconds(12'300));
  recorder.sample({status(1)});
  clock.advance(std::chrono::milliseconds(7'700));
  recorder.sample({status(1)});
  EXPECT_EQ(store.kept[0].sample.at, kNow + 10);
  EXPECT_EQ(store.kept[0].sample.span_ms, 12'300);
  EXPECT_EQ(store.kept[1].sample.at, kNow + 20);
  EXPECT_EQ(store.kept[1].sample.span_ms, 7'700);
}

TEST_F(Recorder, AFullDiskCostsSamplesAndNothingElse) {
  store.full = true;
  recorder.batch_done(MirrorId{1}, batch(5));
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) round();
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("the disk is full"), std::string::npos);
  EXPECT_EQ(told.find("the disk is full"), told.rfind("the disk is full"));
  EXPECT_EQ(recorder.trouble(), "the disk is full");
  store.full = false;
  recorder.batch_done(MirrorId{1}, batch(2));
  round();
  EXPECT_EQ(recorder.trouble(), "");
  ASSERT_EQ(store.kept.size(), 1u);
  EXPECT_EQ(store.kept[0].sample.inserts, 2);
  EXPECT_EQ(store.kept[0].sample.span_ms, 10'000);
}

TEST_F(Recorder, ARoundThatLastsIsTrouble) {
  store.meanwhile = [this] {
    clock.advance(std::chrono::seconds(29));
    EXPECT_EQ(recorder.trouble(), "");
    clock.advance(std::chrono::seconds(12));
    EXPECT_EQ(recorder.trouble(), "it has not answered for 41 s");
  };
  round();
  EXPECT_EQ(recorder.trouble(), "");
}

TEST_F(Recorder, EveryMirrorIsThinnedOnceInACoarseStep) {
  std::vector<MirrorStatus> mirrors;
  for (int id = 1; id <= 100; ++id) mirrors.push_back(status(id));
  for (int i = 0; i < 30; ++i) round(mirrors);
  EXPECT_EQ(store.thinned.size(), 100u);
  for (const auto& [mirror, times] : store.thinned) EXPECT_EQ(times, 1) << mirror.value;
}

TEST_F(Recorder, TheThreadSamplesAtEachTenSecondsOfTheClock) {
  clock.advance(std::chrono::seconds(4));
  int asked = 0;
  recorder.start([&] { return ++asked, std::vector{status(1)}; });
  clock.await_sleeper();
  clock.advance(std::chrono::milliseconds(5'999));
  clock.await_sleeper();
  clock.advance(std::chrono::milliseconds(1));
  while (clock.await_sleeper(), store.rounds == 0) std::this_thread::yield();
  recorder.stop();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(store.kept.at(0).sample.at, kNow + 10);
  EXPECT_EQ(store.kept.at(0).sample.span_ms, 6'000);
}

TEST(HistoryOf, StepsAreEquallyFarApartAndGapsAreEmpty) {
  FakeHistory store;
  store.kept = {{MirrorId{1}, {.at = kNow - 20, .inserts = 3}}, {MirrorId{1}, {.at = kNow, .inserts = 4}}};
  const History history = history_of(store, MirrorId{1}, {kNow - 30, kNow + 3, 360}, kNow + 3);
  EXPECT_EQ(history.step_seconds, 10);
  EXPECT_EQ(history.at, (std::vector<std::int64_t>{kNow - 30, kNow - 20, kNow - 10, kNow}));
  EXPECT_FALSE(history.samples[0]);
  EXPECT_EQ(history.samples[1]->inserts, 3);
  EXPECT_FALSE(history.samples[2]);
  EXPECT_EQ(history.samples[3]->inserts, 4);
}

TEST(HistoryOf, APastDayIsFineAndWhatIsOlderCoarse) {
  FakeHistory store;
  const auto of = [&](std::int64_t seconds, std::int64_t points) {
    return history_of(store, MirrorId{1}, {kNow - seconds, kNow, points}, kNow);
  };
  EXPECT_EQ(of(3600, 360).at.size(), 360u);
  EXPECT_EQ(of(86'400, 100).step_seconds, 870);
  EXPECT_EQ(store.asked_step, 10);
  EXPECT_LE(of(86'400, 100).at.size(), 100u);
  EXPECT_EQ(of(86'430, 1000).step_seconds, 90);  // By a clock that is a little behind.
  EXPECT_EQ(of(86'701, 1000).step_seconds, 300);
  EXPECT_EQ(store.asked_step, 300);
  EXPECT_EQ(of(30 * 86'400, 360).step_seconds, 7200);
  EXPECT_EQ(store.asked_bucket, 7200);
  EXPECT_EQ(of(0, 1).at.size(), 1u);
}

/// What a round costs, with the catalog on a disk and its days full: printed, and held to a share of the ten seconds.
TEST(RecorderCost, OfAHundredMirrorsIsAHundredthOfACore) {
  std::string name = "/tmp/peerd-history-XXXXXX";
  const std::string directory = mkdtemp(name.data());
  {
    const auto catalog = Catalog::open("sqlite:" + directory + "/catalog.db",
                                       SecretBox::from_text("a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                                       [](std::string_view) { return nullptr; });
    catalog->put_peer({"s", "POSTGRES", {}}, Replace::no);
    std::vector<MirrorStatus> mirrors;
    for (int i = 0; i < 100; ++i) {
      catalog->put_mirror({"m" + std::to_string(i), "s", "s", {{"public.t", "t", {}}}, {}});
      mirrors.push_back(status(catalog->mirror("m" + std::to_string(i))->id.value));
    }
    fakes::ManualClock clock(kNow);
    HistoryRecorder recorder(*catalog, clock);
    const auto cpu_us = [] {
      timespec time{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
    };
    constexpr int kRounds = 60;
    const auto before = cpu_us();
    for (int i = 0; i < kRounds; ++i) {
      for (const MirrorStatus& mirror : mirrors) recorder.batch_done(mirror.id, batch(9));
      clock.advance(std::chrono::seconds(10));
      recorder.sample(mirrors);
    }
    const auto per_round = (cpu_us() - before) / kRounds;
    std::printf("CPU time per round of 100 mirrors: %lld us\n", static_cast<long long>(per_round));
    EXPECT_EQ(catalog->history(mirrors[0].id, 10, 10, kNow, kNow + 3600).size(), 60u);
    EXPECT_LT(per_round, 100'000);  // 1 % of ten seconds, even under the sanitizers.
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace peerd
