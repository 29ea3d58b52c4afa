#include "catalog_fixture.h"
#include "support/error_of.h"

namespace peerd {
namespace {

class ProgressTest : public CatalogTest {
 protected:
  ProgressTest() : lease_(made()) {}
  MirrorProgress progress() { return catalog().progress(lease_.mirror); }
  Lsn checkpoint() { return progress().checkpoint.value_or(Durable{}).lsn; }

  const Lease lease_;
};

TEST_F(ProgressTest, ANewMirrorHasNone) {
  EXPECT_FALSE(progress().slot_intended);
  EXPECT_FALSE(progress().slot);
  EXPECT_FALSE(progress().identity);
  EXPECT_FALSE(progress().checkpoint);
  EXPECT_EQ(error_of([&] { catalog().progress(MirrorId{99}); }).code, ErrorCode::not_found);
}

TEST_F(ProgressTest, SlotAndIdentitySurviveInAll64Bits) {
  catalog().intend_slot(lease_);
  EXPECT_TRUE(progress().slot_intended);
  catalog().begin(lease_, {"slot_1", Lsn{0xFFFFFFFF00000001}}, {0xFEDCBA9876543210, 4'000'000'000});
  reopen();
  EXPECT_EQ(progress().slot->slot, "slot_1");
  EXPECT_EQ(progress().slot->consistent_point, Lsn{0xFFFFFFFF00000001});
  EXPECT_EQ(progress().identity, (SourceIdentity{0xFEDCBA9876543210, 4'000'000'000}));
}

TEST_F(ProgressTest, TablesComeBackInOrderAndWhole) {
  std::vector tables = {table(9, "z", Lsn{0x10}), table(3, "a", Lsn{0x2000000000})};
  tables[0].coverage = {4'000'000'000, 3'999'999'999, 10, {"schema 16400 733", "table 4000000001"}, "1 3", 16402, 4'000'000'001, -7};
  catalog().set_tables(lease_, tables, Lsn{77});
  reopen();
  EXPECT_EQ(progress().tables, tables);
  EXPECT_EQ(progress().shaped_at, Lsn{77});
  EXPECT_EQ(progress().notes.size(), 2u);
}

TEST_F(ProgressTest, ATableThatIsCopiedAnewGoesFromStepToStep) {
  const MirrorTable t = table(1, "t", Lsn{10}), u = table(2, "u", Lsn{10});
  catalog().set_tables(lease_, std::vector{t, u}, Lsn{});
  for (const MirrorTable& each : {t, u}) {
    catalog().plan(lease_, each, chunks_of(each, 2));
    catalog().copied(lease_, each.schema.id, Lsn{50});
    catalog().note_target(lease_, each.target_name, {{{"uuid", "old"}}, true});
  }
  const MirrorTable again = table(3, "t", Lsn{90});  // Made anew at the source.
  catalog().begin_resync(lease_, t.schema.id, again);
  EXPECT_EQ(progress().tables, (std::vector{t, u})) << "nobody has asked";
  EXPECT_EQ(error_of([&] { catalog().ask_resync(lease_.mirror, std::vector{t.schema.id, TableId{77}}); }).code, ErrorCode::wrong_state);
  EXPECT_EQ(progress().notes[0].resync, Resync::none) << "all or none";
  catalog().ask_resync(lease_.mirror, std::vector{t.schema.id});
  reopen();
  EXPECT_EQ(progress().notes[0].resync, Resync::asked);
  EXPECT_TRUE(progress().notes[0].copied) << "what stands is what it was";
  EXPECT_FALSE(catalog().begin_swap(lease_, t.schema.id)) << "nothing is copied yet";
  catalog().begin_resync(lease_, t.schema.id, again);
  reopen();
  EXPECT_EQ(progress().tables, (std::vector{again, u}));
  EXPECT_EQ(progress().notes[0].resync, Resync::copying);
  EXPECT_FALSE(progress().notes[0].planned || progress().notes[0].copied);
  EXPECT_EQ(catalog().chunks(lease_.mirror).size(), 2u) << "of the other table";
  EXPECT_TRUE(progress().target_tables.contains(t.target_name)) << "its table at the target still stands";
  catalog().note_target(lease_, "shadow", {{{"uuid", "new"}}, true});
  EXPECT_TRUE(catalog().begin_swap(lease_, again.schema.id));
  EXPECT_EQ(progress().notes[0].resync, Resync::swapping);
  catalog().resynced(lease_, again, Lsn{99}, "shadow", {{{"uuid", "new"}}, true});
  reopen();
  EXPECT_EQ(progress().notes[0].resync, Resync::none);
  EXPECT_TRUE(progress().notes[0].copied);
  EXPECT_EQ(progress().notes[0].horizon, Lsn{99});
  EXPECT_EQ(progress().target_tables.at("t").facts.at("uuid"), "new");
  EXPECT_FALSE(progress().target_tables.contains("shadow"));
  EXPECT_EQ(progress().notes[1].resync, Resync::none);
}

TEST_F(ProgressTest, AParkedTableStaysSoUntilItIsCopiedAnew) {
  const MirrorTable t = table(1, "t", Lsn{10}), u = table(2, "u", Lsn{10});
  catalog().set_tables(lease_, std::vector{t, u}, Lsn{});
  const ParkedTable parked{Lsn{0xF000000000000001}, 77, "why", "and how it ends"};
  catalog().park(lease_, u.schema.id, parked);
  EXPECT_EQ(error_of([&] { catalog().park({lease_.mirror, lease_.epoch - 1, lease_.uuid}, t.schema.id, parked); }).code, ErrorCode::fenced);
  reopen();
  catalog().set_tables(lease_, std::vector{t, u}, Lsn{77});
  catalog().copied(lease_, u.schema.id, Lsn{50});
  EXPECT_EQ(progress().notes[1].parked, parked);
  EXPECT_FALSE(progress().notes[0].parked);
  catalog().ask_resync(lease_.mirror, std::vector{u.schema.id});
  EXPECT_EQ(progress().notes[1].parked, parked) << "nothing is copied yet";
  MirrorTable again = u;
  again.start = Lsn{90};
  catalog().begin_resync(lease_, u.schema.id, again);
  reopen();
  EXPECT_FALSE(progress().notes[1].parked);
  catalog().park(lease_, u.schema.id, parked);
  again.start = Lsn{95};
  catalog().set_tables(lease_, std::vector{t, again}, Lsn{77});
  EXPECT_FALSE(progress().notes[1].parked) << "it has another start";
}

TEST_F(ProgressTest, AResyncThatIsAskedForAgainIsNotOverWithTheFirst) {
  const MirrorTable t = table(1, "t", Lsn{10});
  catalog().set_tables(lease_, std::vector{t}, Lsn{});
  catalog().ask_resync(lease_.mirror, std::vector{t.schema.id});
  catalog().begin_resync(lease_, t.schema.id, t);
  EXPECT_TRUE(catalog().begin_swap(lease_, t.schema.id));
  catalog().ask_resync(lease_.mirror, std::vector{t.schema.id});
  catalog().resynced(lease_, t, Lsn{99}, "", {{{"uuid", "new"}}, true});
  EXPECT_EQ(progress().notes[0].resync, Resync::asked);
  EXPECT_EQ(progress().target_tables.at("t").facts.at("uuid"), "new") << "what stands at the target is known all the same";
}

TEST_F(ProgressTest, ASlotThatIsLeftIsToBeDroppedFirst) {
  catalog().intend_slot(lease_);
  EXPECT_FALSE(progress().slot_outdated);
  catalog().begin(lease_, {"slot_1", Lsn{7}}, {1, 1});
  catalog().checkpoint(lease_, Durable{Lsn{9}}, {});
  catalog().forget_slot(lease_);
  reopen();
  EXPECT_FALSE(progress().slot);
  EXPECT_TRUE(progress().slot_outdated && progress().slot_intended);
  EXPECT_EQ(checkpoint(), Lsn{9});
  catalog().intend_slot(lease_);
  EXPECT_FALSE(progress().slot_outdated);
}

TEST_F(ProgressTest, CheckpointsNeverGoBack) {
  for (const std::uint64_t value :
       {5ull, 0x1'0000'0000ull, 0xFFFFFFFFull, 0xF000000000000000ull, 0x7000000000000000ull}) {
    const Lsn before = checkpoint();
    EXPECT_EQ(catalog().checkpoint(lease_, Durable{Lsn{value}}, {}).lsn(), Lsn{value});
    EXPECT_EQ(checkpoint(), std::max(before, Lsn{value}));
  }
  EXPECT_TRUE(catalog().batches(lease_.mirror).empty()) << "a position alone is no batch";
}

TEST_F(ProgressTest, APlanReplacesEverythingOfThatTableAlone) {
  const MirrorTable t = table(1, "t", Lsn{10}), u = table(2, "u", Lsn{10});
  catalog().set_tables(lease_, std::vector{t, u}, Lsn{});
  catalog().plan(lease_, t, chunks_of(t, 4));
  catalog().plan(lease_, u, chunks_of(u, 1));
  for (const Chunk& chunk : chunks_of(t, 4)) catalog().chunk_done(lease_, chunk, {7, 70});
  catalog().copied(lease_, t.schema.id, Lsn{50});
  EXPECT_EQ(done_chunks(lease_.mirror), 4u);
  EXPECT_TRUE(progress().notes.at(0).copied);
  EXPECT_EQ(progress().notes.at(0).horizon, Lsn{50});

  MirrorTable anew = t;
  anew.start = Lsn{60};
  catalog().plan(lease_, anew, chunks_of(anew, 2));
  EXPECT_EQ(catalog().chunks(lease_.mirror).size(), 3u);
  EXPECT_EQ(done_chunks(lease_.mirror), 0u);
  EXPECT_EQ(progress().tables.at(0).start, Lsn{60});
  EXPECT_TRUE(progress().notes.at(0).planned);
  EXPECT_FALSE(progress().notes.at(0).copied);
  EXPECT_EQ(progress().notes.at(0).horizon, Lsn{});
  catalog().plan(lease_, anew, {});
  EXPECT_FALSE(progress().notes.at(0).planned) << "no chunks: only voided";
}

TEST_F(ProgressTest, ChunksComeBackWholeWithTheirCounts) {
  const MirrorTable t = table(1, "t", Lsn{10});
  const std::vector<Chunk> planned = chunks_of(t, 3);
  catalog().plan(lease_, t, planned);
  catalog().chunk_done(lease_, planned[1], {5, 1ull << 40});
  reopen();
  const std::vector<ChunkRecord> records = catalog().chunks(lease_.mirror);
  ASSERT_EQ(records.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(records[i].chunk, planned[i]);
  EXPECT_TRUE(records[1].done);
  EXPECT_EQ(records[1].counts.bytes, 1ull << 40);
}

TEST_F(ProgressTest, RangesOfTheKeyComeBackWhole) {
  const MirrorTable t = table(1, "t", Lsn{10});
  std::vector<Chunk> planned = chunks_of(t, 2);
  planned[0].range = Chunk::KeyRange{{}, {"ä'\"\n", ""}, -5};
  planned[1].range = Chunk::KeyRange{{"ä'\"\n", ""}, {}, 1ll << 62};
  catalog().plan(lease_, t, planned);
  reopen();
  const std::vector<ChunkRecord> records = catalog().chunks(lease_.mirror);
  ASSERT_EQ(records.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(records[i].chunk, planned[i]);
}

TEST_F(ProgressTest, MovesAreCountedUntilTheTableIsCopied) {
  const MirrorTable t = table(1, "t", Lsn{10});
  catalog().set_tables(lease_, std::vector{t}, Lsn{});
  for (std::uint32_t moves = 1; moves <= 3; ++moves) {
    catalog().moved(lease_, t.schema.id);
    catalog().plan(lease_, t, {});
    catalog().plan(lease_, t, chunks_of(t, 1));
    EXPECT_EQ(progress().notes.at(0).moves, moves);
  }
  reopen();
  EXPECT_EQ(progress().notes.at(0).moves, 3u);
  catalog().copied(lease_, t.schema.id, Lsn{30});
  EXPECT_EQ(progress().notes.at(0).moves, 0u);
}

TEST_F(ProgressTest, AFinishedChunkOfAnOlderPlanIsIgnored) {
  MirrorTable t = table(1, "t", Lsn{10});
  const Chunk old = chunks_of(t, 1)[0];
  catalog().plan(lease_, t, chunks_of(t, 1));
  t.start = Lsn{20};
  catalog().plan(lease_, t, chunks_of(t, 1));
  catalog().chunk_done(lease_, old, {1, 1});
  EXPECT_EQ(done_chunks(lease_.mirror), 0u);
}

TEST_F(ProgressTest, AWiderShapeKeepsTheCopyAndAnotherStartVoidsIt) {
  MirrorTable t = table(1, "t", Lsn{10});
  const MirrorTable u = table(2, "u", Lsn{10});
  catalog().set_tables(lease_, std::vector{t, u}, Lsn{});
  catalog().plan(lease_, t, chunks_of(t, 1));
  catalog().chunk_done(lease_, chunks_of(t, 1)[0], {1, 1});
  catalog().copied(lease_, t.schema.id, Lsn{30});
  t.schema.columns.push_back(t.schema.columns.back());
  t.schema.columns.back().name = "more";
  catalog().set_tables(lease_, std::vector{t}, Lsn{40});
  EXPECT_EQ(progress().tables, std::vector{t});
  EXPECT_TRUE(progress().notes.at(0).copied);
  EXPECT_EQ(done_chunks(lease_.mirror), 1u);
  t.start = Lsn{50};
  catalog().set_tables(lease_, std::vector{t}, Lsn{});
  EXPECT_FALSE(progress().notes.at(0).planned || progress().notes.at(0).copied);
  EXPECT_TRUE(catalog().chunks(lease_.mirror).empty());
}

TEST_F(ProgressTest, EveryWriteUnderAnOlderLeaseIsFencedAndChangesNothing) {
  const MirrorTable t = table(1, "t", Lsn{10});
  catalog().set_tables(lease_, std::vector{t}, Lsn{});
  catalog().plan(lease_, t, chunks_of(t, 2));
  const Lease newer = catalog().lease(lease_.mirror, "me", std::chrono::hours(1)).value();
  EXPECT_EQ(newer.epoch, lease_.epoch + 1);
  EXPECT_EQ(newer.uuid, lease_.uuid);
  const std::function<void()> writes[] = {
      [&] { catalog().intend_slot(lease_); },
      [&] {
        catalog().begin(lease_, {"s", Lsn{1}}, {});
      },
      [&] { catalog().set_tables(lease_, {}, Lsn{}); },
      [&] { catalog().plan(lease_, t, {}); },
      [&] { catalog().chunk_done(lease_, chunks_of(t, 2)[0], {}); },
      [&] { catalog().copied(lease_, t.schema.id, Lsn{1}); },
      [&] { catalog().checkpoint(lease_, Durable{Lsn{99}}, {.first = {}, .end = {}, .inserts = 1}); },
  };
  for (const auto& write : writes) EXPECT_EQ(error_of(write).code, ErrorCode::fenced);
  EXPECT_FALSE(progress().slot_intended || progress().slot || progress().checkpoint);
  EXPECT_EQ(catalog().chunks(lease_.mirror).size(), 2u);
  EXPECT_EQ(done_chunks(lease_.mirror), 0u);
  EXPECT_TRUE(catalog().batches(lease_.mirror).empty());
  catalog().checkpoint(newer, Durable{Lsn{99}}, {});
  EXPECT_EQ(checkpoint(), Lsn{99});
}

TEST_F(ProgressTest, AnothersLeaseIsRespectedUntilItRunsOut) {
  EXPECT_FALSE(catalog().lease(lease_.mirror, "other", std::chrono::hours(1)));
  ASSERT_TRUE(catalog().lease(lease_.mirror, "me", std::chrono::seconds(-1)));
  const Lease taken = catalog().lease(lease_.mirror, "other", std::chrono::hours(1)).value();
  EXPECT_EQ(taken.epoch, lease_.epoch + 2);
  EXPECT_EQ(error_of([&] { catalog().lease(MirrorId{99}, "me", std::chrono::hours(1)); }).code, ErrorCode::not_found);
}

TEST_F(ProgressTest, ALeaseOfADeadProcessIsTakenOverAtOnce) {
  reopen();
  EXPECT_EQ(catalog().lease(lease_.mirror, "the next process", std::chrono::hours(1))->epoch, lease_.epoch + 1);
}

TEST_F(ProgressTest, TheLastThousandBatchesAndLinesStay) {
  catalog_ = open(":memory:");  // No waiting for 2,000 fsyncs.
  const Lease lease = made();
  StageTimes stages;
  for (std::size_t stage = 0; stage < kStageNames.size(); ++stage) stages.at(stage) = std::chrono::microseconds(10 + stage);
  for (std::uint64_t i = 1; i <= 1010; ++i) {
    catalog().checkpoint(lease, Durable{Lsn{i}},
                         {.first = Lsn{i},
                          .end = Lsn{i + 1},
                          .inserts = i,
                          .updates = 2,
                          .deletes = 3,
                          .truncates = 4,
                          .bytes = 5,
                          .waited = std::chrono::milliseconds(6),
                          .applied = std::chrono::milliseconds(7),
                          .stages = stages});
    catalog().log(lease.mirror,
                  {.level = "warning", .message = "line " + std::to_string(i), .detail = "d", .hint = "h"});
  }
  const auto batches = catalog().batches(lease.mirror);
  ASSERT_EQ(batches.size(), 1000u);
  EXPECT_EQ(batches.front().id, 11);
  EXPECT_EQ(batches.back().batch.inserts, 1010u);
  EXPECT_EQ(batches.back().batch.first, Lsn{1010});
  EXPECT_EQ(batches.back().batch.end, Lsn{1011});
  EXPECT_EQ(batches.back().batch.waited, std::chrono::milliseconds(6));
  EXPECT_EQ(batches.back().batch.applied, std::chrono::milliseconds(7));
  for (std::size_t stage = 0; stage < kStageNames.size(); ++stage)
    EXPECT_EQ(batches.back().batch.stages.at(stage), stages.at(stage)) << kStageNames.at(stage);
  EXPECT_GT(batches.back().at_us, 0);
  const auto lines = catalog().logs(lease.mirror);
  ASSERT_EQ(lines.size(), 1000u);
  EXPECT_EQ(lines.back().message, "line 1010");
  EXPECT_EQ(lines.back().id, 1010);
  EXPECT_GT(lines.back().at_us, 0);
}

}  // namespace
}  // namespace peerd
