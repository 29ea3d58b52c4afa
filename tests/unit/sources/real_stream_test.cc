#include "real_stream.h"

namespace peerd {
namespace {

TEST_F(RealStream, DecodesEveryKindOfChange) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text, g int GENERATED ALWAYS AS (id + 1) STORED, s text);"
      "CREATE TABLE public.other (id int PRIMARY KEY)");
  map("public.t", {"s"});
  open(set_up());
  sql("INSERT INTO public.t (id, a, s) VALUES (1, 'one', 'x'), (2, NULL, 'y'), (3, '', 'z')");
  sql("UPDATE public.t SET a = 'uno' WHERE id = 1");
  sql("UPDATE public.t SET id = 20 WHERE id = 2");
  sql("DELETE FROM public.t WHERE id = 3");
  sql("INSERT INTO public.other VALUES (1)");
  sql("TRUNCATE public.t");
  EXPECT_EQ(read(), "i t 1 one\ni t 2 null\ni t 3 \nu t 1 uno\nu t 20 null was 2\nd t 3 null\nt t\n");
}

TEST_F(RealStream, UnchangedLargeValuesAreMarkedOrFilledWithFullIdentity) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, n int, big text); CREATE TABLE public.f (id int PRIMARY KEY, n int, "
      "big text);"
      "ALTER TABLE public.f REPLICA IDENTITY FULL");
  map("public.t");
  map("public.f");
  open(set_up());
  for (const char* table : {"public.t", "public.f"}) {
    const std::string name = table;
    sql("INSERT INTO " + name + " VALUES (1, 1, " + kBig + ")");
    sql("UPDATE " + name + " SET n = 2");
    sql("UPDATE " + name + " SET id = 9");
    sql("DELETE FROM " + name);
  }
  EXPECT_EQ(read(),
            "i t 1 1 128000B\nu t 1 2 same\nu t 9 2 same was 1\nd t 9 null null\n"
            "i f 1 1 128000B\nu f 1 2 128000B\nu f 9 2 128000B was 1\nd f 9 null null\n");
}

TEST_F(RealStream, AKeyStoredOutOfLineIsTakenFromTheOldRow) {
  sql("CREATE TABLE public.t (k text, n int, PRIMARY KEY (k)); ALTER TABLE public.t ALTER k SET STORAGE EXTERNAL");
  map("public.t");
  open(set_up());
  sql("INSERT INTO public.t VALUES (repeat('k', 2200), 1)");
  sql("UPDATE public.t SET n = 2");
  sql("DELETE FROM public.t");
  EXPECT_EQ(read(), "i t 2200B 1\nu t 2200B 2\nd t 2200B null\n");
}

TEST_F(RealStream, OldRowsAreThereForTargetsThatAskForThem) {
  sql("CREATE TABLE public.t (k text PRIMARY KEY, n int); CREATE TABLE public.f (id int PRIMARY KEY, secret text, n int, big text);"
      "ALTER TABLE public.t ALTER k SET STORAGE EXTERNAL; ALTER TABLE public.f REPLICA IDENTITY FULL");
  map("public.t");
  map("public.f", {"secret"});
  open(set_up());
  const std::string changes = "INSERT INTO public.f VALUES (1, 'x', 1, " + std::string(kBig) + "); UPDATE public.f SET n = 2; UPDATE public.f SET id = 9, big = NULL;"
                              "DELETE FROM public.f; INSERT INTO public.t VALUES (repeat('k', 2200), 1), ('a', 1); UPDATE public.t SET n = 2; DELETE FROM public.t";
  sql(changes);
  EXPECT_EQ(read(), "i f 1 1 128000B\nu f 1 2 128000B\nu f 9 2 null was 1\nd f 9 null null\n"
                    "i t 2200B 1\ni t a 1\nu t 2200B 2\nu t a 2\nd t 2200B null\nd t a null\n");
  builder_.keep_old_rows(true);
  sql(changes);
  // With FULL all that is mapped; else the key alone, where Postgres sends it though it stayed.
  EXPECT_EQ(read(), "i f 1 1 128000B\nu f 1 2 128000B old 1 1 128000B\nu f 9 2 null was 1 old 1 2 128000B\nd f 9 null null old 9 2 null\n"
                    "i t 2200B 1\ni t a 1\nu t 2200B 2 old 2200B same\nu t a 2\nd t 2200B null\nd t a null\n");
}

