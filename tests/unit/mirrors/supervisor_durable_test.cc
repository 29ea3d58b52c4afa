// Targets that show more than they call durable, and what a crash of theirs takes.

#include "supervisor_fixture.h"

namespace peerd {
namespace {

// Rule 24: a target may show more than it calls durable.
TEST_F(SupervisorTest, NothingIsConfirmedThatATargetHasOnlyShown) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().trail();
  target().stall("settle");
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  target().wait_for_calls("settle", 1);
  EXPECT_EQ(target().applied(), end);
  EXPECT_LT(catalog_->progress(id).checkpoint->lsn, end);
  EXPECT_LT(source().slot(catalog_->progress(id).slot->slot)->confirmed, end);
  EXPECT_LT(supervisor_->status(id).applied, end);
  target().release("settle");
  source().wait_until_confirmed(end);
  EXPECT_EQ(catalog_->progress(id).checkpoint->lsn, end);
}

TEST_F(SupervisorTest, WhatACrashOfTheTargetTakesComesAgain) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().trail();
  source().wait_until_confirmed(source().insert("public.t", {"1", "x", "y"}));
  const int settled = target().calls("settle");
  target().stall("settle");
  target().wait_until_applied(source().update("public.t", {"1", "seen, and lost", "y"}));
  target().wait_for_calls("settle", settled + 1);
  target().crash();
  target().fail_next("settle", Error(ErrorCode::unreachable, "the server is gone"));
  target().release("settle");
  expect_equal(source().insert("public.t", {"2", "x", "y"}));
  source().wait_until_confirmed(source().position());
}

TEST_F(SupervisorTest, AStopSettlesWhatStands) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().trail();
  target().stall("commit");
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  target().wait_for_calls("commit", 1);
  supervisor_->request(id, MirrorEvent::pause);
  target().release("commit");
  reach(id, MirrorState::paused);
  EXPECT_EQ(catalog_->progress(id).checkpoint->lsn, end);
}

// The look-ups' horizon stands beside the position: no other one is needed, however far the target was ahead of the catalog.
TEST_F(SupervisorTest, AStartBeyondTheCheckpointIsCleanWhereTheHorizonCommitsWithTheRows) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  target().wait_for_calls("keep_horizon", 1);
  target().trail();
  supervisor_->request(id, MirrorEvent::pause);
  reach(id, MirrorState::paused);
  supervisor_->request(id, MirrorEvent::resume);
  reach(id, MirrorState::running);
  target().wait_for_calls("keep_horizon", 2);
  const Lsn horizon = catalog_->progress(id).notes.at(0).horizon;
  target().stall("settle");
  const int settled = target().calls("settle");
  const Lsn end = source().insert("public.t", {"1", "x", "y"});
  target().wait_until_applied(end);
  target().wait_for_calls("settle", settled + 1);
  target().fail_next("settle", Error(ErrorCode::unreachable, "the connection is gone"));
  target().release("settle");
  source().wait_until_confirmed(end);
  EXPECT_GE(target().calls("kept_horizon"), 1);
  EXPECT_EQ(catalog_->progress(id).notes.at(0).horizon, horizon);
}

}  // namespace
}  // namespace peerd
