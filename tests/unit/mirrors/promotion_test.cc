#include <algorithm>

#include "supervisor_fixture.h"

// A source that was failed over: docs/adr/0021.
namespace peerd {
namespace {

// A promoted standby is followed where its history has all that the target may hold.
TEST_F(SupervisorTest, APromotedStandbyIsFollowedWhenItHasAll) {
  fill(3);
  const MirrorId id = create();
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"10", "x", "y"}));
  close();
  source().promote(source().position());
  open();
  expect_equal(source().insert("public.t", {"11", "x", "y"}));
  const auto logs = catalog_->logs(id);
  EXPECT_EQ(catalog_->progress(id).identity->timeline, 2u);
  EXPECT_TRUE(std::ranges::any_of(logs, [](const LogRecord& line) { return line.message.find("goes on there") != std::string::npos; }));
}

TEST_F(SupervisorTest, APromotedStandbyThatLacksWhatWasAppliedIsRefused) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  const Lsn left = source().position();
  expect_equal(source().insert("public.t", {"10", "x", "y"}));
  close();
  source().promote(left);
  open();
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
  EXPECT_EQ(catalog_->progress(id).identity->timeline, 1u);
}

TEST_F(SupervisorTest, AMirrorThatIsStillSetUpGoesOnAtAPromotedStandby) {
  fill(3);
  target().stall("set_position");
  const MirrorId id = create();
  target().wait_for_calls("set_position", 1);
  close();
  target().release("set_position");
  source().promote(source().position());
  open();
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"10", "x", "y"}));
}

TEST_F(SupervisorTest, ACopyThatWasUnderWayBeginsAnewAtAPromotedStandby) {
  fill(9);
  target("c").stall("finish_chunk");
  const MirrorId id = create("c", {{"snapshot_num_rows_per_partition", "3"}});
  target("c").wait_for_calls("finish_chunk", 1);
  close();
  target("c").release("finish_chunk");
  source().promote(source().position());
  open();
  reach(id, MirrorState::running);
  expect_equal(source().insert("public.t", {"10", "x", "y"}), "c");
  EXPECT_EQ(catalog_->progress(id).identity->timeline, 2u);
  const auto logs = catalog_->logs(id);
  EXPECT_TRUE(std::ranges::any_of(logs, [](const LogRecord& line) { return line.message.find("copied from its start again") != std::string::npos; }));
}

// What was read is void by the table's start: a copy that began anew before it would stand below rows of the one that is void.
TEST_F(SupervisorTest, ACopyThatBeganAfterAPromotedStandbyLeftIsNotFollowed) {
  fill(9);
  target().stall("set_position");
  target().stall("finish_chunk");
  const MirrorId id = create("b", {{"snapshot_num_rows_per_partition", "3"}});
  target().wait_for_calls("set_position", 1);  // The slot begins before, the table's copy after it.
  const Lsn left = source().insert("public.t", {"10", "x", "y"});
  source().insert("public.t", {"11", "x", "y"});
  target().release("set_position");
  target().wait_for_calls("finish_chunk", 1);
  close();
  target().release("finish_chunk");
  source().promote(left);
  open();
  reach(id, MirrorState::failed);
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
}

// The answer to a batch may be lost: what the target holds is past every position that was stored.
TEST_F(SupervisorTest, RowsOfABatchThatGotNoAnswerCountForAPromotedStandbyToo) {
  const MirrorId id = create("c");
  reach(id, MirrorState::running);
  // The stream is open, so that a horizon of its start lies behind, and no position is still on its way to the target.
  expect_equal(source().insert("public.t", {"9", "x", "y"}), "c");
  source().wait_until_confirmed(source().position());
  const Lsn left = source().position();
  target("c").fail_next("commit", Error(ErrorCode::no_privilege, "not the answer that tells"));
  source().insert("public.t", {"10", "x", "y"});
  reach(id, MirrorState::failed);
  ASSERT_EQ(target("c").rows("public.t").size(), 2u);
  source().promote(left);
  supervisor_->request(id, MirrorEvent::resume);
  until("the standby to be refused", [&] { return supervisor_->status(id).last_error->code == ErrorCode::position_lost; });
  EXPECT_EQ(supervisor_->status(id).last_error->code, ErrorCode::position_lost);
  EXPECT_EQ(catalog_->progress(id).identity->timeline, 1u);
}

TEST_F(SupervisorTest, AMirrorGoesBackToNoEarlierPrimary) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  close();
  source().promote(source().position());
  open();
  expect_equal(source().insert("public.t", {"10", "x", "y"}));
  close();
  source().set_identity({7, 1});
  open();
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_NE(supervisor_->status(id).last_error->message.find("earlier primary"), std::string::npos);
}

}  // namespace
}  // namespace peerd
