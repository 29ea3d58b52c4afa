#include "real_source.h"

namespace peerd {
namespace {

struct Case {
  const char* name;
  const char* publication;  ///< What follows CREATE PUBLICATION p; "" for one of the table as a mirror makes it.
  const char* change;
  const char* words;        ///< Of the message; "" when the mirror goes on.
  int since = 0;            ///< Server version.
};

constexpr const char* kTables =
    "CREATE TABLE public.t (id int NOT NULL, ten int NOT NULL, a text, CONSTRAINT t_pkey PRIMARY KEY (id));"
    "CREATE UNIQUE INDEX t_ten ON public.t (ten); CREATE TABLE public.other (id int PRIMARY KEY);"
    "CREATE TABLE public.t_new (LIKE public.t INCLUDING ALL); CREATE SCHEMA s; CREATE SCHEMA away;"
    "CREATE TABLE s.t (id int PRIMARY KEY, a text); ";

class RealCoverage : public RealSource {
 protected:
  void begin(const Case& given) {
    sql("DROP PUBLICATION IF EXISTS p; DROP TABLE IF EXISTS public.t, public.t_old, public.t_new, public.other;"
        "DROP SCHEMA IF EXISTS s CASCADE; DROP SCHEMA IF EXISTS away CASCADE");
    sql(kTables);
    mirror_.tables.clear();
    map(std::string(given.publication).find("IN SCHEMA") == std::string::npos ? "public.t" : "s.t");
    mirror_.options["publication_name"] = "p";
    sql(std::string("CREATE PUBLICATION p ") + (*given.publication != '\0' ? given.publication : "FOR TABLE ONLY public.t"));
    lease_.uuid[0] = static_cast<char>('a' + (lease_.uuid[0] + 1) % 6);
    source_.reset();
  }
  /// "" or what it stops with.
  ErrorText opened(const std::vector<MirrorTable>& tables) {
    try {
      stream_ = source().open_stream(start_, tables, shaped_at_, wait_);
      return {};
    } catch (const Error& error) {
      return error.text;
    }
  }
  void end() {
    stream_.reset();
    source().drop(true, wait_);
  }
  void each(std::span<const Case> cases) {
    for (const Case& given : cases) {
      if (connection_->server_version() < given.since) continue;
      SCOPED_TRACE(given.name);
      begin(given);
      const std::vector<MirrorTable> tables = set_up();
      sql(given.change);
      const ErrorText text = opened(tables);
      if (*given.words == '\0') {
        EXPECT_EQ(text.message, "");
      } else {
        EXPECT_NE(text.message.find(given.words), std::string::npos) << "said: " << text.message;
        EXPECT_EQ(text.code, ErrorCode::schema_changed);
        EXPECT_EQ(retry_of(text), Retry::after_operator);
        EXPECT_NE(text.hint, "");
      }
      end();
    }
  }
  std::unique_ptr<ChangeStream> stream_;
  BatchBuilder builder_;
};

constexpr const char* kLess = "ALTER PUBLICATION p SET (publish = 'insert')";
constexpr const char* kAll = "ALTER PUBLICATION p SET (publish = 'insert, update, delete, truncate')";

// Rule 36: what was not sent is nowhere in the stream. The catalog keeps a trace of every gap, also of one that has closed.
TEST_F(RealCoverage, AGapStopsTheMirrorAlsoWhenItHasClosed) {
  const std::string less_and_back = std::string(kLess) + ";" + kAll;
  const std::vector<Case> cases = {
      {"less", "", kLess, "does not publish update, delete, truncate"},
      {"less and back", "", less_and_back.c_str(), "was altered"},
      {"less and back, all tables", "FOR ALL TABLES", less_and_back.c_str(), "was altered"},
      {"out", "", "ALTER PUBLICATION p DROP TABLE public.t", "taken out of publication"},
      {"out and in", "", "ALTER PUBLICATION p DROP TABLE public.t; ALTER PUBLICATION p ADD TABLE public.t", "for a while"},
      {"set to another and back", "FOR TABLE ONLY public.t",
       "ALTER PUBLICATION p SET TABLE public.other; ALTER PUBLICATION p SET TABLE public.t", "for a while"},
      {"dropped", "", "DROP PUBLICATION p", "does not exist"},
      {"made again", "FOR ALL TABLES", "DROP PUBLICATION p; CREATE PUBLICATION p FOR ALL TABLES", "made again"},
      {"made again for the table", "", "DROP PUBLICATION p; CREATE PUBLICATION p FOR TABLE public.t", "made again"},
      {"renamed and back", "", "ALTER PUBLICATION p RENAME TO q; ALTER PUBLICATION q RENAME TO p", "was altered"},
      {"roots", "", "ALTER PUBLICATION p SET (publish_via_partition_root = false)", "was altered"},
      {"generated", "", "ALTER PUBLICATION p SET (publish_generated_columns = stored)", "generated columns", 180000},
      {"row filter", "", "ALTER PUBLICATION p SET TABLE public.t WHERE (id > 5)", "row filter", 150000},
      {"row filter and none", "", "ALTER PUBLICATION p SET TABLE public.t WHERE (id > 5); ALTER PUBLICATION p SET TABLE public.t", "for a while", 150000},
      {"column list", "", "ALTER PUBLICATION p SET TABLE public.t (id, a)", "column list", 150000},
      {"unlogged", "FOR ALL TABLES", "ALTER TABLE public.t SET UNLOGGED", "unlogged"},
      {"unlogged and back", "FOR ALL TABLES", "ALTER TABLE public.t SET UNLOGGED; ALTER TABLE public.t SET LOGGED", "SET UNLOGGED and SET LOGGED"},
      {"schema out and in", "FOR TABLES IN SCHEMA s",
       "ALTER PUBLICATION p DROP TABLES IN SCHEMA s; ALTER PUBLICATION p ADD TABLES IN SCHEMA s", "for a while", 150000},
      {"out of the schema and back", "FOR TABLES IN SCHEMA s",
       "ALTER TABLE s.t SET SCHEMA away; ALTER TABLE away.t SET SCHEMA s", "for a while", 150000},
      {"schema renamed", "FOR TABLES IN SCHEMA s", "ALTER SCHEMA s RENAME TO s2; ALTER SCHEMA s2 RENAME TO s", "", 150000},
  };
  each(cases);
}

TEST_F(RealCoverage, NamesAreComparedAsWellAsNumbers) {
  const std::vector<Case> cases = {
      {"swapped", "", "BEGIN; ALTER TABLE public.t RENAME TO t_old; ALTER TABLE public.t_new RENAME TO t; COMMIT",
       "is now called public.t_old"},
      {"swapped, all tables", "FOR ALL TABLES",
       "BEGIN; ALTER TABLE public.t RENAME TO t_old; ALTER TABLE public.t_new RENAME TO t; COMMIT", "is now called public.t_old"},
      {"moved", "", "ALTER TABLE public.t SET SCHEMA away", "is now called away.t"},
      {"dropped", "", "DROP TABLE public.t", "dropped at the source"},
      {"made again", "FOR ALL TABLES", "DROP TABLE public.t; CREATE TABLE public.t (id int PRIMARY KEY)", "made again"}};
  each(cases);
}

// Rule 4: with FULL no flag of the stream tells which columns the primary key has.
TEST_F(RealCoverage, AnotherKeyStopsTheMirror) {
  constexpr const char* kFull = "ALTER TABLE public.t REPLICA IDENTITY FULL";
  constexpr const char* kIndex = "ALTER TABLE public.t REPLICA IDENTITY USING INDEX t_ten";
  struct KeyCase {
    const char *before, *change, *words;
  };
  const std::vector<KeyCase> cases = {
      {kFull, "ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (ten, id)", "another key at the source now: (ten, id)"},
      {"", "ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (ten, id)", "another key at the source now: (ten, id)"},
      {kFull, "ALTER TABLE public.t DROP CONSTRAINT t_pkey", "no primary key"},
      {kFull, "ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id)", "dropped and made again"},
      {kFull, "ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE", "deferrable primary key"},
      {kFull, "REINDEX TABLE CONCURRENTLY public.t", ""},
      {"", "ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id)", ""},
      {"", "ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED", "deferrable primary key"},
      {"", "ALTER TABLE public.t DROP CONSTRAINT t_pkey", "no primary key"},
      {"", kFull, "another replica identity"},
      {"", "ALTER TABLE public.t REPLICA IDENTITY NOTHING", "REPLICA IDENTITY NOTHING"},
      {kIndex, "DROP INDEX public.t_ten", "lost its replica identity index"},
      {kIndex, "CREATE UNIQUE INDEX t_ten2 ON public.t (ten); ALTER TABLE public.t REPLICA IDENTITY USING INDEX t_ten2; DROP INDEX public.t_ten", ""},
      {kIndex, "CREATE UNIQUE INDEX t_both ON public.t (ten, id); ALTER TABLE public.t REPLICA IDENTITY USING INDEX t_both", "another key"}};
  for (const KeyCase& given : cases) {
    SCOPED_TRACE(std::string(given.before) + " / " + given.change);
    begin({"", "", "", ""});
    if (*given.before != '\0') sql(given.before);
    const std::vector<MirrorTable> tables = set_up();
    // Not within a transaction block, as REINDEX CONCURRENTLY wants it.
    for (std::string rest = given.change; !rest.empty();) {
      const std::size_t at = rest.find("; ");
      sql(rest.substr(0, at));
      rest = at == std::string::npos ? "" : rest.substr(at + 2);
    }
    const ErrorText text = opened(tables);
    if (*given.words == '\0') {
      EXPECT_EQ(text.message, "");
    } else {
      EXPECT_NE(text.message.find(given.words), std::string::npos) << "said: " << text.message;
    }
    end();
  }
}

TEST_F(RealCoverage, WhatLosesNothingDoesNotStopTheMirror) {
  const std::string role = "owner_" + database_;
  sql("CREATE ROLE " + role + " SUPERUSER");
  const std::string owner = "ALTER PUBLICATION p OWNER TO " + role;
  const std::vector<Case> cases = {
      {"another table", "", "ALTER PUBLICATION p ADD TABLE public.other; ALTER PUBLICATION p DROP TABLE public.other", ""},
      {"set to more tables", "FOR TABLE ONLY public.t", "ALTER PUBLICATION p SET TABLE ONLY public.t, public.other", ""},
      {"comment", "", "COMMENT ON PUBLICATION p IS 'ours'", ""},
      {"owner", "FOR TABLE public.t", owner.c_str(), ""},
      {"a second publication", "FOR ALL TABLES",
       "CREATE PUBLICATION q FOR TABLE public.t; ALTER PUBLICATION q SET (publish = 'insert'); DROP PUBLICATION q", ""},
      {"its schema too", "FOR TABLE public.t", "ALTER PUBLICATION p ADD TABLES IN SCHEMA public", "", 150000},
      {"rewritten", "FOR ALL TABLES", "ALTER TABLE public.t SET (fillfactor = 50); TRUNCATE public.t; ALTER TABLE public.t ADD b int DEFAULT 4", ""},
      {"written anew", "FOR ALL TABLES", "VACUUM FULL public.t", ""},
      {"clustered", "FOR ALL TABLES", "CLUSTER public.t USING t_pkey", ""},
      {"written anew for a column", "FOR ALL TABLES", "ALTER TABLE public.t ADD r float DEFAULT random()", ""},
      {"another table's key", "FOR ALL TABLES", "ALTER TABLE public.other DROP CONSTRAINT other_pkey", ""}};
  each(cases);
  sql("DROP OWNED BY " + role + " CASCADE; DROP ROLE " + role);
}

TEST_F(RealCoverage, APartitionThatWasDetachedForAWhileIsNoticed) {
  sql("CREATE TABLE public.root (id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE public.leaf PARTITION OF public.root FOR VALUES FROM (0) TO (100);"
      "CREATE PUBLICATION p FOR TABLE public.root");
  map("public.leaf");
  mirror_.options["publication_name"] = "p";
  const std::vector<MirrorTable> tables = set_up();
  EXPECT_EQ(opened(tables).message, "");
  stream_.reset();
  sql("ALTER TABLE public.root DETACH PARTITION public.leaf");
  EXPECT_NE(opened(tables).message.find("taken out"), std::string::npos);
  sql("ALTER TABLE public.root ATTACH PARTITION public.leaf FOR VALUES FROM (0) TO (100)");
  EXPECT_NE(opened(tables).message.find("for a while"), std::string::npos);
  source().drop(true, wait_);
}

// After an owner's change the next gap is compared with what is noted then.
TEST_F(RealCoverage, AnotherOwnerIsNotedAndHidesNoLaterGap) {
  const std::string role = "owner_" + database_;
  sql("CREATE ROLE " + role + " SUPERUSER");
  begin({"", "FOR TABLE public.t", "", ""});
  std::vector<MirrorTable> tables = set_up();
  sql("ALTER PUBLICATION p OWNER TO " + role);
  EXPECT_EQ(opened(tables).message, "");
  const auto noted = stream_->noted();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_TRUE(stream_->noted().empty());
  tables[0].coverage = noted[0].second;
  stream_.reset();
  sql(std::string(kLess) + ";" + kAll);
  EXPECT_NE(opened(tables).message.find("was altered"), std::string::npos);
  end();
  sql("DROP PUBLICATION p; DROP ROLE " + role);
}

TEST_F(RealCoverage, WhatAnEarlierVersionDidNotNoteIsLearnedOnce) {
  begin({"", "", "", ""});
  std::vector<MirrorTable> tables = set_up();
  const CoverageNote whole = tables[0].coverage;
  tables[0].coverage = CoverageNote{};
  EXPECT_EQ(opened(tables).message, "");
  auto noted = stream_->noted();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].second, whole);
  stream_.reset();
  tables[0].coverage.paths = whole.paths;  // All that an earlier version noted.
  sql("ALTER PUBLICATION p DROP TABLE public.t; ALTER PUBLICATION p ADD TABLE public.t");
  EXPECT_NE(opened(tables).message.find("for a while"), std::string::npos);
  tables[0].coverage = CoverageNote{};
  sql("ALTER TABLE public.t REPLICA IDENTITY DEFAULT, DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (ten, id)");
  EXPECT_NE(opened(tables).message.find("another key"), std::string::npos);
  end();
}

