#include <algorithm>

#include "real_source.h"

namespace peerd {
namespace {

class RealSnapshot : public RealSource {
 protected:
  std::string read_all(const MirrorTable& table, const std::vector<Chunk>& chunks, const CopyPlan& plan) {
    const auto reader = source().open_reader(wait_);
    std::string rows;
    for (const Chunk& chunk : chunks) {
      EXPECT_EQ(reader->open(table, chunk, plan, wait_), ChunkReader::Opened::ready);
      for (auto piece = reader->read(wait_); !piece.empty(); piece = reader->read(wait_)) {
        rows.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      }
    }
    return rows;
  }
};

TEST_F(RealSnapshot, ChunksEqualTheTable) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a text, g int GENERATED ALWAYS AS (id * 2) STORED, secret text)");
  sql("INSERT INTO public.t (id, a, secret) SELECT i, repeat(md5(i::text), 3), 's' FROM generate_series(1, 20000) i");
  map("public.t", {"secret"});
  const MirrorTable table = set_up().at(0);
  ASSERT_EQ(table.schema.columns.size(), 2u);
  source().await_settled({}, wait_);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::blocks, 3000, wait_);
  EXPECT_GE(chunks.size(), 6u);
  EXPECT_LE(chunks.size(), 8u);
  const std::string rows = read_all(table, chunks, {CopyForm::text, {}});
  std::string expected;
  connection_->copy_out("COPY (SELECT id, a FROM public.t) TO STDOUT", wait_);
  for (auto row = connection_->copy_read(wait_); row.data() != nullptr; row = connection_->copy_read(wait_))
    expected += row;
  EXPECT_EQ(rows, expected);
}

TEST_F(RealSnapshot, BinaryRowsComeWithoutHeaderAndTrailer) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, m text)");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  EXPECT_EQ(read_all(table, source().plan(table, CutBy::blocks, 10, wait_), {CopyForm::binary, {}}), "");
  sql("INSERT INTO public.t VALUES (7, 'x')");
  EXPECT_EQ(read_all(table, source().plan(table, CutBy::blocks, 10, wait_), {CopyForm::binary, {"text", ""}}),
            std::string("\0\2\0\0\0\1"
                        "7"
                        "\0\0\0\1"
                        "x",
                        12));
}

TEST_F(RealSnapshot, ARewrittenOrAlteredTableIsNotRead) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int)");
  sql("INSERT INTO public.t SELECT i, i FROM generate_series(1, 100) i");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const auto reader = source().open_reader(wait_);
  for (const char* change : {"VACUUM FULL public.t", "TRUNCATE public.t", "ALTER TABLE public.t ADD b int DEFAULT 5",
                             "ALTER TABLE public.t ALTER a TYPE bigint", "ALTER TABLE public.t REPLICA IDENTITY FULL",
                             "ALTER TABLE public.t RENAME TO u"}) {
    const MirrorTable now = change == std::string("TRUNCATE public.t") ? table : source().describe(wait_).at(0);
    const std::vector<Chunk> chunks = source().plan(now, CutBy::blocks, 1000, wait_);
    sql(change);
    EXPECT_EQ(reader->open(now, chunks[0], {}, wait_), ChunkReader::Opened::table_moved) << change;
  }
}

/// Rows of a COPY in text form, sorted.
std::vector<std::string> sorted_lines(const std::string& rows) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < rows.size(); at = rows.find('\n', at) + 1)
    lines.push_back(rows.substr(at, rows.find('\n', at) - at));
  std::ranges::sort(lines);
  return lines;
}

TEST_F(RealSnapshot, ChunksByKeyEqualTheTableAndRewritesDoNotVoidThem) {
  // A key of two columns in another order than the table's, with values that need quoting and cases that collations mix.
  sql("CREATE TABLE public.t (n numeric, v int, name text COLLATE \"C\", PRIMARY KEY (name, n))");
  sql("INSERT INTO public.t SELECT i / 7.0 - 300, i, (ARRAY['a''b', 'B\\', 'ä', '', 'Z'])[i % 5 + 1] FROM "
      "generate_series(1, 20000) i");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::key, 1000, wait_);
  EXPECT_GE(chunks.size(), 15u);
  EXPECT_LE(chunks.size(), 25u);
  EXPECT_TRUE(chunks.front().range->first.empty());
  EXPECT_TRUE(chunks.back().range->end.empty());
  const auto reader = source().open_reader(wait_);
  std::string rows;
  std::size_t largest = 0;
  for (const Chunk& chunk : chunks) {
    sql("VACUUM FULL public.t");
    ASSERT_EQ(reader->open(table, chunk, {CopyForm::text, {}}, wait_), ChunkReader::Opened::ready) << chunk.number;
    const std::size_t before = rows.size();
    for (auto piece = reader->read(wait_); !piece.empty(); piece = reader->read(wait_))
      rows.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    largest = std::max(largest, sorted_lines(rows.substr(before)).size());
  }
  EXPECT_LT(largest, 3000u) << "ranges are about even";
  std::string expected;
  connection_->copy_out("COPY public.t TO STDOUT", wait_);
  for (auto row = connection_->copy_read(wait_); row.data() != nullptr; row = connection_->copy_read(wait_))
    expected += row;
  EXPECT_EQ(sorted_lines(rows), sorted_lines(expected));
}

