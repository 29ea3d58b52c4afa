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
  config.service_config = R"({"url":"https://other.example/"})";
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

}  // namespace
}  // namespace peerd
