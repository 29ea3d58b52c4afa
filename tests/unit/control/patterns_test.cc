// Mappings by pattern: what they name, and what becomes of tables that come later.
#include "control_fixture.h"
#include "peerd/control/new_tables.h"

namespace peerd {
namespace {

class PatternsTest : public ControlTest {
 protected:
  PatternsTest() : watch_(*catalog_, connectors_, mirrors_, supervisor_) { make_peers(); }

  static MirrorRequest by_pattern(const std::string& new_tables = "") {
    MirrorRequest request{"m", "src", "dst", {{"public.*", "copy.*", {}}}, {}};
    if (!new_tables.empty()) request.options["new_tables"] = {RawOption::Kind::text, new_tables};
    return request;
  }
  void run(const std::string& new_tables) {
    create(by_pattern(new_tables));
    const MirrorId id = mirrors_.record("m").id;
    catalog_->move(id, MirrorState::setup, MirrorState::running, "");
    supervisor_.show(id, [](MirrorStatus& status) { status.state = MirrorState::running; });
  }
  std::vector<std::string> mapped() {
    std::vector<std::string> sources;
    for (const TableMapping& table : mirrors_.record("m").spec.tables) sources.push_back(table.source);
    std::sort(sources.begin(), sources.end());
    return sources;
  }
  std::vector<std::string> except() { return mirrors_.record("m").spec.patterns.at(0).except; }
  std::size_t lines(std::string_view part) {
    std::size_t count = 0;
    for (const LogRecord& line : catalog_->logs(mirrors_.record("m").id)) count += has(line.message, part);
    return count;
  }
  void look() { watch_.round(std::stop_token{}); }
  std::vector<NewTable> shown() { return mirrors_.status("m").new_tables; }
  using Names = std::vector<std::string>;

