// Whole mirrors over fake servers and the real catalog: copy, stream, pause, crash, drop. Every test compares rows.

#include "supervisor_fixture.h"

namespace peerd {
namespace {

TEST_F(SupervisorTest, CopiesThenStreamsAndConfirmsOnlyWhatIsStored) {
  fill(10);
  const MirrorId id = create("b", {{"snapshot_num_rows_per_partition", "3"}});
  reach(id, MirrorState::running);
  EXPECT_EQ(target().rows("public.t"), source().rows("public.t"));
  source().update("public.t", {"3", "second", "large"});
  source().remove("public.t", {"4"});
  expect_equal(source().insert("public.t", {"11", "new", "large"}));
  source().wait_until_confirmed(source().position());
  EXPECT_EQ(catalog_->progress(id).checkpoint->lsn, source().position());
  EXPECT_EQ(supervisor_->status(id).chunks_done(), supervisor_->status(id).chunks_total());
}

// Rule 7: decoding that starts before the publication was committed fails for ever.
TEST_F(SupervisorTest, ThePublicationStandsBeforeTheSlot) {
  source().stall("ensure_slot");
  const MirrorId id = create();
  source().wait_for_calls("ensure_slot", 1);
  EXPECT_EQ(source().calls("ensure_publication"), 1);
  source().release("ensure_slot");
  reach(id, MirrorState::running);
}

// Rule 8.
TEST_F(SupervisorTest, ATableIsPlannedOnlyWhenWhatWasOpenAtItsStartHasSettled) {
  source().stall("await_settled");
  const MirrorId id = create();
  source().wait_for_calls("await_settled", 1);
  EXPECT_GE(source().calls("insert_position"), 1) << "the start comes first";
  EXPECT_EQ(source().calls("plan"), 0);
  source().release("await_settled");
  reach(id, MirrorState::running);
}

// Rule 14.
TEST_F(SupervisorTest, TheHorizonLiesBehindTheLastChunk) {
  fill(3);
  target().stall("end_copy");
  const MirrorId id = create();
  target().wait_for_calls("end_copy", 1);
  const Lsn last = source().insert("public.t", {"9", "while it was copied", "large"});
  target().release("end_copy");
  reach(id, MirrorState::running);
  EXPECT_GE(catalog_->progress(id).notes.at(0).horizon, last);
  expect_equal(last);
}

TEST_F(SupervisorTest, ATableIsCopiedAnewAndTakesItsPlaceAtOnce) {
  fill(10);
  const MirrorId id = create("b", {{"snapshot_num_rows_per_partition", "3"}});
  reach(id, MirrorState::running);
  const TableId table = catalog_->progress(id).tables.at(0).schema.id;
  const Lsn start = catalog_->progress(id).tables.at(0).start;
  source().insert("public.t", {"20", "before", "large"});
  target().stall("swap");
  supervisor_->resync(id, std::vector{table});
  target().wait_for_calls("swap", 1);
  EXPECT_EQ(target().rows("shadow of public.t"), source().rows("public.t"));
  EXPECT_EQ(supervisor_->status(id).state, MirrorState::snapshot);
  source().update("public.t", {"3", "meanwhile", "large"});
  target().release("swap");
  reach(id, MirrorState::running);
  expect_equal(source().remove("public.t", {"4"}));
  EXPECT_GT(catalog_->progress(id).tables.at(0).start, start);
  EXPECT_EQ(catalog_->progress(id).notes.at(0).resync, Resync::none);
  EXPECT_GE(source().calls("drop"), 1) << "all tables are copied: the slot is another one";
}

TEST_F(SupervisorTest, AStopBeforeAndBehindTheSwapEndsInTheNewTable) {
  fill(10);
  const MirrorId id = create();
  reach(id, MirrorState::running);
  for (const char* moment : {"create_shadow", "finish_chunk", "end_copy", "swap", "swapped"}) {
    target().stall(moment);
    const int calls = target().calls(moment);
    supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
    target().wait_for_calls(moment, calls + 1);
    close();
    target().release(moment);
    source().update("public.t", {"3", moment, "large"});
    open();
    reach(id, MirrorState::running);
    expect_equal(source().update("public.t", {"4", moment, "large"}));
  }
}

TEST_F(SupervisorTest, ACopyAnewIsRefusedBeforeThereIsOneAndWaitsForAPausedMirror) {
  source().stall("ensure_slot");
  const MirrorId id = create();
  source().wait_for_calls("ensure_slot", 1);
  EXPECT_THROW(supervisor_->resync(id, {}), Error);
  source().release("ensure_slot");
  reach(id, MirrorState::running);
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
  EXPECT_EQ(catalog_->mirror(id)->state, MirrorState::paused);
  EXPECT_EQ(target().calls("create_shadow"), 0);
  supervisor_->request(id, MirrorEvent::resume);
  target().wait_for_calls("swapped", 1);
  reach(id, MirrorState::running);
}

// Rule 15: such a target may hold rows of a batch that no checkpoint tells of.
TEST_F(SupervisorTest, AStartWithoutAPositionOfTheTargetsRaisesTheHorizon) {
  const MirrorId id = create("c");
  reach(id, MirrorState::running);
  close();
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  open();
  expect_equal(source().insert("public.t", {"2", "x", "y"}), "c");
  EXPECT_GE(catalog_->progress(id).notes.at(0).horizon, end);
}

// Rule 32: what is told to the source passes through the same queue as the changes.
TEST_F(SupervisorTest, APositionWithoutChangesDoesNotOvertakeABatch) {
  const MirrorId id = create("c");
  reach(id, MirrorState::running);
  target("c").stall("apply");
  const Lsn row = source().insert("public.t", {"1", "x", "y"});
  target("c").wait_for_calls("apply", 1);
  const Lsn idle = source().move_wal(1 << 20);
  const Wait wait = Wait::at_most(seconds(60));
  while (supervisor_->status(id).received < idle) wait.check("waiting for the position to be received");
  EXPECT_LT(source().slot(catalog_->progress(id).slot->slot)->confirmed, row);
  target("c").release("apply");
  expect_equal(row, "c");
}

// Rule 34.
TEST_F(SupervisorTest, ATargetThatWasSetBackIsNeverFollowed) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  source().wait_until_confirmed(source().insert("public.t", {"1", "x", "y"}));
  close();
  target().set_back(Lsn{1});
  open();
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
}

// Rule 38.
TEST_F(SupervisorTest, APauseDropsWhatIsInFlightAfterADeadline) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().stall("apply");
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  target().wait_for_calls("apply", 1);
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  target().release("apply");
  EXPECT_TRUE(target().rows("public.t").empty());
  supervisor_->request(id, MirrorEvent::resume);
  expect_equal(end);
}

