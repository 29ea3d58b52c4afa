// What is received into the spool while tables are copied, over fake servers and the real catalog. Every test compares rows.

#include <random>
#include <thread>

#include "unit/mirrors/supervisor_fixture.h"

namespace peerd {
namespace {

class CopyReceiverTest : public SupervisorTest {
 protected:
  /// Copies in chunks of two rows, and stands still before one of them (read_chunk), or with its rows in hand (read_rows).
  MirrorId hold(const std::string& where, Options options = {}, const std::string& peer = "b") {
    source().stall(where);
    options.emplace("spool", "always");
    options.emplace("snapshot_num_rows_per_partition", "2");
    const int before = source().calls(where);
    const MirrorId id = create(peer, options);
    source().wait_for_calls(where, before + 1);
    return id;
  }
  /// The source lets go of all that is written now, while the tables are copied.
  void expect_received(MirrorId id, Lsn end) {
    source().wait_until_confirmed(end);
    EXPECT_EQ(supervisor_->status(id).state, MirrorState::snapshot);
    EXPECT_GE(catalog_->progress(id).spooled_to, end);
  }
  void drop(MirrorId id) {
    supervisor_->request(id, MirrorEvent::drop);
    EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
    EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/spool")) << "a mirror's spool goes with it";
  }
};

TEST_F(CopyReceiverTest, WhatIsWrittenDuringTheCopyIsReceivedAndAppliedAfterIt) {
  fill(9);
  for (const auto& [peer, where] : {std::pair<std::string, std::string>{"b", "read_chunk"}, {"c", "read_rows"}}) {
    const MirrorId id = hold(where, {}, peer);
    source().update("public.t", {"3", "during", "large"});
    source().remove("public.t", {"4"});
    source().insert("public.t", {"4", "again", "large"});
    expect_received(id, source().update("public.t", {"30", "moved", "large"}, {"5"}));
    until("the step", [&] { return supervisor_->status(id).step.find("; receiving into the spool, which has") != std::string::npos; });
    EXPECT_TRUE(supervisor_->status(id).step.starts_with("copying public.t")) << supervisor_->status(id).step;
    restart();
    expect_received(id, source().update("public.t", {"5", "moved back", "large"}, {"30"}));
    source().release(where);
    reach(id, MirrorState::running);
    expect_equal(source().update("public.t", {"6", "after", "large"}), peer);
    EXPECT_EQ(supervisor_->status(id).step.find("copied"), std::string::npos);
    drop(id);
  }
}

TEST_F(CopyReceiverTest, AValueThatWasNotSentIsLookedUpWhenItIsApplied) {
  fill(6);
  const MirrorId id = hold("read_rows");
  source().commit({{ChangeView::Kind::update, "public.t", {"3", "during", std::nullopt}, {}, {2}}});
  expect_received(id, source().commit({{ChangeView::Kind::update, "public.t", {"9", "moved", std::nullopt}, {"3"}, {2}}}));
  EXPECT_EQ(source().calls("lookup"), 0);
  source().release("read_rows");
  expect_equal(source().update("public.t", {"0", "last", "large"}));
}

TEST_F(CopyReceiverTest, ATableThatBeginsAnewLeavesWhatWasReceivedOfItBeforeAndNothingElse) {
  fill(6);
  const MirrorId id = hold("read_chunk", {{"snapshot_num_rows_per_partition", "100"}});
  source().update("public.t", {"1", "before", "large"});
  source().rewrite("public.t");
  expect_received(id, source().remove("public.t", {"2"}));
  source().stall("read_rows");
  source().release("read_chunk");
  source().wait_for_calls("read_rows", 1);  // Its rows, from its new start on, are in hand.
  EXPECT_EQ(source().calls("plan"), 2);
  source().update("public.t", {"3", "after the new start", "large"});
  expect_received(id, source().remove("public.t", {"4"}));
  source().release("read_rows");
  expect_equal(source().insert("public.t", {"70", "last", "large"}));
}

// Rows that its workers hold were read at the server of before: following is not for the receiver beside them.
TEST_F(CopyReceiverTest, APromotedStandbyIsFollowedByTheCopyAndNotBesideIt) {
  fill(6);
  const MirrorId id = hold("read_rows");
  expect_received(id, source().insert("public.t", {"10", "during", "large"}));
  source().promote(source().position());
  source().fail_next("read_stream", Error(ErrorCode::unreachable, "the server of before is gone"));
  source().insert("public.t", {"11", "during", "large"});
  until("the receiver to say so", [&] {
    const auto logs = catalog_->logs(id);
    return std::ranges::any_of(logs, [](const LogRecord& line) { return line.message.find("was failed over") != std::string::npos; }) ||
           supervisor_->status(id).last_error;
  });
  EXPECT_EQ(catalog_->progress(id).identity->timeline, 1u) << "beside the copy nothing is followed";
  source().release("read_rows");
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"12", "after", "large"}));
  EXPECT_EQ(catalog_->progress(id).identity->timeline, 2u);
}