  NewTables watch_;
};

TEST_F(PatternsTest, APatternIsStoredWithWhatItNames) {
  MirrorRequest request = by_pattern();
  request.tables.push_back({"public.u", "elsewhere.u", {}});
  create(request);
  const MirrorSpec spec = mirrors_.record("m").spec;
  ASSERT_EQ(spec.patterns.size(), 1u);
  ASSERT_EQ(spec.tables.size(), 2u);
  EXPECT_EQ(spec.tables[0].target, "elsewhere.u") << "what is mapped by name comes first";
  EXPECT_EQ(spec.tables[1].target, "copy.t");
  EXPECT_TRUE(spec.tables[1].by_pattern && !spec.tables[0].by_pattern);
  EXPECT_EQ(create(request), Done::was_there);
  EXPECT_EQ(mirrors_.replace(request, wait()), Done::was_there);
}

TEST_F(PatternsTest, WhatCannotBeMeantIsRefused) {
  const auto refused = [&](auto spoil) {
    MirrorRequest request = by_pattern();
    spoil(request);
    const ErrorText text = error_of([&] { create(request); });
    EXPECT_FALSE(catalog_->mirror("m"));
    return text;
  };
  EXPECT_TRUE(has(refused([](auto& r) { r.tables[0].source = "public.x*"; }).message, "names no table"));
  EXPECT_TRUE(has(refused([](auto& r) { r.tables.push_back({"*.t", "other.*", {}}); }).message, "named by two patterns"));
  EXPECT_TRUE(has(refused([](auto& r) { r.tables[0].target = "copy.t"; }).message, "stars"));
  EXPECT_TRUE(has(refused([](auto& r) { r.tables[0].exclude = {"id"}; }).message, "for one table each"));
  EXPECT_TRUE(has(refused([](auto& r) { r.tables[0].engine = "MergeTree"; }).message, "how columns or tables are made"));
  EXPECT_TRUE(has(refused([](auto& r) { r.tables.push_back({"public.u", "copy.t", {}}); }).message, "duplicate target"));
  EXPECT_TRUE(has(refused([](auto& r) { r.options["new_tables"] = {RawOption::Kind::text, "ad"}; }).hint, "did you mean 'add'"));
  const RawOption add{RawOption::Kind::text, "add"};
  EXPECT_EQ(refused([&](auto& r) {
              r.options["new_tables"] = add;
              r.options["do_initial_copy"] = {RawOption::Kind::boolean, "false"};
            }).code, ErrorCode::not_supported);
  EXPECT_TRUE(has(refused([&](auto& r) {
                    r.tables = {{"public.t", "copy.t", {}}};
                    r.options["new_tables"] = add;
                  }).message, "mapping by pattern"));
}

TEST_F(PatternsTest, NewTablesAreAddedAtOnceAndTogether) {
  run("add");
  for (const char* name : {"public.a", "public.b", "public.c"}) world_.source("src").add_table(name, {"id"});
  look();
  EXPECT_EQ(mapped(), (Names{"public.a", "public.b", "public.c", "public.t", "public.u"}));
  EXPECT_EQ(supervisor_.calls("change"), 1);
  EXPECT_TRUE(shown().empty());
  look();
  EXPECT_EQ(supervisor_.calls("change"), 1);
}

TEST_F(PatternsTest, WhatCannotBeAddedIsToldOnceAndLeavesTheOthersAlone) {
  run("add");
  world_.source("src").add_table("public.a", {"id"});
  world_.source("src").add_table("public.b", {"id"});
  Problem keyless = problem("table public.b has no key", "ALTER TABLE public.b ADD PRIMARY KEY (...)");
  keyless.text.table = "public.b";
  world_.source("src").set_problems({keyless});
  look();
  look();
  EXPECT_EQ(mapped(), (Names{"public.t", "public.u"})) << "the fake server finds the same whatever is asked";
  ASSERT_EQ(shown().size(), 2u);
  EXPECT_EQ(shown()[1].source, "public.b");
  EXPECT_TRUE(has(shown()[1].hint, "ADD PRIMARY KEY"));
  EXPECT_EQ(lines("new table public.b cannot be added"), 1u);
}

TEST_F(PatternsTest, ASourceThatDoesNotAnswerIsPassedOver) {
  run("add");
  world_.source("src").die();
  look();
  EXPECT_EQ(mapped(), (Names{"public.t", "public.u"}));
  EXPECT_TRUE(shown().empty());
  EXPECT_TRUE(catalog_->logs(mirrors_.record("m").id).empty());
}

TEST_F(PatternsTest, AskNamesThemWithTheStatementOnce) {
  run("");
  world_.source("src").add_table("public.a", {"id"});
  look();
  NewTables after_a_restart(*catalog_, connectors_, mirrors_, supervisor_);
  after_a_restart.round({});
  world_.source("src").add_table("public.b", {"id"});
  NewTables after_another(*catalog_, connectors_, mirrors_, supervisor_);
  after_another.round({});
  EXPECT_EQ(lines("public.a"), 1u) << "told once, also over restarts";
  EXPECT_EQ(lines("not mirrored: public.b"), 1u);
  ASSERT_EQ(shown().size(), 2u);
  EXPECT_TRUE(has(shown()[0].hint, "ALTER MIRROR m ADD TABLE public.a:copy.a adds it")) << shown()[0].hint;
  EXPECT_EQ(lines("not mirrored: public.a"), 1u);
  EXPECT_EQ(mapped(), (Names{"public.t", "public.u"}));
  mirrors_.change("m", {{{"public.a", "copy.a", {}}}, {}, {}}, IfExists::no, wait());
  EXPECT_TRUE(mirrors_.record("m").spec.tables.back().by_pattern) << "it is what the pattern says";
  mirrors_.change("m", {{}, {"public.b"}, {}}, IfExists::no, wait());
  EXPECT_EQ(except(), (Names{"public.b"})) << "no is an answer, too";
  look();
  EXPECT_TRUE(shown().empty());
}

TEST_F(PatternsTest, WhatWasTakenOutStaysOutUntilItIsAddedByName) {
  run("add");
  mirrors_.change("m", {{}, {"public.u"}, {}}, IfExists::no, wait());
  EXPECT_EQ(except(), (Names{"public.u"}));
  look();
  EXPECT_EQ(mapped(), (Names{"public.t"}));
  EXPECT_TRUE(has(error_of([&] { mirrors_.change("m", {{}, {"public.nothing"}, {}}, IfExists::no, wait()); }).message, "not one of the mirror's"));
  mirrors_.change("m", {{{"public.u", "copy.u", {}}}, {}, {}}, IfExists::no, wait());
  EXPECT_TRUE(except().empty());
  EXPECT_EQ(mapped(), (Names{"public.t", "public.u"}));
}

TEST_F(PatternsTest, PatternsComeAndGoWithTheirTables) {
  run("add");
  world_.source("src").add_table("app.x", {"id"});
  mirrors_.change("m", {{{"app.*", "app_copy.*", {}}}, {}, {}}, IfExists::no, wait());
  EXPECT_EQ(mapped(), (Names{"app.x", "public.t", "public.u"}));
  mirrors_.change("m", {{}, {"public.*"}, {}}, IfExists::no, wait());
  EXPECT_EQ(mapped(), (Names{"app.x"}));
  MirrorRequest wanted = by_pattern("add");
  EXPECT_EQ(mirrors_.replace(wanted, wait()), Done::done) << "as a file declares it";
  EXPECT_EQ(mapped(), (Names{"public.t", "public.u"}));
  wanted.tables[0].except = {"public.u"};
  EXPECT_EQ(mirrors_.replace(wanted, wait()), Done::done);
  EXPECT_EQ(mapped(), (Names{"public.t"}));
  wanted.tables[0].target = "elsewhere.*";
  EXPECT_EQ(error_of([&] { mirrors_.replace(wanted, wait()); }).code, ErrorCode::already_exists);
}

}  // namespace
}  // namespace peerd
