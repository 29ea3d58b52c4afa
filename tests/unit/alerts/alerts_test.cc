#include "alerts_fixture.h"

namespace peerd {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

MirrorStatus failed() {
  MirrorStatus status = idle();
  status.state = MirrorState::failed;
  status.last_error = ErrorText{.code = ErrorCode::position_lost, .message = "the slot is lost"};
  return status;
}

TEST_F(AlertsTest, ACauseIsToldOnceAndItsEndOnce) {
  alerts->put(webhook());
  for (int i = 0; i < 3; ++i) round({failed()});
  EXPECT_EQ(take(), std::vector{fired("failed")});
  for (int i = 0; i < 3; ++i) round({idle()});
  EXPECT_EQ(take(), std::vector{over("failed")});
  round({failed()});
  EXPECT_EQ(take(), std::vector{fired("failed")});
}

TEST_F(AlertsTest, ARestartRepeatsNothingAndForgetsNothing) {
  alerts->put(webhook());
  round({failed()});
  take();
  restart();
  round({failed()});
  EXPECT_EQ(take(), std::vector<Sent>());
  restart();
  round({idle()});
  EXPECT_EQ(take(), std::vector{over("failed")});
}

TEST_F(AlertsTest, ARestartAloneEndsNothing) {
  alerts->put(webhook(R"(,"retrying_seconds_alert_threshold":30)"));
  MirrorStatus failing = idle();
  failing.failing = true;
  alerts->failed(MirrorId{1}, {}, Verdict::retry);
  round({failing}, seconds(40));
  EXPECT_EQ(take(), std::vector{fired("retrying")});
  restart();
  round({idle()});
  EXPECT_EQ(take(), std::vector<Sent>()) << "nothing has worked yet";
  alerts->failed(MirrorId{1}, {}, Verdict::retry);
  round({failing});
  EXPECT_EQ(take(), std::vector<Sent>()) << "it has been told";
  alerts->batch_done(MirrorId{1}, {});
  round({idle()});
  EXPECT_EQ(take(), std::vector{over("retrying")});
}

TEST_F(AlertsTest, WhatNobodyTakesIsTriedAgainLessAndLess) {
  alerts->put(webhook());
  down = true;
  round({failed()});
  EXPECT_EQ(tries, 1);
  round({failed()}, seconds(2));
  EXPECT_EQ(tries, 1);
  for (int i = 0; i < 1800; ++i) round({failed()}, seconds(2));
  EXPECT_GT(tries, 10);
  EXPECT_LT(tries, 25) << "an hour of five minutes each";
  restart();
  down = false;
  round({failed()});
  EXPECT_EQ(take(), std::vector{fired("failed")});
}

TEST_F(AlertsTest, WhatIsOverBeforeItWasToldIsNotTold) {
  alerts->put(webhook());
  down = true;
  round({failed()});
  round({idle()});
  down = false;
  round({idle()}, minutes(10));
  EXPECT_EQ(take(), std::vector<Sent>());
  EXPECT_TRUE(alerts_of(*catalog).open_causes().empty());
}

TEST_F(AlertsTest, AReceiverThatWasMendedIsAskedAtOnce) {
  AlertConfig config = webhook();
  config.id = alerts->put(config);
  down = true;
  for (int i = 0; i < 20; ++i) round({failed()}, minutes(5));
  down = false;
  config.service_config = R"({"url":"https://other.example/","secret":null})";
  alerts->put(config);
  round({failed()}, seconds(1));
  EXPECT_EQ(take(), std::vector{fired("failed")});
}

TEST_F(AlertsTest, OneThatCannotBeReadStopsNoOther) {
  alerts_of(*catalog).add_alert({.id = -1, .service_type = "pigeon", .service_config = R"({"ring":"secret"})", .mirrors = {}});
  alerts->put(webhook());
  round({failed()});
  EXPECT_EQ(take(), std::vector{fired("failed")});
  EXPECT_EQ(alerts->list().at(0).service_config, "{}");
}

TEST_F(AlertsTest, OnlyTheMirrorsThatAreNamed) {
  alerts->put(webhook("", {"m", "not there yet"}));
  MirrorStatus other = failed();
  other.id = MirrorId{2};
  other.name = "other";
  round({failed(), other});
  EXPECT_EQ(take(), std::vector{fired("failed")});
}

TEST_F(AlertsTest, AMirrorThatIsDroppedEndsItsCauses) {
  alerts->put(webhook());
  round({failed()});
  take();
  round({});
  EXPECT_EQ(take(), std::vector{over("failed")});
  EXPECT_TRUE(alerts_of(*catalog).open_causes().empty());
}

TEST_F(AlertsTest, ADroppedConfigurationTellsNothingMore) {
  const std::int64_t id = alerts->put(webhook());
  round({failed()});
  take();
  alerts->drop(id);
  round({idle()});
  EXPECT_EQ(take(), std::vector<Sent>());
  EXPECT_EQ(error_of([&] { alerts->drop(id); }).code, ErrorCode::not_found);
}

TEST_F(AlertsTest, AConfigurationIsMadeOnceAndChangedByItsId) {
  AlertConfig config = webhook();
  config.id = alerts->put(config);
  EXPECT_EQ(alerts->put(webhook()), config.id);
  EXPECT_EQ(alerts->list().at(0).service_config, R"({"secret":"","url":""})");
  config.service_config = R"({"url":"","lag_seconds_alert_threshold":7})";
  EXPECT_EQ(alerts->put(config), config.id);
  const AlertPlan plan = read_plan(*alerts_of(*catalog).alert(config.id));
  EXPECT_EQ(plan.text("secret"), "s3cret");
  EXPECT_EQ(plan.text("url"), "https://hooks.example/x");
  EXPECT_EQ(plan.thresholds.lag, seconds(7));
  config.id += 1;
  EXPECT_EQ(error_of([&] { alerts->put(config); }).code, ErrorCode::not_found);
  config.id = 0;
  EXPECT_EQ(error_of([&] { alerts->put(config); }).code, ErrorCode::not_found);
}

TEST_F(AlertsTest, ATestIsSentAtOnceAndItsFailureTold) {
  const std::int64_t id = alerts->put(webhook());
  alerts->test(id, Wait::at_most(seconds(5)));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].kind, AlertNotice::Kind::test);
  down = true;
  EXPECT_EQ(error_of([&] { alerts->test(id, Wait::at_most(seconds(5))); }).message, "nobody listens");
}