TEST_F(RealSnapshot, ChunksByKeyAreVoidWhenARewriteChangesValues) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int)");
  sql("INSERT INTO public.t SELECT i, i FROM generate_series(1, 100) i");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::key, 10, wait_);
  EXPECT_EQ(chunks.size(), 10u);
  const auto reader = source().open_reader(wait_);
  sql("CLUSTER public.t USING t_pkey");
  EXPECT_EQ(reader->open(table, chunks[0], {}, wait_), ChunkReader::Opened::ready);
  while (!reader->read(wait_).empty()) {  // To the end: its transaction holds the table.
  }
  sql("ALTER TABLE public.t ALTER a TYPE int USING a + 1");  // The same type, and not a word of it in the stream.
  EXPECT_EQ(reader->open(table, chunks[1], {}, wait_), ChunkReader::Opened::table_moved);
}

TEST_F(RealSnapshot, AKeyWhoseOrderIsNotTheServersOwnMakesOneChunk) {
  sql("CREATE DOMAIN public.code AS text");
  sql("CREATE TABLE public.t (id public.code PRIMARY KEY)");
  sql("INSERT INTO public.t SELECT i FROM generate_series(1, 1000) i");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::key, 10, wait_);
  ASSERT_EQ(chunks.size(), 1u);
  sql("VACUUM FULL public.t");
  EXPECT_EQ(sorted_lines(read_all(table, chunks, {CopyForm::text, {}})).size(), 1000u);
}

TEST_F(RealSnapshot, TheFlushIsWaitedForThoughTheServerIsQuiet) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  sql("BEGIN; INSERT INTO public.t VALUES (1)");  // Not committed: its WAL may stay unflushed.
  const auto begin = std::chrono::steady_clock::now();
  read_all(table, source().plan(table, CutBy::blocks, 10, wait_), {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  const postgres::Result behind = connect()->run("SELECT pg_current_wal_flush_lsn()", wait_);
  EXPECT_NE(behind.text(0, 0), "");
  sql("COMMIT");
}

// Rule 9: the lock is awaited first; what it waited for may have rewritten the table.
TEST_F(RealSnapshot, ARewriteThatCommitsWhileTheLockIsAwaitedIsSeen) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int); INSERT INTO public.t SELECT i, i FROM generate_series(1, 100) i");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::blocks, 1000, wait_);
  const auto reader = source().open_reader(wait_);
  sql("BEGIN; ALTER TABLE public.t ALTER a TYPE bigint");
  auto opened = ChunkReader::Opened::ready;
  std::jthread opening = in_background([&](const std::stop_token&) { opened = reader->open(table, chunks.at(0), {}, wait_); });
  const auto watch = connect();
  while (watch->run("SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'", wait_).rows() == 0)
    wait_.check("waiting for the reader to wait");
  sql("COMMIT");
  opening.join();
  EXPECT_EQ(opened, ChunkReader::Opened::table_moved);
}

// Rule 10: an asynchronous commit that dies with the source would leave a row that never was.
TEST_F(RealSnapshot, AChunkEndsOnlyWhenWhatItSawIsFlushed) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::blocks, 10, wait_);
  QuietWalWriter quiet(*this);
  const Lsn committed = quiet.commit("INSERT INTO public.t SELECT coalesce(max(id), 0) + 1 FROM public.t");
  EXPECT_NE(read_all(table, chunks, {}), "");
  EXPECT_GE(quiet.flushed(), committed);
}