TEST_F(RealStream, AReplicaIdentityIndexIsTheKeyInItsOwnOrder) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX u ON public.t "
      "(b, a);"
      "ALTER TABLE public.t REPLICA IDENTITY USING INDEX u");
  map("public.t");
  const auto tables = set_up();
  EXPECT_EQ(tables[0].schema.key, (std::vector<std::uint16_t>{2, 1}));
  open(tables);
  sql("INSERT INTO public.t VALUES (1, 2, 3); UPDATE public.t SET b = 4; DELETE FROM public.t");
  EXPECT_EQ(read(), "i t 1 2 3\nu t 1 2 4 was 3 2\nd t null 2 4\n");
}

// Rule 5: a transaction's position is its end; from its commit on the server would send it again.
TEST_F(RealStream, AStartAtAPositionSendsNothingOfBeforeItAgain) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto tables = set_up();
  open(tables);
  sql("INSERT INTO public.t VALUES (1)");
  while (stream_->read(builder_, Wait::at_most(200ms)) != Got::commit) wait_.check("reading the stream");
  EXPECT_EQ(take(), "i t 1\n");
  start_ = builder_.complete_to();
  stream_.reset();
  builder_ = BatchBuilder();
  open(tables);
  sql("INSERT INTO public.t VALUES (2)");
  EXPECT_EQ(read(), "i t 2\n");
}

// Outside of transactions a message is sent when it is read, whatever became of the transaction that emitted it, and the
// position right behind it neither repeats it nor leaves out a commit that follows at once.
TEST_F(RealStream, LogicalMessagesKeepTheirPlaceAndComeOnce) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  mirror_.options["logical_messages"] = "out";
  const auto tables = set_up();
  open(tables);
  std::string seen;
  const auto messages = [&] {
    for (std::string::size_type before = seen.size(); seen.size() == before;) {
      wait_.check("reading the stream");
      if (stream_->read(builder_, Wait::at_most(200ms)) != Got::commit) continue;
      const auto batch = builder_.take();
      for (const MessageView& message : batch->messages()) {
        EXPECT_EQ(message.prefix, "out");
        EXPECT_EQ(message.transactional, message.xid != 0);
        EXPECT_LT(message.version.commit, batch->complete_to());
        seen += std::string(message.content) + (message.transactional ? " in " : " out ") + std::to_string(message.before) + "\n";
      }
      for (const ChangeView& change : batch->changes()) seen += "row" + cells(change.row) + "\n";
    }
  };
  const auto again = [&](Lsn from) {
    stream_.reset();
    start_ = from;
    builder_ = BatchBuilder();
    open(tables);
  };
  sql("BEGIN; SELECT pg_logical_emit_message(true, 'out', 'a'); INSERT INTO public.t VALUES (1); SELECT pg_logical_emit_message(false, 'out', 'n');"
      " SELECT pg_logical_emit_message(true, 'other', 'x'); SELECT pg_logical_emit_message(true, 'out', 'b'); COMMIT");
  messages();
  EXPECT_EQ(seen, "n out 0\n");
  again(builder_.complete_to());  // between the message and its transaction's commit
  seen.clear();
  messages();
  EXPECT_EQ(seen, "a in 0\nb in 1\nrow 1\n");
  sql("BEGIN; INSERT INTO public.t VALUES (2); SELECT pg_logical_emit_message(false, 'out', 'tight'); COMMIT");
  seen.clear();
  messages();
  EXPECT_EQ(seen, "tight out 0\n");
  again(builder_.complete_to());  // the commit's record begins just there
  messages();
  EXPECT_EQ(seen, "tight out 0\nrow 2\n");
  sql("BEGIN; SELECT pg_logical_emit_message(true, 'out', 'never'); SELECT pg_logical_emit_message(false, 'out', 'still'); ROLLBACK");
  for (int i = 0; i < 20; ++i) {
    sql("SELECT pg_logical_emit_message(false, 'out', 'm" + std::to_string(i) + "')");
    sql("INSERT INTO public.t VALUES (" + std::to_string(100 + i) + ")");
  }
  seen.clear();
  std::string expected = "still out 0\n";
  for (int i = 0; i < 20; ++i) expected += "m" + std::to_string(i) + " out 0\nrow " + std::to_string(100 + i) + "\n";
  while (seen.size() < expected.size()) {
    messages();
    again(builder_.complete_to());  // after each, as a crash would
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(RealStream, WithoutTheOptionNoMessageIsSent) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  open(set_up());
  sql("SELECT pg_logical_emit_message(false, 'out', 'n'); SELECT pg_logical_emit_message(true, 'out', 'n')");
  sql("INSERT INTO public.t VALUES (1)");
  while (stream_->read(builder_, Wait::at_most(200ms)) != Got::commit) wait_.check("reading the stream");
  const auto batch = builder_.take();
  EXPECT_EQ(batch->messages().size(), 0u);
  EXPECT_EQ(batch->size(), 1u);
}

