// Mirrors that stream through their spool, over fake servers and the real catalog. Every test compares rows.

#include <fstream>
#include <random>
#include <thread>

#include "unit/mirrors/supervisor_fixture.h"

namespace peerd {
namespace {

namespace fs = std::filesystem;

class SpooledStreamTest : public SupervisorTest {
 protected:
  MirrorId start(const std::string& target = "b", Options options = {}) {
    options.emplace("spool", "always");
    const MirrorId id = create(target, options);
    reach(id, MirrorState::running);
    return id;
  }
  std::string directory(MirrorId id) { return folder_ + "/spool/" + catalog_->mirror(id)->uuid; }
  /// Writes while the target is down, until the source was told that all is safe.
  Lsn spool_some(MirrorId id, int rows, int from = 0) {
    target().die();
    Lsn end;
    for (int i = from; i < from + rows; ++i) end = source().insert("public.t", {std::to_string(i), "spooled", "large"});
    source().wait_until_confirmed(end);
    EXPECT_LT(target().applied(), end);
    EXPECT_GE(catalog_->progress(id).spooled_to, end);
    return end;
  }
};

TEST_F(SpooledStreamTest, TheSlotAdvancesWhileTheTargetIsDown) {
  for (const std::string& peer : {std::string("b"), std::string("c")}) {
    const MirrorId id = start(peer);
    target(peer).die();
    Lsn end;
    for (int i = 0; i < 50; ++i) end = source().insert("public.t", {std::to_string(i), "x", "y"});
    source().wait_until_confirmed(end);
    until("the failure to show", [&] { return supervisor_->status(id).failing; });
    EXPECT_EQ(supervisor_->status(id).state, MirrorState::running);
    EXPECT_GT(supervisor_->status(id).spool_bytes, 0u);
    target(peer).revive();
    expect_equal(source().update("public.t", {"3", "after", "y"}), peer);
    until("the recovery", [&] { return !supervisor_->status(id).failing; });
    supervisor_->request(id, MirrorEvent::drop);
    EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
    EXPECT_TRUE(fs::is_empty(folder_ + "/spool")) << "a mirror's spool goes with it";
    for (int i = 0; i < 50; ++i) source().remove("public.t", {std::to_string(i)});
  }
}

TEST_F(SpooledStreamTest, WhatIsSpooledOutlivesTheProcessAndThePause) {
  const MirrorId id = start();
  spool_some(id, 20);
  restart();
  Lsn end = source().insert("public.t", {"20", "meanwhile", "y"});
  source().wait_until_confirmed(end);
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  target().revive();
  supervisor_->request(id, MirrorEvent::resume);
  expect_equal(end);
  expect_equal(source().remove("public.t", {"5"}));
}

TEST_F(SpooledStreamTest, APausedMirrorReceivesAndResumeAppliesAllOfIt) {
  for (const std::string& peer : {std::string("b"), std::string("c")}) {
    const MirrorId id = start(peer, {{"spool", "when_needed"}});
    expect_equal(source().insert("public.t", {"0", "x", "y"}), peer);
    supervisor_->request(id, MirrorEvent::pause_receiving);
    reach(id, MirrorState::paused);
    const Lsn applied = target(peer).applied();
    Lsn end;
    for (int i = 1; i < 40; ++i) {
      end = source().insert("public.t", {std::to_string(i), "x", "y"});
      if (i % 20 == 0) source().wait_until_confirmed(end);
      if (i % 10 == 5) restart();
    }
    source().wait_until_confirmed(end);
    EXPECT_EQ(target(peer).applied(), applied);
    EXPECT_EQ(supervisor_->status(id).state, MirrorState::paused);
    until("the step", [&] { return supervisor_->status(id).step.starts_with("paused: receiving into the spool"); });
    EXPECT_TRUE(supervisor_->status(id).receives);
    EXPECT_GT(supervisor_->status(id).spool_bytes, 0u);
    supervisor_->request(id, MirrorEvent::pause);
    until("the receiving to end", [&] { return supervisor_->status(id).step.find("keeps WAL") != std::string::npos; });
    EXPECT_FALSE(catalog_->mirror(id)->receives);
    const Lsn spooled = catalog_->progress(id).spooled_to;
    const Lsn later = source().insert("public.t", {"50", "x", "y"});
    supervisor_->request(id, MirrorEvent::pause_receiving);
    source().wait_until_confirmed(later);
    EXPECT_GT(catalog_->progress(id).spooled_to, spooled);
    supervisor_->request(id, MirrorEvent::resume);
    expect_equal(later, peer);
    expect_equal(source().update("public.t", {"3", "after", "y"}), peer);
    EXPECT_FALSE(supervisor_->status(id).receives);
    supervisor_->request(id, MirrorEvent::drop);
    EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
    for (int i = 0; i < 40; ++i) source().remove("public.t", {std::to_string(i)});
    source().remove("public.t", {"50"});
  }
}

TEST_F(SpooledStreamTest, APausedMirrorThatCannotReceiveRetriesAndSaysSo) {
  const MirrorId id = start();
  supervisor_->request(id, MirrorEvent::pause_receiving);
  reach(id, MirrorState::paused);
  source().wait_until_confirmed(source().insert("public.t", {"1", "x", "y"}));
  source().die();
  until("the failure to show", [&] { return health_of(supervisor_->status(id)) == Health::retrying; });
  source().revive();
  source().wait_until_confirmed(source().insert("public.t", {"2", "x", "y"}));
  until("the recovery", [&] { return health_of(supervisor_->status(id)) == Health::stopped; });
  supervisor_->request(id, MirrorEvent::resume);
  expect_equal(source().insert("public.t", {"3", "x", "y"}));
}

TEST_F(SpooledStreamTest, WhatCannotReceiveIsRefusedByNameWithTheCure) {
  const auto refused = [&](MirrorId id) {
    try {
      supervisor_->request(id, MirrorEvent::pause_receiving);
    } catch (const Error& error) {
      return error.text;
    }
    return ErrorText{.code = ErrorCode::internal, .message = "it was not refused"};
  };
  fill(3);
  source().stall("read_chunk");
  const MirrorId id = create("b", {{"spool", "always"}});
  reach(id, MirrorState::snapshot);
  EXPECT_EQ(refused(id).message, "mirror \"m\" is in SNAPSHOT: before its tables are copied it receives only while it copies");
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  EXPECT_EQ(refused(id).message, "mirror \"m\" was paused before its tables were copied: until then it receives only while it copies");
  source().release("read_chunk");
  supervisor_->request(id, MirrorEvent::resume);
  reach(id, MirrorState::running);
  MirrorSpec spec = catalog_->mirror(id)->spec;
  spec.options["spool"] = "off";
  supervisor_->change(*catalog_->mirror(id), spec);
  EXPECT_EQ(refused(id).message, "mirror \"m\" has no spool to receive into: spool = 'off'");
  EXPECT_EQ(refused(id).field, "receive");
  EXPECT_NE(refused(id).hint.find("SET (spool = 'when_needed')"), std::string::npos);
  EXPECT_EQ(catalog_->mirror(id)->state, MirrorState::running);
  expect_equal(source().insert("public.t", {"30", "x", "y"}));
}

TEST_F(SpooledStreamTest, ATargetThatIsAheadOfTheCatalogIsNotGivenAnythingTwice) {
  const MirrorId id = start();
  for (int round = 0; round < 5; ++round) {
    target().fail_next("commit", Error(ErrorCode::unreachable, "the answer was lost"));
    Lsn end;
    for (int i = 0; i < 7; ++i) end = source().insert("public.t", {std::to_string(round * 10 + i), "x", "y"});
    if (round % 2 == 0) restart();
    expect_equal(end);
  }
  source().wait_until_confirmed(source().position());
  static_cast<void>(id);
}

TEST_F(SpooledStreamTest, ATransactionInManyPiecesIsWholeWhereverItIsCut) {
  const MirrorId id = start("b", {{"max_batch_size", "2"}});
  source().set_part_size(1);
  target().die();
  for (int round = 0; round < 6; ++round) {
    std::vector<SourceServer::Change> changes;
    for (int i = 0; i < 9; ++i)
      changes.push_back({ChangeView::Kind::insert, "public.t", {std::to_string(round * 10 + i), "a", "b"}, {}});
    const Lsn end = source().commit(changes);
    if (round % 2 == 0) source().wait_until_confirmed(end);
    if (round % 3 != 2) restart();
  }
  target().revive();
  expect_equal(source().update("public.t", {"1", "last", "b"}));
  static_cast<void>(id);
}

TEST_F(SpooledStreamTest, AShapeInTheSpoolIsTakenWhereItCame) {
  fill(2);
  const MirrorId id = start();
  spool_some(id, 3, 10);
  source().add_column("public.t", "extra", "default");
  Lsn end = source().insert("public.t", {"20", "x", "y", "own"});
  source().wait_until_confirmed(end);
  EXPECT_EQ(catalog_->progress(id).tables.at(0).schema.columns.size(), 3u) << "the target has not come by it";
  restart();
  end = source().insert("public.t", {"21", "x", "y", "own"});
  source().wait_until_confirmed(end);
  source().add_column("public.t", "more", "other");
  end = source().insert("public.t", {"22", "x", "y", "own", "mine"});
  source().wait_until_confirmed(end);
  restart();
  target().revive();
  expect_equal(end);
  until("the shape to be stored", [&] { return catalog_->progress(id).tables.at(0).schema.columns.size() == 5; });
  EXPECT_GT(catalog_->progress(id).spool_shaped, 0u);
  restart();
  expect_equal(source().insert("public.t", {"23", "x", "y", "own", "mine"}));
}

TEST_F(SpooledStreamTest, ATableThatIsCopiedAnewLeavesWhatWasSpooledOfIt) {
  source().add_table("public.u", {"id", "value", "large"});
  catalog_->put_mirror({"m", "a", "b", {{"public.t", "public.t", {}}, {"public.u", "public.u", {}}}, {{"spool", "always"}}});
  const MirrorId id = catalog_->mirror("m")->id;
  supervisor_->start(id);
  reach(id, MirrorState::running);
  target().die();
  Lsn end;
  for (int i = 0; i < 20; ++i) {
    source().insert("public.t", {std::to_string(i), "x", "y"});
    end = source().insert("public.u", {std::to_string(i), "x", "y"});
  }
  end = source().remove("public.u", {"3"});
  source().wait_until_confirmed(end);
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
  target().revive();
  target().wait_for_calls("swapped", 1);
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"50", "x", "y"}));
  EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
}