// Rule 12.
TEST_F(RealSnapshot, AChildsRowsAreNotItsParents) {
  sql("CREATE TABLE public.parent (id int PRIMARY KEY, v text); CREATE TABLE public.child () INHERITS (public.parent)");
  sql("INSERT INTO public.parent VALUES (1, 'p'); INSERT INTO public.child VALUES (2, 'c')");
  map("public.parent");
  const MirrorTable table = set_up().at(0);
  EXPECT_EQ(read_all(table, source().plan(table, CutBy::blocks, 10, wait_), {}), "1\tp\n");
}

// Rule 12: row_security=off turns rows that are hidden without a word into an error.
TEST_F(RealSnapshot, RowsHiddenByRowSecurityAreAnError) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); INSERT INTO public.t VALUES (1), (2)");
  map("public.t");
  const MirrorTable table = set_up().at(0);
  const std::vector<Chunk> chunks = source().plan(table, CutBy::blocks, 10, wait_);
  const std::string role = "hidden_" + database_;
  sql("CREATE ROLE " + role + " LOGIN REPLICATION; GRANT USAGE ON SCHEMA public TO " + role +
      "; GRANT SELECT ON public.t TO " + role + "; ALTER TABLE public.t ENABLE ROW LEVEL SECURITY");
  PeerSpec peer = peer_;
  peer.options["user"] = role;
  {
    const auto other = postgres_sources()(peer, mirror_, lease_);
    const auto reader = other->open_reader(wait_);
    EXPECT_THROW(
        {
          reader->open(table, chunks.at(0), {}, wait_);
          while (!reader->read(wait_).empty()) {
          }
        },
        Error);
  }
  sql("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

class RealSlot : public RealSource {};

// Rule 35: what was sent of it may be missing at the target.
TEST_F(RealSlot, ASlotThatWasReadFromIsNotAdopted) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto tables = set_up();
  auto stream = source().open_stream(start_, tables, shaped_at_, wait_);
  sql("INSERT INTO public.t VALUES (1)");
  BatchBuilder builder;
  while (stream->read(builder, Wait::at_most(200ms)) != ChangeStream::Got::commit) wait_.check("reading the stream");
  stream.reset();
  while (source().slot_status(wait_).active) wait_.check("waiting for the walsender to end");
  try {
    source().ensure_slot(true, {}, wait_);
    ADD_FAILURE() << "it was adopted";
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("was read from"), std::string::npos) << error.text.message;
  }
}

TEST_F(RealSlot, CreationNamesWhoBlocksItAndCanBeStopped) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  source().ensure_publication(wait_);
  sql("BEGIN; INSERT INTO public.t VALUES (1)");
  std::stop_source stop;
  std::string told;
  const auto step = [&](std::string words) {
    told = std::move(words);
    if (told.find("pid") != std::string::npos) stop.request_stop();
  };
  EXPECT_THROW(source().ensure_slot(false, step, Wait::at_most(20s, stop.get_token())), Stopped);
  EXPECT_NE(told.find("pid " + std::to_string(connection_->backend_pid())), std::string::npos) << told;
  sql("COMMIT");
  const SlotStart start = source().ensure_slot(true, {}, wait_);
  EXPECT_GT(start.consistent_point.value, 0u);
  // Nothing was consumed: what was intended is adopted, what was not is refused.
  EXPECT_EQ(source().ensure_slot(true, {}, wait_).consistent_point, start.consistent_point);
  EXPECT_THROW(source().ensure_slot(false, {}, wait_), Error);
}

TEST_F(RealSlot, AHalfMadeSlotOfAnEarlierRunIsMadeAnew) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  source().ensure_publication(wait_);
  sql("BEGIN; INSERT INTO public.t VALUES (1)");
  std::stop_source give_up;
  std::jthread earlier([&] {
    const auto other = postgres_sources()(peer_, mirror_, lease_);
    try {
      other->ensure_slot(false, {}, Wait::at_most(20s, give_up.get_token()));
    } catch (const Error&) {
    } catch (const Stopped&) {
    }
  });
  while (!source().slot_status(wait_).exists) wait_.check("waiting for the half-made slot");
  const std::jthread ender = in_background([&](const std::stop_token&) {
    // The half-made slot's backend goes before the open transaction ends.
    const auto watch = connect();
    while (watch
               ->run("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE_REPLICATION_SLOT%' AND state = 'active'",
                     wait_)
               .rows() > 1) {
    }
    watch->run("SELECT pg_terminate_backend(" + std::to_string(connection_->backend_pid()) + ")", wait_);
  });
  const SlotStart start = source().ensure_slot(true, {}, wait_);
  EXPECT_GT(start.consistent_point.value, 0u);
  EXPECT_TRUE(source().slot_status(wait_).exists);
}