TEST_F(RealStream, ALargeTransactionComesInParts) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text)");
  map("public.t");
  open(set_up());
  sql("INSERT INTO public.t SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i");
  const std::string text = read();
  EXPECT_EQ(text.substr(0, 10), "part\npart\n");
}

TEST_F(RealStream, AddedColumnsAreAShapeWithTheirMissingValues) {
  sql("CREATE TYPE public.mood AS ENUM ('sad', 'ok'); CREATE TABLE public.t (id int PRIMARY KEY, a text)");
  sql("INSERT INTO public.t VALUES (1, 'x')");
  map("public.t");
  open(set_up());
  sql("INSERT INTO public.t VALUES (2, 'y')");
  sql("ALTER TABLE public.t ADD b int DEFAULT 5, ADD m public.mood DEFAULT 'ok', ADD r int[] DEFAULT '{1,2}', ADD n "
      "numeric(8,2)");
  sql("INSERT INTO public.t (id) VALUES (3)");
  EXPECT_EQ(read(),
            "i t 2 y\nshape: id integer a text b integer=5 m public.mood=ok r integer[]={1,2} n numeric(8,2)\n"
            "i t 3 null 5 ok {1,2} null\n");
}

TEST_F(RealStream, AReplayFollowsTheOlderShapeUpToTheTransactionThatChangedIt) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto tables = set_up();
  open(tables);
  sql("BEGIN; INSERT INTO public.t VALUES (1); ALTER TABLE public.t ADD b int DEFAULT 5; INSERT INTO public.t VALUES "
      "(2, 6); COMMIT");
  const std::string live = read();
  EXPECT_EQ(live, "i t 1\nshape: id integer b integer=5\ni t 2 6\n");
  // Once more, from the start, with the new shape prepared as of that transaction.
  MirrorTable wide = source().describe(wait_)[0];
  wide.start = start_;
  stream_.reset();
  shaped_at_ = source().insert_position(wait_);
  builder_ = BatchBuilder();
  open({wide});
  EXPECT_EQ(read(), "i t 1 5\ni t 2 6\n");
}

TEST_F(RealStream, WhatIsNotAnAddedColumnStopsWithTheCure) {
  const std::map<std::string, std::string> changes = {
      {"ALTER TABLE public.t ALTER a TYPE varchar(20)", "another type"},
      {"ALTER TABLE public.t REPLICA IDENTITY FULL", "another replica identity"}};
  map("public.t");
  for (const auto& [change, words] : changes) {
    sql("DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int PRIMARY KEY, a text)");
    open_anew();
    sql(change);
    sql("INSERT INTO public.t VALUES (7)");
    const ErrorText text = error();
    EXPECT_EQ(text.code, ErrorCode::schema_changed) << change;
    EXPECT_EQ(text.retry, Retry::after_operator);
    EXPECT_NE((text.message + text.hint).find(words), std::string::npos)
        << change << ": " << text.message << " / " << text.hint;
  }
}

TEST_F(RealStream, ADefaultSetLaterIsNoVolatileDefault) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  open(set_up());
  sql("ALTER TABLE public.t ADD b int; ALTER TABLE public.t ALTER b SET DEFAULT 4; INSERT INTO public.t VALUES (1)");
  EXPECT_EQ(read(), "shape: id integer b integer\ni t 1 4\n");
}

TEST_F(RealStream, AnExcludedColumnMayChangeAsItLikes) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, x text, a int)");
  map("public.t", {"x"});
  open(set_up());
  sql("ALTER TABLE public.t ALTER x TYPE varchar(9); INSERT INTO public.t VALUES (1, 'q', 2)");
  sql("ALTER TABLE public.t DROP x; INSERT INTO public.t VALUES (2, 3)");
  EXPECT_EQ(read(), "i t 1 2\ni t 2 3\n");
}

