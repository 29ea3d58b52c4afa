#include "control_fixture.h"

namespace peerd {
namespace {

class MirrorControlTest : public ControlTest {
 protected:
  MirrorControlTest() { make_peers(); }
  ErrorText refused(const MirrorRequest& request) {
    const ErrorText text = error_of([&] { create(request); });
    EXPECT_FALSE(catalog_->mirror(request.name)) << "a refused mirror is not stored";
    EXPECT_EQ(error_of([&] { mirrors_.validate(request, wait()); }).message, text.message) << "validate says the same";
    return text;
  }
  Done request(const std::string& name, MirrorEvent event, IfExists if_exists = IfExists::no) {
    return mirrors_.request(name, event, if_exists, wait());
  }
};

TEST_F(MirrorControlTest, AMirrorIsCheckedStoredAndStarted) {
  mirrors_.validate(asked("m"), wait());
  EXPECT_TRUE(mirrors_.list().empty());
  EXPECT_EQ(create(asked("m")), Done::done);
  EXPECT_EQ(mirrors_.record("m").state, MirrorState::setup);
  EXPECT_EQ(supervisor_.calls("start"), 1);
  EXPECT_EQ(mirrors_.status("m").target, "dst");
  for (const char* changing : {"ensure_slot", "ensure_publication"}) EXPECT_EQ(world_.source("src").calls(changing), 0);
  for (const char* changing : {"open", "create"}) EXPECT_EQ(world_.target("dst").calls(changing), 0);
}

TEST_F(MirrorControlTest, TheSameStatementAgainChangesNothingEvenWhileServersAreDown) {
  create(asked("m"));
  world_.source("src").die();
  EXPECT_EQ(create(asked("m")), Done::was_there);
  EXPECT_EQ(supervisor_.calls("start"), 1);
  MirrorRequest other = asked("m");
  other.options["max_batch_size"] = {RawOption::Kind::number, "7"};
  const ErrorText text = error_of([&] { create(other); });
  EXPECT_EQ(text.code, ErrorCode::already_exists);
  EXPECT_TRUE(has(text.message, "max_batch_size"));
  EXPECT_EQ(create(other, IfExists::yes), Done::was_there);
}

TEST_F(MirrorControlTest, AMirrorIsReplacedByWhatItCanBecomeWhileItLives) {
  EXPECT_EQ(mirrors_.replace(asked("m"), wait()), Done::done);
  EXPECT_EQ(supervisor_.calls("start"), 1);
  MirrorRequest other = asked("m");
  other.options["max_batch_size"] = {RawOption::Kind::number, "1000000"};
  EXPECT_EQ(mirrors_.replace(other, wait()), Done::was_there) << "a default that is written";
  other.options["max_batch_size"] = {RawOption::Kind::number, "7"};
  other.tables.pop_back();
  EXPECT_EQ(mirrors_.replace(other, wait()), Done::done);
  EXPECT_EQ(mirrors_.record("m").spec.tables.size(), 1u);
  EXPECT_EQ(mirrors_.record("m").spec.integer("max_batch_size"), 7);
  EXPECT_EQ(mirrors_.replace(asked("m"), wait()), Done::done);
  EXPECT_EQ(mirrors_.record("m").spec.tables.size(), 2u);
  EXPECT_EQ(mirrors_.record("m").spec.integer("max_batch_size"), 1000000);
  for (auto& spoil : std::vector<std::function<void(MirrorRequest&)>>{
           [](MirrorRequest& request) { request.target = "ch"; },
           [](MirrorRequest& request) { request.tables[1].target = "public.elsewhere"; },
           [](MirrorRequest& request) { request.tables[1].exclude = {"name"}; },
           [](MirrorRequest& request) { request.options["soft_delete_col_name"] = {RawOption::Kind::text, "gone"}; }}) {
    MirrorRequest request = asked("m");
    spoil(request);
    EXPECT_EQ(error_of([&] { mirrors_.replace(request, wait()); }).code, ErrorCode::already_exists);
  }
  EXPECT_EQ(supervisor_.calls("start"), 1);
}

TEST_F(MirrorControlTest, NameOptionsPeersAndMappingAreToldAtOnce) {
  const ErrorText text = refused({"m m", "scr", "dst", {}, {{"max_batch_sise", {RawOption::Kind::number, "7"}}}});
  const std::string all = text.message + "\n" + text.detail + "\n" + text.hint;
  for (const char* part : {"m m", "\"scr\" does not exist", "did you mean \"src\"", "max_batch_sise",
                           "did you mean \"max_batch_size\"", "no tables"})
    EXPECT_TRUE(has(all, part)) << part << "\n" << all;
}

TEST_F(MirrorControlTest, OptionsOfOneKindOfTargetAreOfThatKindAlone) {
  create_kafka_peer("k");
  MirrorRequest request = asked("m");
  request.options["format"] = {RawOption::Kind::text, "flat"};
  EXPECT_EQ(refused(request).message, "option \"format\" belongs to mirrors to KAFKA, this one goes to POSTGRES");
  EXPECT_EQ(refused(request).field, "format");
  request.target = "k";
  request.options["max_batch_size"] = {RawOption::Kind::number, "7"};
  EXPECT_EQ(create(request), Done::done);
  EXPECT_EQ(mirrors_.record("m").spec.options, (Options{{"format", "flat"}, {"max_batch_size", "7"}}));
  EXPECT_EQ(create(request), Done::was_there);
  request.options["format"] = {RawOption::Kind::text, "peerdb"};
  EXPECT_TRUE(has(error_of([&] { create(request); }).message, "format"));
  request.name = "n";
  request.tables[0].target = "public.other";
  request.tables[1].target = "public.another";
  request.options.erase("format");
  request.options["formt"] = {RawOption::Kind::text, "flat"};
  EXPECT_EQ(refused(request).hint, "did you mean \"format\"?");
}

TEST_F(MirrorControlTest, DuplicatesInTheMappingAreRefusedHoweverTheyAreSpelt) {
  MirrorRequest request = asked("m");
  request.tables = {{"public.t", "a", {}}, {"t", "b", {}}};
  EXPECT_EQ(refused(request).message, "duplicate source table t");
  request.tables = {{"public.t", "a", {}}, {"public.u", "public.a", {}}};
  EXPECT_EQ(refused(request).message, "duplicate target table public.a");
  EXPECT_EQ(refused(request).field, "table_mappings[1]");
}

TEST_F(MirrorControlTest, SettingsOfColumnsAreForKindsThatTakeThem) {
  MirrorRequest request = asked("m", "dst");
  request.tables[0].columns = {{"name", "other"}};
  EXPECT_EQ(refused(request).field, "table_mappings[0].columns[0].destination_name") << "the fake takes nothing";
  EXPECT_EQ(refused(request).code, ErrorCode::not_supported);
  request.tables[0].columns = {{"name", "name"}};
  request.tables[0].engine = "ReplacingMergeTree";
  EXPECT_EQ(refused(request).field, "table_mappings[0].engine");
  request.target = "ch";
  request.tables[0].engine = "replacingmergetree";
  EXPECT_EQ(create(request), Done::done);
  EXPECT_EQ(mirrors_.record("m").spec.tables[0].engine, "") << "it is what peerd makes anyway";
  request.tables[0].engine.clear();
  EXPECT_EQ(create(request), Done::was_there);
  request.name = "n";
  request.tables[0].target = "public.other";
  request.tables[1].target = "public.another";
  request.tables[0].columns = {{"name", "a"}, {"name", "b"}};
  EXPECT_TRUE(has(refused(request).message, "is set twice"));
  request.tables[0].columns = {{"name", "a"}};
  request.tables[0].exclude = {"name"};
  EXPECT_TRUE(has(refused(request).message, "is excluded, and set"));
}

TEST_F(MirrorControlTest, ATableIsNotMirroredIntoItself) {
  MirrorRequest request = asked("m", "src");
  EXPECT_TRUE(has(refused(request).message, "cannot be mirrored into itself"));
  create_peer("alias", "h1");
  request.target = "alias";
  EXPECT_TRUE(has(refused(request).message, "cannot be mirrored into itself")) << "another name of the same database";
  request.tables = {{"public.t", "copy.t", {}}};
  EXPECT_EQ(create(request), Done::done);
}

TEST_F(MirrorControlTest, ATargetTableBelongsToOneMirror) {
  create(asked("m"));
  MirrorRequest request = asked("n");
  request.tables = {{"public.t", "t", {}}};
  const ErrorText text = refused(request);
  EXPECT_EQ(text.code, ErrorCode::already_exists);
  EXPECT_TRUE(has(text.message, "belongs to mirror \"m\"")) << text.message;
  request.target = "ch";
  EXPECT_EQ(create(request), Done::done) << "the same name at another peer is another table";
  EXPECT_EQ(request.name, mirrors_.status("n").name);
}

TEST_F(MirrorControlTest, AKindThatCannotStandThereIsRefused) {
  MirrorRequest request = asked("m");
  request.source = "ch";
  const ErrorText text = refused(request);
  EXPECT_EQ(text.code, ErrorCode::not_supported);
  EXPECT_EQ(text.message, "a CLICKHOUSE peer cannot be a source");
  EXPECT_EQ(text.field, "source_name");
}

TEST_F(MirrorControlTest, BothPreflightsAreToldAtOnceWithTheirCures) {
  world_.source("src").set_problems({problem("wal_level is replica", "ALTER SYSTEM SET wal_level = logical")});
  world_.target("dst").set_problems({problem("cannot create tables", "GRANT CREATE ON SCHEMA public TO u")});
  const ErrorText text = refused(asked("m"));
  EXPECT_EQ(text.message, "wal_level is replica");
  EXPECT_TRUE(has(text.detail, "cannot create tables"));
  EXPECT_TRUE(has(text.hint, "ALTER SYSTEM SET wal_level = logical"));
  EXPECT_TRUE(has(text.hint, "GRANT CREATE"));
}

TEST_F(MirrorControlTest, ADeadTargetDoesNotHideTheSourcesProblems) {
  world_.source("src").set_problems({problem("wal_level is replica")});
  world_.target("dst").die();
  const ErrorText text = refused(asked("m"));
  EXPECT_TRUE(has(text.message, "wal_level"));
  EXPECT_TRUE(has(text.detail, "down"));
}

TEST_F(MirrorControlTest, AMissingTableIsNamed) {
  MirrorRequest request = asked("m");
  request.tables.push_back({"public.nothing", "x", {}});
  const ErrorText text = refused(request);
  EXPECT_EQ(text.code, ErrorCode::not_found);
  EXPECT_TRUE(has(text.message, "public.nothing"));
}

TEST_F(MirrorControlTest, PauseResumeAndDropEndWhereTheyShould) {
  create(asked("m"));
  EXPECT_EQ(request("m", MirrorEvent::pause), Done::done);
  EXPECT_EQ(mirrors_.status("m").state, MirrorState::paused);
  EXPECT_EQ(request("m", MirrorEvent::pause), Done::was_there);
  EXPECT_EQ(request("m", MirrorEvent::resume), Done::done);
  EXPECT_EQ(mirrors_.status("m").state, MirrorState::running);
  EXPECT_EQ(request("m", MirrorEvent::drop), Done::done);
  EXPECT_TRUE(mirrors_.list().empty());
  EXPECT_EQ(request("m", MirrorEvent::drop, IfExists::yes), Done::was_absent);
  EXPECT_EQ(error_of([&] { request("m", MirrorEvent::drop); }).code, ErrorCode::not_found);
}

TEST_F(MirrorControlTest, APauseTellsWhatTheSourceKeepsAndWhatFollows) {
  create(asked("m"));
  request("m", MirrorEvent::pause);
  const auto plain = mirrors_.pause_outlook("m", wait());
  EXPECT_TRUE(has(plain.message, "its slot keeps WAL until RESUME MIRROR or DROP MIRROR, 0 MB of WAL at peer")) << plain.message;
  EXPECT_TRUE(has(plain.hint, "nothing bounds it but the source's disk")) << plain.hint;
  EXPECT_TRUE(has(plain.hint, "ALTER MIRROR m SET (spool = 'when_needed') and then PAUSE MIRROR m WITH (receive = true)")) << plain.hint;
  EXPECT_EQ(mirrors_.change("m", {.set = {{"spool", {RawOption::Kind::text, "always"}}}}, IfExists::no, wait()), Done::done);
  EXPECT_TRUE(has(mirrors_.pause_outlook("m", wait()).message, "beyond 9536 MB (wal_budget_bytes), too"));
  world_.source("src").keep_most(8ull << 30);
  const std::string half = "4096 MB (half of max_slot_wal_keep_size at the source, which is less than wal_budget_bytes)";
  EXPECT_TRUE(has(mirrors_.pause_outlook("m", wait()).message, "beyond " + half + ", too")) << mirrors_.pause_outlook("m", wait()).message;
  EXPECT_EQ(mirrors_.change("m", {.set = {{"on_spool_full", {RawOption::Kind::text, "drop_slot"}}}}, IfExists::no, wait()), Done::done);
  EXPECT_EQ(request("m", MirrorEvent::pause_receiving), Done::done);
  EXPECT_EQ(request("m", MirrorEvent::pause_receiving), Done::was_there);
  EXPECT_TRUE(has(mirrors_.pause_outlook("m", wait()).hint, "with more than " + half + " of it the slot is dropped")) << mirrors_.pause_outlook("m", wait()).hint;
  world_.source("src").die();
  EXPECT_TRUE(has(mirrors_.pause_outlook("m", wait()).hint, "with more than 9536 MB (wal_budget_bytes, or half of the source's max_slot_wal_keep_size where that is less)"));
  world_.source("src").revive();
  EXPECT_EQ(mirrors_.change("m", {.set = {{"on_spool_full", {RawOption::Kind::text, "wait"}}}}, IfExists::no, wait()), Done::done);
  EXPECT_TRUE(has(mirrors_.pause_outlook("m", wait()).message, "it goes on receiving into its spool, which has 0 MB"));
  const ErrorText text = error_of([&] { mirrors_.change("m", {.set = {{"spool", {RawOption::Kind::text, "off"}}}}, IfExists::no, wait()); });
  EXPECT_EQ(text.code, ErrorCode::wrong_state);
  EXPECT_TRUE(has(text.message, "is paused and receives into its spool"));
  EXPECT_EQ(request("m", MirrorEvent::pause), Done::done) << "it receives no more";
}

TEST_F(MirrorControlTest, ADropThatCannotFinishSaysWhyAndLeavesTerminating) {
  create(asked("m"));
  supervisor_.get_stuck_in(MirrorState::terminating);
  supervisor_.show(mirrors_.record("m").id, [](MirrorStatus& status) {
    status.failing = true;
    status.last_error = Error(ErrorCode::unreachable, "cannot reach the source").text;
  });
  const ErrorText text = error_of([&] { request("m", MirrorEvent::drop); });
  EXPECT_EQ(text.code, ErrorCode::unreachable);
  EXPECT_EQ(text.message, "mirror \"m\" is still TERMINATING: cannot reach the source");
  EXPECT_TRUE(has(text.hint, "in the background"));
  EXPECT_EQ(mirrors_.record("m").state, MirrorState::terminating);
}

TEST_F(MirrorControlTest, APauseThatLastsIsATimeoutThatSaysWhatItWaitsFor) {
  create(asked("m"));
  supervisor_.get_stuck_in(MirrorState::pausing);
  supervisor_.show(mirrors_.record("m").id, [](MirrorStatus& status) { status.step = "finishing a batch"; });
  supervisor_.stall("await");
  const ErrorText text = error_of(
      [&] { mirrors_.request("m", MirrorEvent::pause, IfExists::no, Wait::at_most(std::chrono::milliseconds(1))); });
  EXPECT_EQ(text.code, ErrorCode::timeout);
  EXPECT_EQ(text.message, "mirror \"m\" is still PAUSING: finishing a batch");
}

TEST_F(MirrorControlTest, WhatTheStateDoesNotAllowPassesThrough) {
  create(asked("m"));
  supervisor_.fail_next("request", Error(ErrorCode::wrong_state, "the mirror is being dropped"));
  EXPECT_EQ(error_of([&] { request("m", MirrorEvent::resume); }).message, "the mirror is being dropped");
}

TEST_F(MirrorControlTest, AnUnknownMirrorSuggestsTheNearest) {
  create(asked("orders"));
  EXPECT_EQ(error_of([&] { request("order", MirrorEvent::pause); }).hint, "did you mean \"orders\"?");
  EXPECT_EQ(error_of([&] { mirrors_.status("ORDERS"); }).hint, "did you mean \"orders\"?");
}

}  // namespace
}  // namespace peerd