TEST_F(RealCoverage, AStreamThatIsNeverIdleNoticesAGapAllTheSame) {
  begin({"", "", "", ""});
  ASSERT_EQ(opened(set_up()).message, "");
  sql(std::string(kLess) + ";" + kAll);
  try {
    for (int i = 0;; ++i) {
      wait_.check("noticing the gap");
      sql("INSERT INTO public.t VALUES (" + std::to_string(i) + ", " + std::to_string(i) + ")");
      stream_->read(builder_, Wait::at_most(100ms));
    }
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("was altered"), std::string::npos) << error.text.message;
  }
  end();
}

// Rows of another key must not be merged by the old one while the look is awaited.
TEST_F(RealCoverage, WithFullAnotherPrimaryKeyIsNoticedBeforeItsRowsAreHandedOut) {
  begin({"", "", "", ""});
  sql("ALTER TABLE public.t REPLICA IDENTITY FULL");
  ASSERT_EQ(opened(set_up()).message, "");
  sql("INSERT INTO public.t VALUES (5, 1)");
  while (builder_.empty()) stream_->read(builder_, Wait::at_most(200ms));
  sql("ALTER TABLE public.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (ten, id); INSERT INTO public.t VALUES (5, 2)");
  try {
    for (;;) {
      wait_.check("noticing the key");
      stream_->read(builder_, Wait::at_most(200ms));
    }
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("another key"), std::string::npos) << error.text.message;
  }
  EXPECT_EQ(builder_.size(), 1u);
  end();
}