TEST_F(RealStream, ChangesBeforeATablesStartAreLeftOut) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE TABLE public.u (id int PRIMARY KEY)");
  map("public.t");
  map("public.u");
  auto tables = set_up();
  sql("INSERT INTO public.t VALUES (1); INSERT INTO public.u VALUES (1)");
  tables[0].start = source().insert_position(wait_);
  open(tables);
  sql("INSERT INTO public.t VALUES (2); INSERT INTO public.u VALUES (2)");
  EXPECT_EQ(read(), "i u 1\ni t 2\ni u 2\n");
}

TEST_F(RealStream, ATableTakenOutOfThePublicationIsNoticedAtTheStart) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE TABLE public.u (id int PRIMARY KEY)");
  map("public.t");
  map("public.u");
  const auto tables = set_up();
  sql("ALTER PUBLICATION \"" + source().slot_name() + "\" DROP TABLE public.u");
  try {
    open(tables);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::schema_changed);
    EXPECT_NE(error.text.message.find("taken out of publication"), std::string::npos) << error.text.message;
  }
}

// Rule 36: nothing in the stream tells of the changes that it did not send.
TEST_F(RealStream, ATableThatWasOutOfThePublicationForAWhileIsNoticed) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE TABLE public.u (id int PRIMARY KEY)");
  map("public.t");
  map("public.u");
  const auto tables = set_up();
  open(tables);
  stream_.reset();
  const std::string alter = "ALTER PUBLICATION \"" + source().slot_name() + "\" ";
  sql(alter + "DROP TABLE public.u; INSERT INTO public.u VALUES (1); " + alter + "ADD TABLE public.u");
  try {
    open(tables);
    ADD_FAILURE() << "no error but:\n" << read();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::schema_changed);
    EXPECT_EQ(error.text.table, "public.u");
    EXPECT_NE(error.text.message.find("for a while"), std::string::npos) << error.text.message;
  }
}

TEST_F(RealStream, AStopEndsAReadThatWaits) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  open(set_up());
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_THROW(for (;;) stream_->read(builder_, Wait::at_most(20s, stop.get_token())), Stopped);
}

class RealLookup : public RealStream {
 protected:
  struct Found : RowFound {
    std::map<std::size_t, std::string> rows;
    void operator()(std::size_t i, std::span<const CellView> cells) override { rows[i] = RealStream::cells(cells); }
  };
  std::map<std::size_t, std::string> fetch(const MirrorTable& table, const std::vector<std::vector<std::string>>& keys,
                                           const std::vector<std::uint16_t>& columns) {
    std::vector<std::vector<CellView>> cells;
    for (const auto& key : keys) {
      cells.emplace_back();
      for (const std::string& value : key) cells.back().push_back({CellView::Kind::text, value});
    }
    std::vector<std::span<const CellView>> spans(cells.begin(), cells.end());
    Found found;
    at_ = lookup_->fetch(table, spans, columns, {}, wait_, found);
    return found.rows;
  }
  std::unique_ptr<RowLookup> lookup_;
  Lsn at_;
};

TEST_F(RealLookup, FindsRowsByKeysOfManyTypes) {
  sql("CREATE TYPE public.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN public.code AS varchar(10);"
      "CREATE TABLE public.t (m public.mood, n numeric(10,2), s text, d date, c public.code, r int[], u uuid, x text,"
      " PRIMARY KEY (m, n, s, d, c, r, u))");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::string uuid = "11111111-2222-4333-8444-555555555555";
  sql("INSERT INTO public.t VALUES ('ok', 1.5, E'a\"b\\\\c,{}', '2020-02-29', 'k', '{1,2}', '" + uuid + "', 'found')");
  lookup_ = source().open_lookup(wait_);
  const Lsn before = source().insert_position(wait_);
  const auto rows = fetch(table,
                          {{"sad", "1.50", "", "2020-02-29", "k", "{1,2}", uuid},
                           {"ok", "1.50", "a\"b\\c,{}", "2020-02-29", "k", "{1,2}", uuid}},
                          {7, 1});
  EXPECT_EQ(rows, (std::map<std::size_t, std::string>{{1, " found 1.50"}}));
  EXPECT_GE(at_, before);
}

