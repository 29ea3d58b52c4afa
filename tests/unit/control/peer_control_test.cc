#include "control_fixture.h"

namespace peerd {
namespace {

class PeerControlTest : public ControlTest {};

TEST_F(PeerControlTest, APeerIsCheckedThenStored) {
  EXPECT_EQ(create_peer("src"), Done::done);
  EXPECT_EQ(world_.peer("src").calls("check"), 1);
  EXPECT_EQ(peers_.get("src").options.at("password"), "wonderland");
  EXPECT_EQ(peers_.list().at(0).options.at("password"), "********");
}

TEST_F(PeerControlTest, AFailedCheckStoresNothingAndTellsEveryProblem) {
  world_.peer("src").set_problems({problem("the server does not speak TLS"), problem("the password is wrong")});
  const ErrorText text = error_of([&] { create_peer("src"); });
  EXPECT_TRUE(has(text.message, "TLS"));
  EXPECT_TRUE(has(text.detail, "password is wrong"));
  EXPECT_TRUE(peers_.list().empty());
  EXPECT_EQ(peers_.create("src", "POSTGRES", options("h"), Replace::no, IfExists::no, PeerControl::Check::no, wait()),
            Done::done);
}

TEST_F(PeerControlTest, TheSameStatementAgainIsASuccessEvenWhileTheServerIsDown) {
  create_peer("src");
  world_.peer("src").die();
  EXPECT_EQ(create_peer("src"), Done::was_there);
  EXPECT_EQ(error_of([&] { create_peer("src", "h2"); }).code, ErrorCode::already_exists);
  EXPECT_EQ(create_peer("src", "h2", Replace::no, IfExists::yes), Done::was_there);
  EXPECT_EQ(peers_.get("src").options.at("host"), "h1");
}

TEST_F(PeerControlTest, AReplacementIsCheckedFirst) {
  create_peer("src");
  world_.peer("src").fail_next("check", Error(ErrorCode::unreachable, "nobody answers"));
  EXPECT_EQ(error_of([&] { create_peer("src", "h2", Replace::yes); }).code, ErrorCode::unreachable);
  EXPECT_EQ(peers_.get("src").options.at("host"), "h1");
  EXPECT_EQ(create_peer("src", "h2", Replace::yes), Done::done);
  EXPECT_EQ(peers_.get("src").options.at("host"), "h2");
  EXPECT_EQ(create_peer("src", "h2", Replace::yes), Done::was_there);
}

TEST_F(PeerControlTest, NameAndOptionsAreToldAtOnceAndNothingIsAsked) {
  const ErrorText text = error_of([&] {
    peers_.create("1st", "POSTGRES", {{"hots", {RawOption::Kind::text, "h"}}}, Replace::no, IfExists::no,
                  PeerControl::Check::yes, wait());
  });
  EXPECT_EQ(text.code, ErrorCode::invalid_option);
  EXPECT_TRUE(has(text.message, "1st"));
  EXPECT_TRUE(has(text.detail, "hots"));
  EXPECT_TRUE(has(text.hint, "did you mean \"host\""));
  EXPECT_EQ(world_.peer("1st").calls("check"), 0);
  const ErrorText kind = error_of([&] { peers_.validate("x", "POSTGRE", {}, wait()); });
  EXPECT_TRUE(has(kind.hint, "POSTGRES"));
}

TEST_F(PeerControlTest, NamesFollowOneRule) {
  for (const char* name : {"a", "_a-1", "Capital"}) EXPECT_EQ(create_peer(name), Done::done) << name;
  EXPECT_EQ(create_peer(std::string(63, 'x')), Done::done);
  for (const std::string& name : {std::string(), std::string("-a"), std::string("a b"), std::string("a.b"),
                                  std::string("é"), std::string(64, 'x')})
    EXPECT_EQ(error_of([&] { create_peer(name); }).code, ErrorCode::invalid_option) << name;
}

TEST_F(PeerControlTest, AnUnknownNameSuggestsTheNearest) {
  create_peer("source");
  const ErrorText text = error_of([&] { peers_.get("sorce"); });
  EXPECT_EQ(text.code, ErrorCode::not_found);
  EXPECT_EQ(text.hint, "did you mean \"source\"?");
  EXPECT_EQ(error_of([&] { peers_.get("SOURCE"); }).hint, "did you mean \"source\"?");
  EXPECT_EQ(error_of([&] { peers_.drop("sorce", IfExists::no); }).hint, "did you mean \"source\"?");
  EXPECT_EQ(peers_.drop("sorce", IfExists::yes), Done::was_absent);
}

TEST_F(PeerControlTest, APeerOfAMirrorIsNotDropped) {
  make_peers();
  create(asked("m"));
  const ErrorText text = error_of([&] { peers_.drop("src", IfExists::yes); });
  EXPECT_EQ(text.code, ErrorCode::wrong_state);
  EXPECT_TRUE(has(text.message, "mirror m"));
  EXPECT_EQ(peers_.drop("ch", IfExists::no), Done::done);
}

TEST_F(PeerControlTest, ACheckThatHangsEndsWithItsWait) {
  world_.peer("src").stall("check");
  const auto create = [&](const Wait& wait) {
    peers_.create("src", "POSTGRES", options("h"), Replace::no, IfExists::no, PeerControl::Check::yes, wait);
  };
  EXPECT_EQ(error_of([&] { create(Wait::at_most(std::chrono::milliseconds(1))); }).code, ErrorCode::timeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(create(Wait::at_most(std::chrono::seconds(10), stop.get_token())), Stopped);
}

}  // namespace
}  // namespace peerd