TEST_F(CopyReceiverTest, AColumnThatComesDuringTheCopyIsTakenWhereItCame) {
  fill(6);
  const MirrorId id = hold("read_rows", {{"snapshot_num_rows_per_partition", "100"}});
  source().update("public.t", {"1", "before", "large"});
  source().add_column("public.t", "extra", "default");
  expect_received(id, source().update("public.t", {"2", "during", "large", "own"}));
  restart();
  expect_received(id, source().insert("public.t", {"20", "during", "large", "own"}));
  source().release("read_rows");
  expect_equal(source().insert("public.t", {"21", "after", "large", "own"}));
}

TEST_F(CopyReceiverTest, ATableThatIsCopiedAnewOrAddedIsReceivedMeanwhileWithTheOthers) {
  fill(4);
  source().add_table("public.u", {"id", "value", "large"});
  source().insert("public.u", {"1", "first", "large"});
  const MirrorId id = create("b", {{"spool", "always"}});
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"10", "x", "large"}));
  source().stall("read_rows");
  int reads = source().calls("read_rows");
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
  source().wait_for_calls("read_rows", reads + 1);  // Also another slot is made.
  expect_received(id, source().update("public.t", {"1", "during the copy anew", "large"}));
  source().release("read_rows");
  reach(id, MirrorState::running);
  expect_equal(source().update("public.t", {"2", "after it", "large"}));
  source().stall("read_rows");
  MirrorSpec spec = catalog_->mirror(id)->spec;
  spec.tables.push_back({"public.u", "public.u", {}});
  reads = source().calls("read_rows");
  supervisor_->change(*catalog_->mirror(id), spec);
  source().wait_for_calls("read_rows", reads + 1);
  source().update("public.u", {"1", "during the copy", "large"});
  expect_received(id, source().update("public.t", {"3", "while another came", "large"}));
  source().release("read_rows");
  expect_equal(source().update("public.t", {"0", "last", "large"}));
  EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
}

TEST_F(CopyReceiverTest, WithoutASpoolTheSourceKeepsItAsBefore) {
  fill(4);
  const MirrorId id = hold("read_rows", {{"spool", "off"}});
  const Lsn end = source().update("public.t", {"1", "during", "large"});
  source().release("read_rows");
  reach(id, MirrorState::running);
  expect_equal(end);
  EXPECT_EQ(catalog_->progress(id).spooled_to, Lsn{});
}

TEST_F(CopyReceiverTest, WhenNeededIsWhenTheWalPassesTheBudget) {
  fill(4);
  const MirrorId id = hold("read_rows", {{"spool", "when_needed"}, {"wal_budget_bytes", "1000000"}});
  source().update("public.t", {"1", "during", "large"});
  EXPECT_EQ(source().calls("open_stream"), 0);
  source().move_wal(5'000'000);  // Seen by the slot watch, every ten seconds.
  until("the receiving", [&] { return source().calls("open_stream") > 0; });
  expect_received(id, source().update("public.t", {"2", "during", "large"}));
  restart();  // Once begun it goes on, however little is kept now.
  expect_received(id, source().update("public.t", {"3", "during", "large"}));
  source().release("read_rows");
  expect_equal(source().update("public.t", {"0", "last", "large"}));
  until("the stream to pass the spool", [&] { return supervisor_->status(id).step.find("spool") == std::string::npos; });
}