TEST_F(SpooledStreamTest, ASpoolThatIsGoneOrDamagedStopsTheMirrorAndResyncCuresIt) {
  const MirrorId id = start();
  int rows = 0;
  for (const std::string& what : {std::string("gone"), std::string("short"), std::string("flipped")}) {
    spool_some(id, 20, rows += 100);
    const std::string spool = directory(id);
    close();
    fs::path file;
    for (const auto& entry : fs::directory_iterator(spool)) file = entry.path();
    if (what == "gone") fs::remove_all(file.parent_path());
    if (what == "short") fs::resize_file(file, fs::file_size(file) / 2);
    if (what == "flipped") {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
      stream.put('\x7f');
    }
    target().revive();
    const Lsn before = target().applied();
    open();
    ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60)))) << what;
    EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
    EXPECT_NE(supervisor_->status(id).last_error->hint.find("RESYNC MIRROR m"), std::string::npos);
    EXPECT_EQ(target().applied(), before);
    supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
    reach(id, MirrorState::running);
    expect_equal(source().insert("public.t", {std::to_string(rows + 50), "x", "y"}));
  }
}

TEST_F(SpooledStreamTest, WhatIsLeftIsDrainedWhenTheSpoolIsTurnedOff) {
  const MirrorId id = start();
  const Lsn end = spool_some(id, 10);
  MirrorSpec spec = catalog_->mirror(id)->spec;
  spec.options["spool"] = "off";
  supervisor_->change(*catalog_->mirror(id), spec);
  target().revive();
  expect_equal(end);
  until("the stream to pass the spool", [&] { return supervisor_->status(id).step.find("spool") == std::string::npos; });
  expect_equal(source().insert("public.t", {"70", "x", "y"}));
}