TEST_F(RealSlot, OpenTransactionsAreAwaitedPreparedOnesToo) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  set_up();
  sql("BEGIN; INSERT INTO public.t VALUES (1); PREPARE TRANSACTION 'two'");
  std::string told;
  const auto step = [&](std::string words) {
    if (told.empty()) connect()->run("COMMIT PREPARED 'two'", wait_);
    told += words;
  };
  source().await_settled(step, wait_);
  EXPECT_NE(told.find("prepared transaction 'two'"), std::string::npos) << told;
}

TEST_F(RealSlot, ACommitThatIsNotVisibleYetIsAwaitedThoughItIsTheNewest) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  set_up();
  StalledStandby stalled(*this);
  const std::jthread writer = in_background([session = stalled.session()](const std::stop_token&) {
    session->run("INSERT INTO public.t VALUES (1)", Wait::at_most(60s));
  });
  while (sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'").rows() == 0)
    wait_.check("waiting for the commit");
  // A snapshot's limits do not show it: every transaction below its xmax has ended.
  EXPECT_TRUE(
      sql("SELECT txid_snapshot_xmin(s) >= txid_snapshot_xmax(s) FROM txid_current_snapshot() s").boolean(0, 0));
  EXPECT_EQ(sql("SELECT count(*) FROM public.t").integer(0, 0), 0);
  source().await_settled([&](std::string) { stalled.release(); }, wait_);
  EXPECT_EQ(sql("SELECT count(*) FROM public.t").integer(0, 0), 1);
}

TEST_F(RealSlot, DropEndsTheWalsenderAndLeavesNothing) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto tables = set_up();
  const auto stream = source().open_stream(start_, tables, shaped_at_, wait_);
  const auto other = postgres_sources()(peer_, mirror_, lease_);
  other->drop(true, wait_);
  EXPECT_FALSE(other->slot_status(wait_).exists);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 0);
  other->drop(true, wait_);
}

TEST_F(RealSlot, PositionsThatCannotBeFollowedAreRefused) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto tables = set_up();
  const auto code_of = [&](Lsn from) {
    try {
      source().open_stream(from, tables, shaped_at_, wait_);
    } catch (const Error& error) {
      return error.text.code;
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of(Lsn{start_.value - 1}), ErrorCode::position_lost);
  EXPECT_EQ(code_of(Lsn{start_.value + (1ull << 40)}), ErrorCode::position_lost);
  sql("SELECT pg_drop_replication_slot('" + source().slot_name() + "')");
  EXPECT_EQ(code_of(start_), ErrorCode::position_lost);
}

class RealPreflight : public RealSource {
 protected:
  std::string problems() {
    source_.reset();
    std::string text;
    for (const Problem& problem : source().preflight(wait_))
      text += problem.text.message + " | " + problem.cure_sql + "\n";
    return text;
  }
};

TEST_F(RealPreflight, AGoodTableHasNoProblem) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int)");
  map("public.t", {"a"});
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 0) << "it changes nothing";
}

// Rule 37: paused, a mirror that is a synchronous standby would hang every commit.
TEST_F(RealPreflight, StandbyNamesThatMatchPeerdAreRefused) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto set = [this](const std::string& what, const std::string& shown) {
    sql("ALTER SYSTEM " + what);
    sql("SELECT pg_reload_conf()");
    while (sql("SHOW synchronous_standby_names").text(0, 0) != shown) wait_.check("waiting for the reload");
  };
  set("SET synchronous_standby_names = '*'", "*");
  const std::string text = problems();
  set("RESET synchronous_standby_names", "");
  EXPECT_NE(text.find("synchronous_standby_names would make this mirror"), std::string::npos) << text;
}