TEST_F(CopyReceiverTest, ALostSlotIsNoticedAndAFailureElseLeavesTheCopyAlone) {
  fill(4);
  source().fail_next("open_stream", Error(ErrorCode::schema_changed, "table public.t is something else"));
  const MirrorId id = hold("read_rows");
  const Lsn end = source().update("public.t", {"1", "during", "large"});
  expect_received(id, end);  // At the second try.
  EXPECT_GE(source().calls("open_stream"), 2);
  EXPECT_FALSE(supervisor_->status(id).failing);
  source().lose_slot("slot_" + catalog_->mirror(id)->uuid);
  source().insert("public.t", {"60", "x", "large"});
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
  EXPECT_EQ(supervisor_->status(id).step.find("receiv"), std::string::npos);
  source().release("read_rows");
  supervisor_->resync(id, std::vector{catalog_->progress(id).tables.at(0).schema.id});
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"61", "x", "large"}));
}

TEST_F(CopyReceiverTest, AFullSpoolWaitsAndTheCopyGoesOn) {
  fill(4);
  const MirrorId id = hold("read_rows", {{"spool_max_bytes", "1000000"}, {"on_spool_full", "drop_slot"}, {"wal_budget_bytes", "1000000"},
                                         {"max_batch_size", "2"}});
  std::mt19937 random(5);
  std::string noise(60'000, ' ');
  Lsn end;
  for (int i = 10; i < 60; ++i) {
    for (char& c : noise) c = static_cast<char>('0' + random() % 70);
    end = source().insert("public.t", {std::to_string(i), "x", noise});
  }
  until("the spool to be full", [&] { return !supervisor_->status(id).spool_full.empty(); });
  until("the step", [&] { return supervisor_->status(id).step.find("until the tables are copied") != std::string::npos; });
  EXPECT_LT(catalog_->progress(id).spooled_to, end);
  source().release("read_rows");
  expect_equal(end);
  EXPECT_EQ(source().slot_count(), 1u);
}

TEST_F(CopyReceiverTest, APauseEndsItAndADropLeavesNothing) {
  fill(4);
  const MirrorId id = hold("read_rows");
  const Lsn end = source().update("public.t", {"1", "during", "large"});
  expect_received(id, end);
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  until("the rest", [&] { return supervisor_->status(id).step.starts_with("paused"); });
  EXPECT_EQ(supervisor_->status(id).step.find("receiving"), std::string::npos);
  source().insert("public.t", {"40", "while paused", "large"});
  EXPECT_EQ(catalog_->progress(id).spooled_to, end);
  supervisor_->request(id, MirrorEvent::resume);
  expect_received(id, source().update("public.t", {"2", "resumed", "large"}));
  drop(id);
  source().release("read_rows");
  EXPECT_EQ(source().slot_count(), 0u);
}

// Kills: a process that ends at whatever point leaves what a crash leaves, for nothing is written at a stop.
TEST_F(CopyReceiverTest, RestartsAnywhereInTheCopyLoseNothing) {
  std::mt19937 random(17);
  for (int turn = 0; turn < 6; ++turn) {
    for (int i = 0; i < 30; ++i) source().insert("public.t", {std::to_string(i), "first", "large"});
    source().set_part_size(turn % 3);
    const MirrorId id = create(turn % 2 ? "c" : "b", {{"spool", "always"}, {"snapshot_num_rows_per_partition", "3"}, {"max_batch_size", "3"}});
    for (int round = 0; round < 12; ++round) {
      if (random() % 2) source().stall("read_rows");
      for (int i = static_cast<int>(random() % 5); i >= 0; --i) {
        const std::string key = std::to_string(random() % 25);
        if (random() % 2) source().commit({{ChangeView::Kind::update, "public.t", {key, std::to_string(round), std::nullopt}, {}, {2}}});
        else source().update("public.t", {key, std::to_string(round), "new"});
      }
      if (random() % 4 == 0) source().rewrite("public.t");
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
      if (random() % 2) restart();
      source().release("read_rows");
    }
    reach(id, MirrorState::running);  // First: what a copy that begins anew shows already is in no batch, and moves the position later.
    expect_equal(source().update("public.t", {"29", "last", "large"}), turn % 2 ? "c" : "b");
    drop(id);
    for (int i = 0; i < 30; ++i) source().remove("public.t", {std::to_string(i)});
  }
}

}  // namespace
}  // namespace peerd
