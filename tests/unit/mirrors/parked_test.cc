// on_table_error = 'park' over fake servers and the real catalog. Every test compares rows.

#include "unit/mirrors/supervisor_fixture.h"

namespace peerd {
namespace {

class ParkedTest : public SupervisorTest {
 protected:
  ParkedTest() { source().add_table("public.u", {"id", "value", "large"}); }
  MirrorId start(const std::string& peer, Options options) {
    options.emplace("idle_timeout_seconds", "1");
    options.emplace("on_table_error", "park");
    catalog_->put_mirror({"m", "a", peer, {{"public.t", "public.t", {}}, {"public.u", "public.u", {}}}, options});
    const MirrorId id = catalog_->mirror("m")->id;
    supervisor_->start(id);
    reach(id, MirrorState::running);
    return id;
  }
  static Error unfit(const std::string& table, ErrorCode code = ErrorCode::bad_value) {
    ErrorText text{.code = code, .message = "the value does not fit"};
    text.hint = "widen the column, and RESUME MIRROR";
    text.table = table;
    return Error(std::move(text));
  }
  const MirrorProgress::TableNote& note(MirrorId id, const std::string& table) {
    progress_ = catalog_->progress(id);
    for (std::size_t i = 0; i < progress_.tables.size(); ++i)
      if (progress_.tables[i].schema.qualified() == table) return progress_.notes[i];
    throw std::runtime_error("no table " + table);
  }
  void wait_parked(MirrorId id, const std::string& table) {
    until("the table to be parked", [&] { return note(id, table).parked.has_value(); });
  }
  Lsn both(const std::string& key) {
    return source().commit({{ChangeView::Kind::insert, "public.u", {key, "x", "y"}, {}}, {ChangeView::Kind::insert, "public.t", {key, "x", "y"}, {}}});
  }
  void resync(MirrorId id, const std::string& table) {
    supervisor_->resync(id, std::vector{note(id, table).table});
    until("the copy anew", [&] { return supervisor_->status(id).state == MirrorState::running && note(id, table).resync == Resync::none; });
  }
  void drop(MirrorId id) {
    supervisor_->request(id, MirrorEvent::drop);
    EXPECT_TRUE(supervisor_->await(id, MirrorState::terminated, Wait::at_most(seconds(60))));
  }