TEST_F(RealPreflight, EveryProblemIsNamedWithItsCure) {
  sql("CREATE TABLE public.nokey (a int); CREATE UNLOGGED TABLE public.unlogged (id int PRIMARY KEY);"
      "CREATE VIEW public.v AS SELECT 1; CREATE TABLE public.parts (id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE UNLOGGED TABLE public.part PARTITION OF public.parts DEFAULT;"
      "CREATE TABLE public.nothing (id int PRIMARY KEY); ALTER TABLE public.nothing REPLICA IDENTITY NOTHING;"
      "CREATE TABLE public.fullnokey (); ALTER TABLE public.fullnokey REPLICA IDENTITY FULL");
  for (const char* table : {"nokey", "unlogged", "v", "parts", "nothing", "fullnokey", "absent"})
    map(std::string("public.") + table);
  mirror_.tables.push_back({"public.t2", "public.t2", {"no_such", "id"}});
  sql("CREATE TABLE public.t2 (id int PRIMARY KEY)");
  map("public.nokey");
  const std::string text = problems();
  for (const char* expected :
       {"is mapped twice", "public.nokey has no primary key", "ALTER TABLE \"public\".\"unlogged\" SET LOGGED",
        "is a view", "partition public.part, which is unlogged", "REPLICA IDENTITY NOTHING", "public.fullnokey has no columns that could be mirrored",
        "public.absent does not exist", "no column \"no_such\"", "key column id"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

// REPLICA IDENTITY USING INDEX outlives its index: a primary key alone does not name the rows then.
TEST_F(RealPreflight, AnIdentityIndexThatIsGoneIsCuredByTheDefault) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, u int NOT NULL); CREATE UNIQUE INDEX u ON public.t (u);"
      "ALTER TABLE public.t REPLICA IDENTITY USING INDEX u; CREATE TABLE public.n (u int NOT NULL);"
      "CREATE UNIQUE INDEX nu ON public.n (u); ALTER TABLE public.n REPLICA IDENTITY USING INDEX nu; DROP INDEX public.u, public.nu");
  map("public.t");
  map("public.n");
  const std::string text = problems();
  EXPECT_NE(text.find("ALTER TABLE \"public\".\"t\" REPLICA IDENTITY DEFAULT"), std::string::npos) << text;
  EXPECT_THROW(source().describe(wait_), Error);
  sql("ALTER TABLE public.t REPLICA IDENTITY DEFAULT; ALTER TABLE public.n ADD PRIMARY KEY (u), REPLICA IDENTITY DEFAULT");
  EXPECT_EQ(problems(), "");
}

TEST_F(RealPreflight, AnOperatorsPublicationIsChecked) {
  const bool filters = connection_->server_version() >= 150000;
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int); CREATE TABLE public.u (id int PRIMARY KEY)");
  sql(std::string("CREATE PUBLICATION theirs FOR TABLE public.t ") + (filters ? "WHERE (id > 5)" : "") +
      " WITH (publish = 'insert')");
  map("public.t");
  map("public.u");
  mirror_.options["publication_name"] = "theirs";
  const std::string text = problems();
  EXPECT_NE(text.find("does not publish all"), std::string::npos) << text;
  EXPECT_EQ(text.find("filters rows") != std::string::npos, filters) << text;
  EXPECT_NE(text.find("ADD TABLE ONLY \"public\".\"u\""), std::string::npos) << text;
  EXPECT_THROW(source().ensure_publication(wait_), Error);
  source().drop(true, wait_);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 1) << "not ours to drop";
}

TEST_F(RealPreflight, ARoleWithoutRightsIsToldWhichOnes) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  const std::string role = "poor_" + database_;
  sql("CREATE ROLE " + role + " LOGIN");
  map("public.t");
  peer_.options["user"] = role;
  const std::string text = problems();
  source_.reset();
  sql("DROP ROLE " + role);
  for (const char* expected : {"REPLICATION", "GRANT SELECT", "may not make a publication", "does not own"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

// Rule 37: an operator may set them at any time, and preflight looks once.
TEST_F(RealSlot, StandbyNamesSetLaterAreNoted) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  source().ensure_publication(wait_);
  source().ensure_slot(false, {}, wait_);
  EXPECT_EQ(source().slot_status(wait_).concern, "");
  const auto set = [this](const std::string& what, const std::string& shown) {
    sql("ALTER SYSTEM " + what);
    sql("SELECT pg_reload_conf()");
    while (sql("SHOW synchronous_standby_names").text(0, 0) != shown) wait_.check("waiting for the reload");
  };
  set("SET synchronous_standby_names = '*'", "*");
  SlotStatus status = source().slot_status(wait_);
  for (; status.concern.empty(); status = source().slot_status(wait_)) wait_.check("waiting for the reload");
  set("RESET synchronous_standby_names", "");
  EXPECT_NE(status.concern.find("synchronous standby"), std::string::npos);
  EXPECT_NE(status.concern_cure.find("ALTER SYSTEM SET synchronous_standby_names"), std::string::npos);
}

TEST_F(RealSlot, IdentityAndStatusAreRead) {
  map("public.t");
  EXPECT_EQ(std::to_string(source().identity(wait_).system_identifier),
            sql("SELECT system_identifier FROM pg_control_system()").text(0, 0));
  EXPECT_FALSE(source().slot_status(wait_).exists);
}

}  // namespace
}  // namespace peerd