TEST_F(SupervisorTest, AnIdleMirrorLetsTheSlotAdvance) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  source().wait_until_confirmed(source().move_wal(1 << 20));
}

TEST_F(SupervisorTest, ClickHouseLikeTargetsFollowTheCatalogsCheckpoint) {
  fill(5);
  const MirrorId id = create("c");
  reach(id, MirrorState::running);
  source().update("public.t", {"9", "moved", "large"}, {"1"});
  const Lsn end = source().remove("public.t", {"2"});
  expect_equal(end, "c");
  restart();
  expect_equal(source().insert("public.t", {"20", "after", "large"}), "c");
}

TEST_F(SupervisorTest, EveryTableHasItsNameWhileTheFirstIsPlanned) {
  source().add_table("public.u", {"id", "value", "large"});
  source().stall("plan");
  catalog_->put_mirror({"m", "a", "b", {{"public.t", "public.t", {}}, {"public.u", "public.other", {}}}, {}});
  const MirrorId id = catalog_->mirror("m")->id;
  supervisor_->start(id);
  source().wait_for_calls("plan", 1);
  std::vector<std::string> shown;
  for (const TableStatus& table : supervisor_->status(id).tables) shown.push_back(table.source + " to " + table.target);
  EXPECT_EQ(shown, (std::vector<std::string>{"public.t to public.t", "public.u to public.other"}));
  source().release("plan");
  reach(id, MirrorState::running);
}