TEST_F(RealLookup, FindsManyKeysInSlicesAndNotInATableThatTookTheName) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text)");
  sql("INSERT INTO public.t SELECT i, i::text FROM generate_series(1, 5000) i");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  lookup_ = source().open_lookup(wait_);
  std::vector<std::vector<std::string>> keys;
  for (int i = 1; i <= 5000; i += 2) keys.push_back({std::to_string(i)});
  keys.push_back({"-1"});
  EXPECT_EQ(fetch(table, keys, {1}).size(), 2500u);
  sql("ALTER TABLE public.t RENAME TO moved; CREATE TABLE public.t (id int PRIMARY KEY, a text); INSERT INTO public.t "
      "VALUES (1, 'wrong')");
  EXPECT_EQ(fetch(table, {{"1"}}, {1})[0], " 1");
}

TEST_F(RealLookup, AColumnThatGetsAnothersNameMeanwhileIsWhatItWas) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text, b text); INSERT INTO public.t VALUES (1, 'of a', 'of b')");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  lookup_ = source().open_lookup(wait_);
  const auto altering = connect();
  altering->run("BEGIN; ALTER TABLE public.t RENAME a TO c; ALTER TABLE public.t RENAME b TO a; ALTER TABLE public.t RENAME c TO b", wait_);
  const std::jthread commit = in_background([&](const std::stop_token& stop) {
    const auto watch = connect();
    const auto waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'public.t'::regclass";
    while (!stop.stop_requested() && watch->run(waits, wait_).rows() == 0) std::this_thread::yield();
    altering->run("COMMIT", wait_);
  });
  EXPECT_EQ(fetch(table, {{"1"}}, {1, 2})[0], " of a of b");
}

TEST_F(RealLookup, AKeysTypeMayGetAnotherName) {
  sql("CREATE TYPE public.mood AS ENUM ('sad', 'ok'); CREATE TABLE public.t (m public.mood PRIMARY KEY, a text); INSERT INTO public.t VALUES ('ok', 'found')");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  lookup_ = source().open_lookup(wait_);
  sql("ALTER TYPE public.mood RENAME TO feeling; CREATE TYPE public.mood AS ENUM ('other')");
  EXPECT_EQ(fetch(table, {{"ok"}}, {1})[0], " found");
  sql("ALTER TABLE public.t RENAME TO \"Od d\"; DROP TYPE public.mood; CREATE SCHEMA s; ALTER TYPE public.feeling SET SCHEMA s");
  EXPECT_EQ(fetch(table, {{"ok"}}, {1})[0], " found");
}

// Rule 10.
TEST_F(RealLookup, WhatWasFoundIsFlushed) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text); INSERT INTO public.t VALUES (1, 'old')");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  lookup_ = source().open_lookup(wait_);
  QuietWalWriter quiet(*this);
  const Lsn committed = quiet.commit("UPDATE public.t SET a = 'new'");
  EXPECT_EQ(fetch(table, {{"1"}}, {1})[0], " new");
  EXPECT_GE(quiet.flushed(), committed);
}

TEST_F(RealLookup, WaitsUntilWhatWasStreamedIsVisible) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text); INSERT INTO public.t VALUES (1, 'old')");
  map("public.t");
  const auto tables = set_up();
  open(tables);
  lookup_ = source().open_lookup(wait_);
  StalledStandby stalled(*this);
  const std::jthread writer = in_background([session = stalled.session()](const std::stop_token&) {
    session->run("UPDATE public.t SET a = 'new' WHERE id = 1", Wait::at_most(60s));
  });
  std::string streamed;
  while (streamed.empty()) {
    stream_->read(builder_, Wait::at_most(200ms));
    streamed = take();
    wait_.check("waiting for the streamed change");
  }
  EXPECT_EQ(streamed, "u t 1 new\n");
  EXPECT_EQ(sql("SELECT a FROM public.t").text(0, 0), "old");
  const std::jthread release = in_background([&](const std::stop_token& stop) {
    const auto watch = connect();
    const auto waits =
        "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'peerd % lookup m' AND query LIKE '%pg_locks%'";
    while (!stop.stop_requested() && watch->run(waits, wait_).rows() == 0) std::this_thread::yield();
    stalled.release();
  });
  EXPECT_EQ(fetch(tables[0], {{"1"}}, {1})[0], " new");
}

}  // namespace
}  // namespace peerd
