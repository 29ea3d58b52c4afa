#include "real_stream.h"

// A mirrored table that is altered, seen at the stream: what is followed, what is read again, and what stops it.
namespace peerd {
namespace {

// A Relation message knows columns by their order and names; what they are, their numbers, only the catalog tells.
TEST_F(RealStream, AColumnIsItsNumberAndNotItsName) {
  const std::map<std::string, std::string> changes = {
      {"ALTER TABLE t DROP q; ALTER TABLE t ADD q int", "has lost column \"q\", which was dropped, and others came"},
      {"ALTER TABLE t DROP p; ALTER TABLE t ADD p int", "has lost column \"p\", which was dropped, and others came"},
      {"ALTER TABLE t ALTER g DROP EXPRESSION", "which of them a row has cannot be told"},
      {"ALTER TABLE t ADD n int; INSERT INTO t VALUES (2); ALTER TABLE t DROP n; ALTER TABLE t ADD n int",
       "which of them a row has cannot be told"}};
  sql("SET search_path = public");
  map("public.t", {"s"});
  for (const auto& [change, words] : changes) {
    sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, s int, p int, q int, g int GENERATED ALWAYS AS (1) "
        "STORED); INSERT INTO t VALUES (0)");
    open_anew();
    sql("INSERT INTO t VALUES (1)");
    EXPECT_EQ(read(), "i t 1 null null\n");
    for (const std::string& statement : split(change, ';')) sql(statement);
    sql("INSERT INTO t VALUES (7)");
    const ErrorText text = error();
    EXPECT_EQ(text.code, ErrorCode::schema_changed) << change;
    EXPECT_EQ(text.table, "public.t");
    EXPECT_NE(text.message.find(words), std::string::npos) << change << ": " << text.message;
    EXPECT_NE(text.hint, "");
    stream_.reset();
    builder_ = BatchBuilder();
    try {  // Nor does a start go on from there.
      open(tables_);
      EXPECT_EQ(read(), "an error") << change;
    } catch (const Error& again) {
      EXPECT_EQ(again.text.code, ErrorCode::schema_changed) << change;
    }
  }
}

// Names are given anew in every way: no value comes under another column's name, in the stream and when it comes again.
TEST_F(RealStream, ARenamedColumnIsFollowedByItsNumber) {
  const std::vector<std::pair<std::string, std::string>> changes = {
      {"ALTER TABLE t RENAME q TO q_old; ALTER TABLE t ADD q int; INSERT INTO t VALUES (7, 2, 3, 4, DEFAULT, 5)",
       "shape: id integer p integer q_old integer\nshape: id integer p integer q_old integer q integer\ni t 7 3 4 5\n"},
      {"ALTER TABLE t RENAME p TO x; ALTER TABLE t RENAME q TO p; ALTER TABLE t RENAME x TO q; INSERT INTO t VALUES (7, 2, 3, 4)",
       "shape: id integer q integer p integer\ni t 7 3 4\n"},
      {"ALTER TABLE t RENAME s TO was_s; INSERT INTO t VALUES (7, 2, 3, 4)", "i t 7 3 4\n"},
      {"ALTER TABLE t RENAME s TO x; ALTER TABLE t RENAME p TO s; ALTER TABLE t RENAME x TO p; INSERT INTO t VALUES (7, 2, 3, 4)",
       "shape: id integer s integer q integer\ni t 7 3 4\n"},
      {"ALTER TABLE t ADD n int; INSERT INTO t VALUES (2, 2, 2, 2, DEFAULT, 2); ALTER TABLE t RENAME n TO m; INSERT INTO t VALUES (7, 2, 3, 4, DEFAULT, 5)",
       "shape: id integer p integer q integer n integer\ni t 2 2 2 2\nshape: id integer p integer q integer m integer\ni t 7 3 4 5\n"},
      // Back as it was when anybody looks: only the order of what was sent in between tells.
      {"ALTER TABLE t RENAME p TO x; ALTER TABLE t RENAME q TO p; ALTER TABLE t RENAME x TO q; INSERT INTO t VALUES (2, 2, 3, 4);"
       "ALTER TABLE t RENAME p TO x; ALTER TABLE t RENAME q TO p; ALTER TABLE t RENAME x TO q; INSERT INTO t VALUES (7, 2, 3, 4)",
       "shape: id integer q integer p integer\ni t 2 3 4\nshape: id integer p integer q integer\ni t 7 3 4\n"},
      {"ALTER TABLE t RENAME id TO k; INSERT INTO t VALUES (7, 2, 3, 4)", "shape: k integer p integer q integer\ni t 7 3 4\n"},
      {"ALTER TABLE t RENAME q TO r; INSERT INTO t VALUES (2, 2, 3, 4); ALTER TABLE t DROP p; INSERT INTO t VALUES (7, 2, 4)",
       "shape: id integer p integer r integer\ni t 2 3 4\nshape: id integer r integer\ni t 7 4\n"}};
  sql("SET search_path = public");
  map("public.t", {"s"});
  for (const auto& [change, told] : changes) {
    for (const bool at_once : {false, true}) {
      sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, s int, p int, q int, g int GENERATED ALWAYS AS (1) "
          "STORED); INSERT INTO t VALUES (0)");
      shaped_at_ = Lsn{};
      open_anew();
      sql("INSERT INTO t VALUES (1, 1, 1, 1)");
      shaped_ = tables_[0];
      if (at_once) {
        sql("BEGIN; " + change + "; COMMIT");
      } else {
        for (const std::string& statement : split(change, ';')) sql(statement);
      }
      EXPECT_EQ(read(), "i t 1 1 1\n" + told) << change;
      expect_all_again("i t 1 1", change);
    }
  }
  shaped_at_ = Lsn{};
}