MirrorStatus failed(std::int64_t id, std::string name) {
  MirrorStatus status = failed();
  status.id = MirrorId{id};
  status.name = std::move(name);
  return status;
}

[[noreturn]] void refuse() { throw Error(ErrorCode::peer_error, "it answered 400"); }

TEST_F(AlertsTest, AMessageThatIsRefusedKeepsNoOther) {
  alerts->put(webhook());
  on_send = [](const AlertPlan&, const AlertNotice& notice, std::set<std::string>&) {
    if (notice.mirror == "a") refuse();
  };
  round({failed(1, "a")});
  round({failed(1, "a"), failed(2, "b")}, seconds(1));
  EXPECT_EQ(take(), std::vector{fired("failed", "b")});
  round({failed(1, "a"), idle(2, "b")}, minutes(10));
  EXPECT_EQ(take(), std::vector{over("failed", "b")});
  on_send = nullptr;
  round({failed(1, "a")}, minutes(10));
  EXPECT_EQ(take(), std::vector{fired("failed", "a")}) << "it was not given up";
}

TEST_F(AlertsTest, WhatOneChannelHasHeardIsToldAndEndsThoughAnotherRefuses) {
  alerts->put(webhook());
  std::vector<std::string> good;
  on_send = [&](const AlertPlan&, const AlertNotice& notice, std::set<std::string>& taken) {
    if (taken.insert("good").second) good.push_back(notice.title());
    refuse();
  };
  round({failed()});
  EXPECT_EQ(alerts_of(*catalog).open_causes().at(0).told_at_us, 0) << "the other may take it the next time";
  for (int i = 0; i < 10; ++i) round({failed()}, minutes(5));
  EXPECT_NE(alerts_of(*catalog).open_causes().at(0).told_at_us, 0);
  EXPECT_EQ(tries, 3);
  for (int i = 0; i < 10; ++i) round({idle()}, minutes(5));
  EXPECT_EQ(good, (std::vector<std::string>{"peerd: critical: mirror m: failed", "peerd: resolved: mirror m: failed"}));
  EXPECT_TRUE(alerts_of(*catalog).open_causes().empty());
  good.clear();
  round({failed()});
  round({idle()}, seconds(1));
  round({idle()}, seconds(1));
  EXPECT_EQ(good, (std::vector<std::string>{"peerd: critical: mirror m: failed", "peerd: resolved: mirror m: failed"})) << "soon after";
}

TEST_F(AlertsTest, AFullCatalogSilencesNobody) {
  alerts->put(webhook());
  store.full = true;
  for (int i = 0; i < 3; ++i) round({failed()});
  EXPECT_EQ(take(), std::vector{fired("failed")});
  EXPECT_TRUE(alerts_of(*catalog).open_causes().empty());
  store.full = false;
  round({failed()});
  EXPECT_NE(alerts_of(*catalog).open_causes().at(0).told_at_us, 0);
  restart();
  round({failed()});
  EXPECT_EQ(take(), std::vector<Sent>());
  store.full = true;
  round({idle()});
  EXPECT_EQ(take(), std::vector{over("failed")});
  store.full = false;
  round({idle()});
  EXPECT_EQ(take(), std::vector<Sent>());
  EXPECT_TRUE(alerts_of(*catalog).open_causes().empty());
}