  MirrorProgress progress_;
};

TEST_F(ParkedTest, OneTableIsLeftOutAndTheOthersGoOn) {
  int key = 0;
  for (const auto& [peer, spool] : {std::pair<std::string, std::string>{"b", "off"}, {"c", "off"}, {"b", "always"}, {"c", "always"}}) {
    const MirrorId id = start(peer, {{"spool", spool}});
    expect_equal(both(std::to_string(++key)), peer);
    EXPECT_EQ(target(peer).rows("public.u"), source().rows("public.u"));
    target(peer).refuse("public.u", unfit("public.u"));
    const auto before = target(peer).rows("public.u");
    const Lsn end = both(std::to_string(++key));
    wait_parked(id, "public.u");
    expect_equal(end, peer);
    source().wait_until_confirmed(end);
    const MirrorStatus status = supervisor_->status(id);
    EXPECT_EQ(status.state, MirrorState::running);
    EXPECT_EQ(health_of(status), Health::parked);
    EXPECT_FALSE(status.consistent());
    ASSERT_TRUE(status.tables.at(1).parked);
    EXPECT_FALSE(status.tables.at(0).parked);
    EXPECT_NE(status.tables.at(1).parked->reason.find("the value does not fit"), std::string::npos);
    EXPECT_EQ(status.tables.at(1).parked->hint, "widen the column, and RESYNC TABLE public.u OF m");
    EXPECT_LT(status.tables.at(1).parked->from, end);
    // It stays so, whatever is done but to copy it anew.
    target(peer).refuse("public.u", std::nullopt);
    restart();
    expect_equal(both(std::to_string(++key)), peer);
    EXPECT_EQ(health_of(supervisor_->status(id)), Health::parked);
    supervisor_->request(id, MirrorEvent::pause);
    reach(id, MirrorState::paused);
    supervisor_->request(id, MirrorEvent::resume);
    expect_equal(both(std::to_string(++key)), peer);
    EXPECT_EQ(target(peer).rows("public.u"), before);
    resync(id, "public.t");
    EXPECT_TRUE(note(id, "public.u").parked) << "that was another one";
    resync(id, "public.u");
    EXPECT_FALSE(note(id, "public.u").parked);
    expect_equal(both(std::to_string(++key)), peer);
    EXPECT_EQ(target(peer).rows("public.u"), source().rows("public.u"));
    EXPECT_NE(health_of(supervisor_->status(id)), Health::parked);
    drop(id);
    for (int i = 1; i <= key; ++i)
      for (const char* table : {"public.t", "public.u"})
        if (source().rows(table).contains(Cells{std::to_string(i), "x", "y"})) source().remove(table, {std::to_string(i)});
  }
}

TEST_F(ParkedTest, WhatIsSpooledOfItIsLeftOut) {
  const MirrorId id = start("b", {{"spool", "always"}});
  target().die();
  Lsn end;
  for (int i = 0; i < 30; ++i) end = both(std::to_string(i));
  source().wait_until_confirmed(end);
  restart();
  target().refuse("public.u", unfit("public.u"));
  target().revive();
  expect_equal(end);
  EXPECT_TRUE(target().rows("public.u").empty());
  EXPECT_TRUE(note(id, "public.u").parked);
  target().refuse("public.u", std::nullopt);
  supervisor_->request(id, MirrorEvent::pause_receiving);
  reach(id, MirrorState::paused);
  source().add_column("public.u", "extra", "1");
  source().insert("public.u", {"40", "x", "y", "z"});
  source().wait_until_confirmed(source().insert("public.t", {"40", "x", "y"}));
  supervisor_->request(id, MirrorEvent::resume);
  expect_equal(source().insert("public.t", {"41", "x", "y"}));
  EXPECT_TRUE(target().rows("public.u").empty());
  resync(id, "public.u");
  expect_equal(source().insert("public.t", {"42", "x", "y"}));
  EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
}

TEST_F(ParkedTest, WhatTheSourceFindsParksAsWellAlsoWhilePaused) {
  for (const bool paused : {false, true}) {
    const MirrorId id = start("c", {{"spool", "when_needed"}});
    expect_equal(both("1"), "c");
    if (paused) {
      supervisor_->request(id, MirrorEvent::pause_receiving);
      reach(id, MirrorState::paused);
      source().wait_until_confirmed(both("2"));
    }
    source().fail_next("read_stream", unfit("public.u", ErrorCode::schema_changed));
    wait_parked(id, "public.u");
    const Lsn end = both("3");
    source().wait_until_confirmed(end);
    EXPECT_EQ(supervisor_->status(id).state, paused ? MirrorState::paused : MirrorState::running);
    EXPECT_EQ(health_of(supervisor_->status(id)), paused ? Health::stopped : Health::parked);
    if (paused) supervisor_->request(id, MirrorEvent::resume);
    expect_equal(end, "c");
    EXPECT_EQ(target("c").rows("public.u").size(), 1u) << "also of what was received before";
    resync(id, "public.u");
    expect_equal(source().update("public.t", {"3", "after", "y"}), "c");
    EXPECT_EQ(target("c").rows("public.u"), source().rows("public.u"));
    drop(id);
    for (const char* table : {"public.t", "public.u"})
      for (const char* key : {"1", "2", "3"})
        if (paused || *key != '2') source().remove(table, {key});
  }
}

TEST_F(ParkedTest, OfATransactionInPiecesOnlyTheTableIsLeftOut) {
  for (const std::string& peer : {std::string("b"), std::string("c")}) {
    const MirrorId id = start(peer, {{"max_batch_size", "3"}});
    source().set_part_size(2);
    target(peer).refuse("public.u", unfit("public.u"));
    std::vector<SourceServer::Change> changes;
    for (int i = 0; i < 20; ++i) {
      const Cells row{std::to_string(i), "x", "y"};
      changes.push_back({ChangeView::Kind::insert, i > 0 && i % 7 == 0 ? "public.u" : "public.t", row, {}});
    }
    expect_equal(source().commit(changes), peer);
    EXPECT_TRUE(note(id, "public.u").parked);
    EXPECT_TRUE(target(peer).rows("public.u").empty());
    target(peer).refuse("public.u", std::nullopt);
    resync(id, "public.u");
    expect_equal(source().truncate("public.t"), peer);
    EXPECT_EQ(target(peer).rows("public.u"), source().rows("public.u"));
    drop(id);
    source().truncate("public.u");
  }
}

TEST_F(ParkedTest, WhereOnlyParkedTablesAreLeftTheMirrorStops) {
  const MirrorId id = start("b", {});
  target().refuse("public.u", unfit("public.u"));
  both("1");
  wait_parked(id, "public.u");
  target().refuse("public.u", std::nullopt);
  MirrorSpec spec = catalog_->mirror(id)->spec;
  spec.tables.erase(spec.tables.begin());
  supervisor_->change(*catalog_->mirror(id), spec);
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_NE(supervisor_->status(id).last_error->message.find("public.u is parked"), std::string::npos);
  EXPECT_NE(supervisor_->status(id).last_error->hint.find("RESYNC TABLE public.u OF m"), std::string::npos);
  resync(id, "public.u");
  target().wait_until_applied(both("2"));
  EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
}

TEST_F(ParkedTest, TheLastTableStopsTheMirror) {
  const MirrorId id = start("c", {});
  target("c").refuse("public.u", unfit("public.u"));
  target("c").refuse("public.t", unfit("public.t"));
  both("1");
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  const bool first = note(id, "public.t").parked.has_value(), second = note(id, "public.u").parked.has_value();
  EXPECT_NE(first, second) << "one of them";
  for (const char* table : {"public.t", "public.u"}) target("c").refuse(table, std::nullopt);
  supervisor_->request(id, MirrorEvent::resume);
  const std::string left = first ? "public.u" : "public.t", parked = first ? "public.t" : "public.u";
  target("c").wait_until_applied(both("2"));
  EXPECT_EQ(target("c").rows(left), source().rows(left));
  EXPECT_TRUE(target("c").rows(parked).empty());
  resync(id, parked);
  target("c").wait_until_applied(both("3"));
  EXPECT_EQ(target("c").rows(parked), source().rows(parked));
}

TEST_F(ParkedTest, WhatMayBeTheWholeTargetsStopsTheMirror) {
  Error server = unfit("public.u", ErrorCode::target_unfit);
  server.text.origin = "CH 158";
  for (const Error& error : {unfit("public.u", ErrorCode::no_privilege), unfit("public.u", ErrorCode::peer_error), unfit(""),
                             unfit("public.other"), unfit("public.u", ErrorCode::position_lost), server}) {
    const MirrorId id = start("b", {});
    target().refuse("public.u", error);
    both("1");
    ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
    EXPECT_FALSE(note(id, "public.u").parked);
    target().refuse("public.u", std::nullopt);
    drop(id);
    for (const char* table : {"public.t", "public.u"}) source().remove(table, {"1"});
  }
}

TEST_F(ParkedTest, WithoutTheOptionTheMirrorStopsAsEver) {
  const MirrorId id = start("b", {{"on_table_error", "stop"}});
  target().refuse("public.u", unfit("public.u"));
  const Lsn end = both("1");
  ASSERT_TRUE(supervisor_->await(id, MirrorState::failed, Wait::at_most(seconds(60))));
  EXPECT_EQ(supervisor_->status(id).last_error->hint, "widen the column, and RESUME MIRROR");
  target().refuse("public.u", std::nullopt);
  supervisor_->request(id, MirrorEvent::resume);
  expect_equal(end);
  EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
}

TEST_F(ParkedTest, ATableThatIsGoneAtTheTargetIsParkedAndCanLeave) {
  for (const bool leaves : {true, false}) {
    const MirrorId id = start("b", {});
    expect_equal(both("1"));
    supervisor_->request(id, MirrorEvent::pause);
    reach(id, MirrorState::paused);
    target().drop_table("public.u");
    supervisor_->request(id, MirrorEvent::resume);
    wait_parked(id, "public.u");
    expect_equal(both("2"));
    EXPECT_FALSE(target().has_table("public.u"));
    if (leaves) {
      MirrorSpec spec = catalog_->mirror(id)->spec;
      spec.tables.pop_back();
      supervisor_->change(*catalog_->mirror(id), spec);
      until("the table to leave", [&] { return catalog_->progress(id).tables.size() == 1; });
      reach(id, MirrorState::running);
      expect_equal(source().insert("public.t", {"3", "x", "y"}));
      EXPECT_NE(health_of(supervisor_->status(id)), Health::parked);
      source().remove("public.t", {"3"});
    } else {
      resync(id, "public.u");
      expect_equal(both("4"));
      EXPECT_EQ(target().rows("public.u"), source().rows("public.u"));
    }
    drop(id);
    for (const char* table : {"public.t", "public.u"})
      for (const char* key : {"1", "2"}) source().remove(table, {key});
  }
}

}  // namespace
}  // namespace peerd