TEST_F(RealStream, WhatOlderRowsHoldInAnAddedColumnIsExact) {
  sql("CREATE TYPE public.pair AS (a text, b text); CREATE DOMAIN public.few AS int[] DEFAULT '{7}';"
      "CREATE TABLE public.t (id int PRIMARY KEY); INSERT INTO public.t VALUES (1)");
  map("public.t");
  open(set_up());
  sql("ALTER TABLE public.t ADD b box DEFAULT '((1,2),(3,4))', ADD bs box[] DEFAULT '{(1,1),(0,0);(2,2),(1,1)}',"
      " ADD c public.pair DEFAULT '(\"a,b\",\"c \"\"d\\\\\")', ADD i int[] DEFAULT '{{1,NULL},{3,4}}', ADD f public.few,"
      " ADD s text DEFAULT 'a,\"b\\{}', ADD e text DEFAULT '', ADD n text DEFAULT 'NULL', ADD z char(3) DEFAULT 'x'");
  sql("INSERT INTO public.t VALUES (2)");
  const std::string text = read();
  const auto row = sql("SELECT b, bs, c, i, f, s, e, n, z FROM public.t WHERE id = 1");
  const std::size_t last = text.rfind("i t 2");
  std::string from_wal = "i t 2", from_table = from_wal;
  for (int i = 0; i < row.columns(); ++i) from_table += " " + row.string(0, i);
  EXPECT_EQ(text.substr(last), from_table + "\n") << "the default of new rows is what older ones show";
  EXPECT_NE(text.find("b box=(3,4),(1,2) bs box[]={(1,1),(0,0);(2,2),(1,1)} c public.pair=" + row.string(0, 2) +
                      " i integer[]={{1,NULL},{3,4}} f public.few=" + (row.null(0, 4) ? "" : row.string(0, 4))),
            std::string::npos)
      << text;
  EXPECT_TRUE(words_.empty()) << words_[0];
}