TEST_F(SpooledStreamTest, WhenNeededIsWhenTheWalPassesTheBudget) {
  const MirrorId id = start("b", {{"spool", "when_needed"}, {"wal_budget_bytes", "1000000"}});
  expect_equal(source().insert("public.t", {"1", "x", "y"}));
  EXPECT_EQ(supervisor_->status(id).spool_bytes, 0u);
  target().die();
  source().insert("public.t", {"2", "x", "y"});
  until("the failure to show", [&] { return supervisor_->status(id).failing; });
  source().move_wal(5'000'000);
  const Lsn end = source().insert("public.t", {"3", "x", "y"});
  source().wait_until_confirmed(end);
  EXPECT_GT(supervisor_->status(id).spool_bytes, 0u);
  target().revive();
  expect_equal(end);
  until("the stream to pass the spool", [&] { return supervisor_->status(id).step.find("spool") == std::string::npos; });
  expect_equal(source().insert("public.t", {"4", "x", "y"}));
}

TEST_F(SpooledStreamTest, AFullSpoolWaitsAndGoesOn) {
  const MirrorId id = start("b", {{"spool_max_bytes", "1000000"}, {"max_batch_size", "2"}});
  target().die();
  std::mt19937 random(5);
  std::string noise(60'000, ' ');
  Lsn end;
  for (int i = 0; i < 60; ++i) {
    for (char& c : noise) c = static_cast<char>('0' + random() % 70);
    end = source().insert("public.t", {std::to_string(i), "x", noise});
  }
  until("the spool to be full", [&] { return supervisor_->status(id).step.find("spool_max_bytes") != std::string::npos; });
  EXPECT_LE(supervisor_->status(id).spool_bytes, 1'000'000u);
  EXPECT_LT(catalog_->progress(id).spooled_to, end);
  target().revive();
  expect_equal(end);
  source().wait_until_confirmed(end);
}

TEST_F(SpooledStreamTest, ASlotThatIsGivenUpGoesAndResyncMendsIt) {
  fill(3);
  const MirrorId id = start("b", {{"spool_max_bytes", "1000000"}, {"wal_budget_bytes", "1000000"}, {"on_spool_full", "drop_slot"}, {"max_batch_size", "2"}});
  expect_equal(source().insert("public.t", {"3", "x", "y"}));
  target().die();
  std::mt19937 random(5);
  std::string noise(60'000, ' ');
  for (int i = 10; i < 50; ++i) {
    for (char& c : noise) c = static_cast<char>('0' + random() % 70);
    source().insert("public.t", {std::to_string(i), "x", noise});
  }
  source().move_wal(5'000'000);
  until("the spool to be full", [&] { return !supervisor_->status(id).spool_full.empty(); });
  EXPECT_NE(supervisor_->status(id).step.find("the slot is dropped"), std::string::npos);
  source().stall("drop");
  until("the slot to be given up", [&] { return !catalog_->progress(id).slot; });
  source().wait_for_calls("drop", 1);
  restart();  // Between the two.
  source().wait_for_calls("drop", 2);
  EXPECT_EQ(source().slot_count(), 1u);
  source().release("drop");
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(source().slot_count(), 0u);
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
  EXPECT_NE(supervisor_->status(id).last_error->detail.find("is lost to the mirror"), std::string::npos);
  EXPECT_NE(supervisor_->status(id).last_error->hint.find("RESYNC MIRROR m"), std::string::npos);
  EXPECT_FALSE(fs::exists(directory(id)));
  target().revive();
  supervisor_->request(id, MirrorEvent::resume);
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60)))) << "there is nothing to go on from";
  EXPECT_EQ(source().slot_count(), 0u);
  source().remove("public.t", {"1"});
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"70", "x", "y"}));
}