TEST_F(AlertsTest, AMirrorThatIsNamedNoMoreIsNotCalledOff) {
  AlertConfig config = webhook();
  config.id = alerts->put(config);
  round({failed()});
  EXPECT_EQ(take(), std::vector{fired("failed")});
  config.mirrors = {"another"};
  alerts->put(config);
  round({failed()});
  EXPECT_EQ(take(), std::vector<Sent>());
  EXPECT_TRUE(alerts_of(*catalog).open_causes().empty());
}

TEST_F(AlertsTest, AnotherReceiverHearsWhatIsWrongAndNotWhatIsOver) {
  AlertConfig config = webhook();
  config.id = alerts->put(config);
  round({failed(1, "a"), failed(2, "b")});
  EXPECT_EQ(take().size(), 2u);
  down = true;
  round({idle(1, "a"), failed(2, "b")});
  down = false;
  config.service_config = R"({"url":"https://other.example/","secret":"another"})";
  alerts->put(config);
  round({idle(1, "a"), failed(2, "b")}, seconds(1));
  EXPECT_EQ(take(), std::vector{fired("failed", "b")});
  config.service_config = R"({"url":"https://other.example/","secret":"another","lag_seconds_alert_threshold":7})";
  alerts->put(config);
  round({failed(2, "b")});
  EXPECT_EQ(take(), std::vector<Sent>()) << "the same receiver";
}

TEST_F(AlertsTest, ASlowReceiverTakesTurnsWithTheOthers) {
  alerts->put(webhook());
  alerts->put(webhook(R"(,"lag_seconds_alert_threshold":7)"));
  std::vector<std::int64_t> turns;
  on_send = [&](const AlertPlan& plan, const AlertNotice&, std::set<std::string>&) {
    turns.push_back(plan.id);
    if (plan.id == 1) clock.advance(seconds(9));
  };
  const std::vector all{failed(1, "a"), failed(2, "b"), failed(3, "c")};
  round(all);
  EXPECT_EQ(turns, (std::vector<std::int64_t>{1})) << "its time is over";
  round(all);
  EXPECT_EQ(turns, (std::vector<std::int64_t>{1, 2, 1}));
  round(all);
  round(all);
  EXPECT_EQ(turns, (std::vector<std::int64_t>{1, 2, 1, 2, 1, 2}));
}

TEST_F(AlertsTest, APauseAndAFailureAreNoTimeOfTrying) {
  alerts->put(webhook(R"(,"retrying_seconds_alert_threshold":30)"));
  MirrorStatus failing = idle();
  failing.failing = true;
  for (const MirrorState rest : {MirrorState::paused, MirrorState::failed}) {
    alerts->failed(MirrorId{1}, {}, Verdict::retry);
    alerts->moved(MirrorId{1}, MirrorState::running, rest, "");
    clock.advance(minutes(60));
    alerts->moved(MirrorId{1}, rest, MirrorState::running, "");
    alerts->failed(MirrorId{1}, {}, Verdict::retry);
    round({failing});
    EXPECT_EQ(take(), std::vector<Sent>());
  }
  round({failing}, seconds(31));
  EXPECT_EQ(take(), std::vector{fired("retrying")});
}

TEST_F(AlertsTest, NobodyLooksAtMirrorsWhenNobodyAsks) {
  bool looked = false;
  const auto look = [&] {
    looked = true;
    return std::vector<MirrorStatus>();
  };
  alerts->round(look, {});
  EXPECT_FALSE(looked);
  alerts->put(webhook());
  alerts->round(look, {});
  EXPECT_TRUE(looked);
}

TEST_F(AlertsTest, AMirrorThatGoesOnHasAMinuteToCatchUp) {
  alerts->put(webhook());
  MirrorStatus paused = idle(), late = idle();
  paused.state = MirrorState::paused;
  late.lag_time = std::chrono::hours(5);
  for (int i = 0; i < 9; ++i) round({paused});
  for (int i = 0; i < 6; ++i) round({late});
  EXPECT_EQ(take(), std::vector<Sent>());
  round({late});
  EXPECT_EQ(take(), std::vector{fired("lag_seconds")});
}

TEST_F(AlertsTest, WhatIsStalledIsOverOnlyOnceSomethingMoved) {
  alerts->put(webhook(R"(,"stalled_seconds_alert_threshold":60,"lag_seconds_alert_threshold":-1)"));
  MirrorStatus still = idle(), failing = idle();
  still.server_end = Lsn{2000};
  round({still});
  still.applied = Lsn{1001};
  round({still});
  still.position_lag = minutes(30);
  round({still}, seconds(70));
  EXPECT_EQ(take(), std::vector{fired("stalled")});
  failing = still;
  failing.failing = true;
  round({failing});
  round({still});
  EXPECT_EQ(take(), std::vector<Sent>()) << "a failure brings nothing";
  still.applied = Lsn{1002};
  round({still});
  EXPECT_EQ(take(), std::vector{over("stalled")});
}

}  // namespace
}  // namespace peerd