TEST_F(SupervisorTest, AMirrorWithoutACopyCountsByTableToo) {
  const MirrorId id = create("b", {{"do_initial_copy", "false"}});
  reach(id, MirrorState::running);
  target().wait_until_applied(source().insert("public.t", {"1", "new", "large"}));
  const Wait wait = Wait::at_most(seconds(60));
  while (supervisor_->status(id).rows_streamed == 0 && !wait.expired()) std::this_thread::yield();
  const std::vector<TableStatus> tables = supervisor_->status(id).tables;
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].source, "public.t");
  EXPECT_EQ(tables[0].inserts, 1u);
}

TEST_F(SupervisorTest, APauseInTheSnapshotKeepsFinishedChunks) {
  fill(6);
  source().stall("read_rows");
  const MirrorId id = create("b", {{"snapshot_num_rows_per_partition", "2"}, {"snapshot_max_parallel_workers", "1"}});
  source().wait_for_calls("read_rows", 1);
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  EXPECT_EQ(supervisor_->status(id).chunks_done(), 0u);
  restart();
  EXPECT_EQ(supervisor_->status(id).state, MirrorState::paused);
  const int plans = source().calls("plan");
  source().release("read_rows");
  supervisor_->request(id, MirrorEvent::resume);
  reach(id, MirrorState::running);
  EXPECT_EQ(source().calls("plan"), plans) << "it goes on with the plan it had";
  EXPECT_EQ(target().rows("public.t"), source().rows("public.t"));
}

TEST_F(SupervisorTest, ARewriteDuringTheCopyStartsTheTableAnew) {
  fill(6);
  source().stall("read_chunk");
  const MirrorId id = create("b", {{"snapshot_num_rows_per_partition", "2"}});
  source().wait_for_calls("read_chunk", 1);
  source().rewrite("public.t");
  source().update("public.t", {"1", "changed", "large"});
  source().release("read_chunk");
  reach(id, MirrorState::running);
  expect_equal(source().update("public.t", {"2", "changed", "large"}));
  EXPECT_GE(source().calls("plan"), 2);
}

TEST_F(SupervisorTest, ATableThatIsRewrittenBeforeEveryChunkIsCutByKeyAndArrives) {
  fill(10);
  source().rewrite_before_each_chunk();
  const MirrorId id = create("b", {{"snapshot_num_rows_per_partition", "2"}, {"snapshot_max_parallel_workers", "1"}});
  reach(id, MirrorState::running);
  EXPECT_EQ(source().calls("plan"), 3);
  expect_equal(source().update("public.t", {"2", "changed", "large"}));
  EXPECT_TRUE(catalog_->chunks(id).at(0).chunk.range);
  EXPECT_EQ(catalog_->progress(id).notes.at(0).moves, 0u) << "the next copy begins by blocks again";
}

TEST_F(SupervisorTest, PauseNeedsNeitherSourceNorTarget) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  source().die();
  target().die();
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  source().revive();
  target().revive();
  supervisor_->request(id, MirrorEvent::resume);
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"1", "x", "y"}));
}

TEST_F(SupervisorTest, ATargetThatIsDownIsTriedAgainAndTheMirrorStaysRunning) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().die();
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  const Wait wait = Wait::at_most(seconds(60));
  while (!supervisor_->status(id).failing) wait.check("waiting for the failure to show");
  EXPECT_EQ(supervisor_->status(id).state, MirrorState::running);
  EXPECT_EQ(health_of(supervisor_->status(id)), Health::retrying);
  target().revive();
  expect_equal(end);
  while (supervisor_->status(id).failing) wait.check("waiting for the recovery to show");
  EXPECT_TRUE(supervisor_->status(id).last_error) << "it stays to be read";
}

TEST_F(SupervisorTest, ALostAnswerToACommitIsResolvedByTheTargetsPosition) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().fail_next("commit", Error(ErrorCode::unreachable, "the answer was lost"));
  source().insert("public.t", {"1", "x", "y"});
  expect_equal(source().update("public.t", {"1", "z", "y"}));
  source().wait_until_confirmed(source().position());
}

TEST_F(SupervisorTest, WhatALostAnswerHidTheSlotHearsOfWithoutAFurtherChange) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().fail_next("commit", Error(ErrorCode::unreachable, "the answer was lost"));
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  source().wait_until_confirmed(end);
  EXPECT_EQ(catalog_->progress(id).checkpoint->lsn, end);
}