TEST_F(SpooledStreamTest, OneTableCannotBeMendedWhereTheSlotIsGone) {
  source().add_table("public.u", {"id", "value", "large"});
  catalog_->put_mirror({"m", "a", "b", {{"public.t", "public.t", {}}, {"public.u", "public.u", {}}}, {{"spool", "always"}}});
  const MirrorId id = catalog_->mirror("m")->id;
  supervisor_->start(id);
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"1", "x", "y"}));
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  close();
  {
    open();
    supervisor_.reset();
    catalog_->forget_slot(*catalog_->lease(id, "nobody", seconds(1)));
    catalog_.reset();
  }
  source().insert("public.u", {"1", "x", "y"});
  open();
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60)))) << "also a paused one finishes the drop";
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(source().slot_count(), 0u) << "no other slot was made: the other table would have a gap";
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id, catalog_->progress(id).tables.at(1).schema.id});
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"2", "x", "y"}));
  EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
}

// Kills: a process that ends at whatever point leaves what a crash leaves, for nothing is written at a stop.
TEST_F(SpooledStreamTest, RestartsAnywhereLoseNothing) {
  std::mt19937 random(11);
  const MirrorId id = start("b", {{"max_batch_size", "3"}});
  source().set_part_size(2);
  int row = 0;
  for (int round = 0; round < 25; ++round) {
    if (random() % 3 == 0) target().die();
    for (int i = static_cast<int>(random() % 6); i >= 0; --i) {
      if (row > 5 && random() % 3 == 0) source().update("public.t", {std::to_string(random() % 5), "again " + std::to_string(round), "large"});
      else source().insert("public.t", {std::to_string(row++), "x", "large"});
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 15));
    restart();
    if (random() % 2 == 0) target().revive();
  }
  target().revive();
  expect_equal(source().insert("public.t", {"1000", "x", "y"}));
  static_cast<void>(id);
}

}  // namespace
}  // namespace peerd