TEST_F(RealStream, WhatOlderRowsHoldIsReadAtTheSourceWhereNothingTellsIt) {
  const std::vector<std::string> changes = {
      "ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid(); ALTER TABLE t ALTER c DROP DEFAULT",
      "ALTER TABLE t ADD c serial", "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY",
      "ALTER TABLE t ADD c float DEFAULT random()", "ALTER TABLE t ADD c int DEFAULT 5; VACUUM FULL t",
      "ALTER TABLE t ADD c int DEFAULT 5; ALTER TABLE t ALTER c TYPE int USING c + id",
      "ALTER TABLE t ADD c positive DEFAULT 7", "ALTER TABLE t ADD c int; UPDATE t SET c = id; CLUSTER t USING t_pkey",
      "ALTER TABLE t ADD c int GENERATED ALWAYS AS (id * 2) STORED; ALTER TABLE t ALTER c DROP EXPRESSION"};
  sql("SET search_path = public; CREATE DOMAIN positive AS int CHECK (VALUE > 0)");
  map("public.t");
  for (const std::string& change : changes) {
    sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT g, 'x' FROM "
        "generate_series(1, 300) g");
    open_anew();
    rows_ = shown();
    words_.clear();
    for (const std::string& statement : split(change, ';')) sql(statement);
    sql("DELETE FROM t WHERE id = 3");
    sql("INSERT INTO t (id, a) VALUES (1000, 'new')");
    read();
    read();
    EXPECT_EQ(rows_, shown()) << change;
    EXPECT_EQ(notes_.read_again, Lsn{}) << change;
    ASSERT_EQ(words_.size() % 2, 0u) << change;
    ASSERT_GE(words_.size(), 2u) << change;
    EXPECT_NE(words_[0].find("public.t has gained column \"c\""), std::string::npos) << words_[0];
  }
}

TEST_F(RealStream, ATableThatIsLockedWhileItIsToBeReadHoldsUpNoOther) {
  sql("SET search_path = public; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 300);"
      "CREATE TABLE u (id int PRIMARY KEY)");
  map("public.t");
  map("public.u");
  open(set_up());
  rows_ = shown();
  sql("ALTER TABLE t ADD c float DEFAULT random()");
  sql("INSERT INTO t VALUES (301, 1)");
  const auto other = connect();
  other->run("BEGIN; LOCK TABLE public.t", wait_);
  read();
  EXPECT_NE(notes_.read_again, Lsn{});
  sql("INSERT INTO u VALUES (1000)");
  EXPECT_EQ(read(), "i u 1000\n");
  EXPECT_NE(notes_.read_again, Lsn{});
  other->run("COMMIT", wait_);
  while (notes_.read_again != Lsn{}) read();
  rows_.erase("1000");
  EXPECT_EQ(rows_, shown());
}