// Its last changes may lie in the WAL behind the slot's start, under the name that the new one has now.
TEST_F(RealCoverage, APredecessorsChangesDoNotFailTheTableThatTookItsName) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES");
  map("public.t");
  mirror_.options["publication_name"] = "p";
  start_ = source().ensure_slot(false, {}, wait_).consistent_point;
  sql("INSERT INTO public.t VALUES (1)");
  sql("DROP TABLE public.t; CREATE TABLE public.t (id int PRIMARY KEY)");
  std::vector<MirrorTable> tables = source().describe(wait_);
  tables[0].start = source().insert_position(wait_);
  sql("INSERT INTO public.t VALUES (2)");
  ASSERT_EQ(opened(tables).message, "");
  const Lsn end = source().insert_position(wait_);
  sql("SELECT pg_logical_emit_message(true, 'test', '')");
  while (builder_.complete_to() <= end) stream_->read(builder_, Wait::at_most(200ms));
  const auto batch = builder_.take();
  ASSERT_EQ(batch->size(), 1u);
  EXPECT_EQ(batch->changes()[0].row[0].bytes, "2");
}

TEST_F(RealCoverage, WhatPublishingWouldBreakIsRefusedBeforeAnythingIsMade) {
  struct Unfit {
    const char *definition, *words, *cure;
    int since = 0;
  };
  const std::vector<Unfit> cases = {
      {"(id int PRIMARY KEY DEFERRABLE)", "deferrable primary key", "DROP CONSTRAINT \"x_pkey\", ADD CONSTRAINT \"x_pkey\" PRIMARY KEY (id)"},
      {"(id int PRIMARY KEY DEFERRABLE); ALTER TABLE public.x REPLICA IDENTITY FULL", "deferrable primary key", "PRIMARY KEY (id)"},
      {"(id int PRIMARY KEY); ALTER TABLE public.x REPLICA IDENTITY NOTHING", "REPLICA IDENTITY NOTHING", "REPLICA IDENTITY DEFAULT"},
      {"(id int)", "no primary key", "ADD PRIMARY KEY"},
      {"(id int UNIQUE)", "no primary key", "ADD PRIMARY KEY"},
      {"(id int, a int GENERATED ALWAYS AS (id + 1) STORED); ALTER TABLE public.x REPLICA IDENTITY FULL", "generated columns", "ADD PRIMARY KEY", 180000},
      {"(id int) PARTITION BY RANGE (id); ALTER TABLE public.x REPLICA IDENTITY FULL", "no primary key", "ADD PRIMARY KEY"},
      {"(id int PRIMARY KEY, k int NOT NULL); CREATE UNIQUE INDEX x_k ON public.x (k);"
       "ALTER TABLE public.x REPLICA IDENTITY USING INDEX x_k; DROP INDEX public.x_k", "lost its replica identity index", "REPLICA IDENTITY DEFAULT"},
      {"(a int, id int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY)", "generated", ""},
      {"(id int PRIMARY KEY, a int GENERATED ALWAYS AS (id + 1) STORED); ALTER TABLE public.x REPLICA IDENTITY FULL",
       "generated columns", "REPLICA IDENTITY DEFAULT", 180000},
      {"(id int PRIMARY KEY, a int GENERATED ALWAYS AS (id + 1) VIRTUAL); ALTER TABLE public.x REPLICA IDENTITY FULL",
       "generated columns", "REPLICA IDENTITY DEFAULT", 180000}};
  map("public.x");
  for (const Unfit& given : cases) {
    if (connection_->server_version() < given.since) continue;
    SCOPED_TRACE(given.definition);
    sql(std::string("DROP TABLE IF EXISTS public.x; CREATE TABLE public.x ") + given.definition);
    const Problems problems = source().preflight(wait_);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].text.message.find(given.words), std::string::npos) << problems[0].text.message;
    EXPECT_NE(problems[0].cure_sql.find(given.cure), std::string::npos) << problems[0].cure_sql;
    EXPECT_EQ(problems[0].text.table, "public.x");
    EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 0);
  }
  for (const char* table : {"(id int PRIMARY KEY DEFERRABLE, k int NOT NULL UNIQUE); ALTER TABLE public.x REPLICA IDENTITY USING INDEX x_k_key",
                            "(id int PRIMARY KEY, k int UNIQUE DEFERRABLE)"}) {
    sql(std::string("DROP TABLE IF EXISTS public.x; CREATE TABLE public.x ") + table);
    EXPECT_TRUE(source().preflight(wait_).empty()) << table;
  }
  mirror_.tables.clear();
  source_.reset();
  map("information_schema.sql_features");
  EXPECT_NE(source().preflight(wait_).at(0).text.message.find("server's own"), std::string::npos);
}

}  // namespace
}  // namespace peerd