TEST_F(SupervisorTest, ATransactionInManyPiecesIsConfirmedAtItsEnd) {
  const MirrorId id = create("b", {{"max_batch_size", "2"}});
  reach(id, MirrorState::running);
  source().set_part_size(1);
  std::vector<SourceServer::Change> changes;
  for (int i = 0; i < 9; ++i) changes.push_back({ChangeView::Kind::insert, "public.t", {std::to_string(i), "a", "b"}, {}});
  expect_equal(source().commit(changes));
  source().wait_until_confirmed(source().position());
}

TEST_F(SupervisorTest, AnAddedColumnIsFollowedAlsoOverARestart) {
  fill(2);
  const MirrorId id = create();
  reach(id, MirrorState::running);
  source().add_column("public.t", "extra", "default");
  expect_equal(source().insert("public.t", {"9", "x", "y", "own"}));
  restart();
  expect_equal(source().insert("public.t", {"10", "x", "y", "own"}));
}

TEST_F(SupervisorTest, AnotherServerBehindTheAddressIsNeverFollowed) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  close();
  source().set_identity({8, 1});
  open();
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
}

TEST_F(SupervisorTest, AMirrorThatHasNothingToBringTellsOnceInAProcessThatItWorks) {
  reach(create(), MirrorState::running);
  close();
  observer_.recovered_ = 0;
  open();
  const Wait wait = Wait::at_most(seconds(60));
  while (observer_.recovered_ == 0 && !wait.expired()) std::this_thread::yield();
  EXPECT_EQ(observer_.recovered_, 1);
}

TEST_F(SupervisorTest, AFailureForTheOperatorWaitsForResume) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().fail_next("apply", Error(ErrorCode::no_privilege, "permission denied"));
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  reach(id, MirrorState::failed);
  EXPECT_THROW(supervisor_->request(id, MirrorEvent::pause), Error);
  supervisor_->request(id, MirrorEvent::resume);
  expect_equal(end);
}

TEST_F(SupervisorTest, DropLeavesNoSlotAndNoRecord) {
  fill(3);
  const MirrorId id = create();
  reach(id, MirrorState::running);
  supervisor_->request(id, MirrorEvent::drop);
  EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
  EXPECT_EQ(source().slot_count(), 0u);
  EXPECT_FALSE(catalog_->mirror("m"));
  EXPECT_EQ(target().rows("public.t").size(), 3u) << "rows stay";
}

TEST_F(SupervisorTest, ASlotThatWasThereBeforeTheMirrorIsNeitherTakenNorDropped) {
  source().add_slot("mine");
  const MirrorId id = create("b", {{"replication_slot_name", "mine"}});
  for (int tries = 0; tries < 2; ++tries) {
    reach(id, MirrorState::failed);
    EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::already_exists);
    EXPECT_FALSE(catalog_->progress(id).slot);
    if (tries == 0) supervisor_->request(id, MirrorEvent::resume);
  }
  supervisor_->request(id, MirrorEvent::drop);
  EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
  EXPECT_EQ(source().slot_count(), 1u);
}

TEST_F(SupervisorTest, ANamedSlotThatTheMirrorMadeGoesWithIt) {
  const MirrorId id = create("b", {{"replication_slot_name", "mine"}});
  reach(id, MirrorState::running);
  supervisor_->request(id, MirrorEvent::drop);
  EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
  EXPECT_EQ(source().slot_count(), 0u);
}

TEST_F(SupervisorTest, ADropThatFailsSaysSoStaysTerminatingAndEndsLater) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  source().die();
  supervisor_->request(id, MirrorEvent::drop);
  EXPECT_FALSE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
  EXPECT_EQ(supervisor_->status(id).state, MirrorState::terminating);
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::unreachable);
  source().revive();
  const Wait wait = Wait::at_most(seconds(60));
  while (catalog_->mirror("m")) wait.check("waiting for the drop to end");
  EXPECT_EQ(source().slot_count(), 0u);
}

TEST_F(SupervisorTest, StopReturnsInTimeWithAStalledTarget) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().stall("apply");
  source().insert("public.t", {"1", "x", "y"});
  target().wait_for_calls("apply", 1);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(supervisor_->stop(Wait::at_most(seconds(9))));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(7));
}

}  // namespace
}  // namespace peerd