// The WAL tells nothing of these. They are noticed by a later look at the catalog: here that of a start.
TEST_F(RealStream, ValuesThatChangeWithoutAChangeOfARowAreReadAgain) {
  const std::map<std::string, std::string> changes = {
      {"ALTER TABLE t ALTER n TYPE int USING n + 1000", "TYPE ... USING"},
      {"ALTER TABLE t ALTER n TYPE bigint; ALTER TABLE t ALTER n TYPE int USING 7; VACUUM FULL t", "TYPE ... USING"},
      {"ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "label 'ok' is now 'fine'"},
      {"ALTER TYPE mood RENAME VALUE 'sad' TO 'x'; ALTER TYPE mood RENAME VALUE 'ok' TO 'sad'", "label 'sad' is now 'x'"},
      {"ALTER TYPE pair ADD ATTRIBUTE z int", "attribute z integer is new"},
      {"ALTER TYPE pair DROP ATTRIBUTE m", "is gone"}};
  sql("SET search_path = public");
  map("public.t");
  for (const auto& [change, words] : changes) {
    sql("DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS pair, mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "CREATE TYPE pair AS (m mood, n int); CREATE DOMAIN mine AS mood[]; CREATE TABLE t (id int PRIMARY KEY, n int,"
        " m mood, a mine, p pair); INSERT INTO t SELECT g, g, 'ok', '{sad,ok}', '(ok,1)' FROM generate_series(1, 50) g");
    open_anew();
    rows_ = shown();
    words_.clear();
    stream_.reset();
    for (const std::string& statement : split(change, ';')) sql(statement);
    open(tables_);
    sql("INSERT INTO t VALUES (51, 1)");
    read();
    read();
    EXPECT_EQ(rows_, shown()) << change;
    ASSERT_EQ(words_.size(), 2u) << change;
    EXPECT_NE(words_[0].find(words), std::string::npos) << change << ": " << words_[0];
    EXPECT_EQ(notes_.read_again, Lsn{});
    sql("DROP DOMAIN mine CASCADE");
  }
}

// To read them again would put each row there once more, under its new key, and leave it under its old one.
TEST_F(RealStream, AKeysValuesThatChangeWithoutAChangeOfARowStopTheMirror) {
  struct Case {
    const char *before, *change, *words;
  };
  const std::vector<Case> cases = {
      {"", "ALTER TABLE t ALTER id TYPE int USING id + 1000", "TYPE ... USING"},
      {"", "ALTER TABLE t ALTER id TYPE bigint; ALTER TABLE t ALTER id TYPE int USING 9 - id; VACUUM FULL t", "TYPE ... USING"},
      // Coverage sees the constraint made anew first.
      {"ALTER TABLE t REPLICA IDENTITY FULL", "ALTER TABLE t ALTER id TYPE int USING id + 1000", "primary key dropped and made again"},
      {"CREATE UNIQUE INDEX u ON t (n); ALTER TABLE t REPLICA IDENTITY USING INDEX u", "ALTER TABLE t ALTER n TYPE int USING n + 1000",
       "TYPE ... USING"},
      {"", "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "label 'ok' is now 'fine'; older rows hold the old text; it is of the key"},
      {"", "ALTER TYPE pair ADD ATTRIBUTE z int", "attribute z integer is new"},
      {"", "ALTER TYPE pair DROP ATTRIBUTE k", "attribute k integer is gone"}};
  sql("SET search_path = public");
  map("public.t");
  for (const auto& [before, change, words] : cases) {
    for (const bool live : {true, false}) {
      if (live && std::string_view(change).find("ATTRIBUTE") != std::string_view::npos) continue;  // As with a label.
      SCOPED_TRACE(std::string(change) + (live ? ", live" : ", at a start"));
      sql("DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS pair, mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'ok');"
          "CREATE DOMAIN mine AS mood; CREATE TYPE pair AS (m mine[], k int); CREATE TABLE t (id int, n int NOT NULL, p pair,"
          " a text, PRIMARY KEY (id, p)); INSERT INTO t SELECT g, g, '({ok},1)' FROM generate_series(1, 5) g");
      for (const std::string& statement : split(before, ';')) sql(statement);
      open_anew();
      words_.clear();
      if (!live) stream_.reset();
      for (const std::string& statement : split(change, ';')) sql(statement);
      sql("UPDATE t SET a = 'x' WHERE n = (SELECT max(n) FROM t)");
      if (live) {
        // Of an altered type the stream tells nothing: it is noticed in time.
        std::string text;
        const ErrorText said = error_in_time(text);
        EXPECT_EQ(said.code, ErrorCode::schema_changed);
        EXPECT_NE(said.message.find(words), std::string::npos) << said.message;
        EXPECT_NE(said.hint.find("RESYNC TABLE"), std::string::npos) << said.hint;
        stream_.reset();
        builder_ = BatchBuilder();
      }
      try {
        open(tables_);
        ADD_FAILURE() << "it goes on";
      } catch (const Error& error) {
        EXPECT_EQ(error.text.code, ErrorCode::schema_changed);
        EXPECT_NE(error.text.message.find(words), std::string::npos) << error.text.message;
      }
      EXPECT_TRUE(words_.empty()) << words_[0];
      sql("DROP DOMAIN mine CASCADE");
    }
  }
}

TEST_F(RealStream, MaintenanceOfATableIsNoDoubt) {
  const std::vector<std::string> changes = {
      "ANALYZE t", "VACUUM t", "VACUUM FULL t", "CLUSTER t USING t_pkey", "ALTER TABLE t ALTER n SET STATISTICS 500",
      "ALTER TABLE t ALTER n SET NOT NULL", "ALTER TABLE t ALTER n SET DEFAULT 5", "GRANT SELECT (n) ON t TO PUBLIC",
      "CREATE INDEX ON t (n)", "REINDEX TABLE t", "COMMENT ON COLUMN t.n IS 'x'", "ALTER TABLE t ALTER v TYPE text",
      "TRUNCATE t", "ALTER TYPE mood ADD VALUE 'new' BEFORE 'sad'", "ALTER TABLE t ALTER v SET STORAGE EXTERNAL",
      "ALTER TABLE t ADD k int", "ALTER TABLE t ADD k int DEFAULT 5", "ALTER TABLE t ALTER d SET NOT NULL; VACUUM FULL t",
      // The key's own column.
      "ALTER TABLE t ALTER id SET STATISTICS 500; VACUUM FULL t", "ALTER TABLE t ALTER id TYPE int", "REINDEX TABLE CONCURRENTLY t",
      "ALTER TABLE t ALTER id SET STATISTICS 500; REINDEX TABLE CONCURRENTLY t; VACUUM FULL t",
      "ALTER TYPE pair RENAME ATTRIBUTE x TO z", "ALTER TYPE mood RENAME TO feeling; ALTER TYPE feeling SET SCHEMA away"};
  sql("SET search_path = public, away; CREATE SCHEMA away; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (x int, y mood)");
  map("public.t");
  for (const std::string& change : changes) {
    sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, n int, m mood, v text, d int DEFAULT 5, p pair DEFAULT '(1,sad)',"
        " PRIMARY KEY (id, p));"
        " ALTER TABLE t ADD f int DEFAULT 5; INSERT INTO t SELECT g, g FROM generate_series(1, 50) g");
    open_anew();
    words_.clear();
    for (const std::string& statement : split(change, ';')) sql(statement);
    sql("INSERT INTO t VALUES (51, 1)");
    read();
    stream_.reset();
    builder_ = BatchBuilder();
    open(tables_);
    sql("INSERT INTO t VALUES (52, 1)");
    read();
    EXPECT_TRUE(words_.empty()) << change << ": " << words_[0];
  }
}

// A yen has no hundredths. What a session counts with is what the database said when it began.
TEST_F(RealStream, MoneyThatComesToBeCountedOtherwiseStopsTheMirror) {
  const std::string yen = "ALTER DATABASE " + database_ + " SET lc_monetary = 'ja_JP.utf8'";
  const std::string own = "ALTER DATABASE " + database_ + " RESET lc_monetary";
  try {
    sql(yen + ";" + own);
  } catch (const Error&) {
    GTEST_SKIP() << "the server has no yen";
  }
  const auto stopped = [&](const auto& action) {
    try {
      action();
      ADD_FAILURE() << "it goes on";
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::schema_changed);
      EXPECT_NE(error.text.message.find("column \"m\" of table public.t is money"), std::string::npos) << error.text.message;
      EXPECT_NE(error.text.hint.find("TYPE numeric"), std::string::npos) << error.text.hint;
    }
    builder_ = BatchBuilder();
  };
  sql("CREATE DOMAIN public.price AS money; CREATE TABLE public.t (id int PRIMARY KEY, x money)");
  map("public.t", {"x"});
  tables_ = set_up();
  open(tables_);
  sql(yen);
  sql("ALTER TABLE public.t ADD m public.price[] DEFAULT '{7}'; INSERT INTO public.t VALUES (1)");
  stopped([&] { read(); });
  stream_.reset();
  stopped([&] { source().describe(wait_); });  // As a copy that starts anew does.
  open(tables_);
  stopped([&] { read(); });
  stream_.reset();
  sql(own);
  open(tables_);
  EXPECT_EQ(read(), "shape: id integer m public.price[]={$7.00}\ni t 1 {$7.00}\n");
  stream_.reset();
  tables_ = source().describe(wait_);
  tables_[0].start = start_;
  sql(yen);
  stopped([&] { open(tables_); });
}

// Said once, where the mirror begins, and of a column that comes later.
TEST_F(RealStream, ColumnsThatTellObjectsByTheirNamesAreSaid) {
  sql("CREATE DOMAIN public.rel AS regclass; CREATE TYPE public.pair AS (n int, r public.rel[]);"
      "CREATE TABLE public.t (id int PRIMARY KEY, p public.pair, x regtype, a oid); CREATE TABLE public.u (id int PRIMARY KEY)");
  map("public.t", {"x"});
  map("public.u");
  std::vector<MirrorTable> tables = set_up();
  open(tables);
  sql("INSERT INTO public.t VALUES (1)");
  EXPECT_EQ(read(), "i t 1 null null\n");
  ASSERT_EQ(words_.size(), 1u);
  EXPECT_NE(words_[0].find("table public.t tells objects of the source by their names, in column \"p\" ("), std::string::npos) << words_[0];
  stream_.reset();
  start_ = source().insert_position(wait_);
  builder_ = BatchBuilder();
  open(tables);
  sql("ALTER TABLE public.u ADD r regrole, ADD g aclitem[]; INSERT INTO public.u VALUES (1)");
  read();
  ASSERT_EQ(words_.size(), 2u);
  EXPECT_NE(words_[1].find("table public.u tells objects of the source by their names, in column \"r\", \"g\" ("), std::string::npos) << words_[1];
}

// Another name, or another table under its name, is a matter of now: what its OID says was always the table's.
TEST_F(RealStream, ATableIsItsOidWhateverItWasCalledInBetween) {
  const std::string swap = "BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE n RENAME TO t; COMMIT";
  const std::string back = "BEGIN; ALTER TABLE t RENAME TO n; ALTER TABLE t_old RENAME TO t; COMMIT";
  struct Case {
    std::string away, other, back;
  };
  const std::vector<Case> cases = {
      {"ALTER TABLE t RENAME TO t_old", "t_old", "ALTER TABLE t_old RENAME TO t"},
      {"ALTER SCHEMA public RENAME TO other", "other.t", "ALTER SCHEMA other RENAME TO public"},
      {swap + "; INSERT INTO t VALUES (100)", "t_old", back}};
  sql("SET search_path = public, other; CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE n (id int PRIMARY KEY);"
      " CREATE PUBLICATION p FOR ALL TABLES");
  mirror_.options["publication_name"] = "p";
  map("public.t");
  for (const auto& [away, other, there] : cases) {
    SCOPED_TRACE(away);
    sql("TRUNCATE t");
    open_anew();
    for (const std::string& statement : split(away, ';')) sql(statement);
    sql("INSERT INTO " + other + " VALUES (1)");
    std::string text;
    const ErrorText said = error_in_time(text);
    EXPECT_NE(said.message.find("is now called"), std::string::npos) << said.message;
    EXPECT_NE(said.hint.find("rename it back and RESUME MIRROR"), std::string::npos) << said.hint;
    EXPECT_TRUE(text.empty() || text == "i t 1\n") << text;
    stream_.reset();
    builder_ = BatchBuilder();
    for (const std::string& statement : split(there, ';')) sql(statement);
    sql("INSERT INTO t VALUES (2)");
    open(tables_);
    EXPECT_EQ(read(), "i t 1\ni t 2\n");
  }
}

TEST_F(RealStream, ATableThatAnOlderVersionStoredIsLearnt) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int, x int)");
  map("public.t", {"x"});
  auto tables = set_up();
  for (Column& column : tables[0].schema.columns) column.number = 0;
  tables[0].notes = {};
  open(tables);
  sql("INSERT INTO public.t VALUES (1)");
  EXPECT_EQ(read(), "i t 1 null\n");
  EXPECT_EQ(notes_.last_number, 3);
  EXPECT_EQ(notes_.excluded.size(), 1u);
  sql("ALTER TABLE public.t RENAME a TO b");
  stream_.reset();
  try {
    open(tables);
    FAIL() << "a table that is not what it was";
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::schema_changed);
  }
}

TEST_F(RealStream, AnIdentityIndexThatIsGoneIsSaidWithTheCure) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, u int NOT NULL); CREATE UNIQUE INDEX u ON public.t (u);"
      "ALTER TABLE public.t REPLICA IDENTITY USING INDEX u");
  map("public.t");
  open(set_up());
  sql("DROP INDEX public.u; INSERT INTO public.t VALUES (1, 1)");
  const ErrorText text = error();
  EXPECT_EQ(text.code, ErrorCode::schema_changed);
  EXPECT_NE(text.hint.find("ALTER TABLE \"public\".\"t\" REPLICA IDENTITY DEFAULT"), std::string::npos) << text.hint;
}

}  // namespace
}  // namespace peerd
