#include "postgres_fixture.h"

// What the Postgres target calls durable, and what it keeps beside its position (rules.md 14, 24).
namespace peerd::testing_postgres {
namespace {

class PostgresDurable : public RealPostgres {
 protected:
  void SetUp() override {
    RealPostgres::SetUp();
    if (!server_) return;
    // Nothing is flushed unless somebody asks for it.
    sql("ALTER SYSTEM SET wal_writer_delay = '10s'");
    sql("ALTER SYSTEM SET wal_writer_flush_after = '64MB'");
    sql("SELECT pg_reload_conf()");
  }
  void TearDown() override {
    if (server_) {
      sql("ALTER SYSTEM RESET wal_writer_delay");
      sql("ALTER SYSTEM RESET wal_writer_flush_after");
      sql("SELECT pg_reload_conf()");
    }
    RealPostgres::TearDown();
  }
  Lsn inserted() { return parse_lsn(*sql("SELECT pg_current_wal_insert_lsn()")[0][0]).value(); }
  Lsn flushed() { return parse_lsn(*sql("SELECT pg_current_wal_flush_lsn()")[0][0]).value(); }
  ApplyResult insert(std::uint64_t commit) {
    Writer writer(table_);
    writer.begin(commit).insert({std::to_string(commit), "a", "A", "1"}).commit();
    return apply(writer);
  }
};

TEST_F(PostgresDurable, WhatIsShownIsDurableOnlyOnceItIsFlushed) {
  streaming();
  const ApplyResult result = insert(100);
  const Lsn end = inserted();
  EXPECT_EQ(live().size(), 1u);
  EXPECT_EQ(result.applied.lsn, Lsn{101});
  EXPECT_LT(result.durable.lsn, Lsn{101});
  EXPECT_EQ(target().settle(wait())->lsn, Lsn{101});
  EXPECT_GE(flushed(), end);
}

TEST_F(PostgresDurable, WhileMoreComesItIsFlushedOnceASecond) {
  streaming();
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t commit = 100;
  ApplyResult result = insert(commit);
  while (result.durable.lsn < result.applied.lsn) {
    ASSERT_LT(std::chrono::steady_clock::now() - begin, 20s);
    result = insert(commit += 10);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_GT(commit, 110u);
  const Lsn end = inserted();
  EXPECT_GE(flushed().value + 8192, end.value) << "all but what others have written since";
}

TEST_F(PostgresDurable, APositionIsFlushedWhoeverCommittedIt) {
  streaming();
  insert(100);
  const Lsn end = inserted();
  restart();
  EXPECT_EQ(target().position(wait())->lsn, Lsn{101});
  EXPECT_GE(flushed(), end);
}

TEST_F(PostgresDurable, WhatWasCommittedBeforeALongTransactionIsFlushedAsItBegins) {
  streaming();
  insert(100);
  const Lsn end = inserted();
  Writer writer(table_);
  writer.begin(200).insert({"2", "b", "B", "2"});
  const ApplyResult result = apply(writer);
  EXPECT_EQ(result.durable.lsn, Lsn{101});
  EXPECT_GE(flushed(), end);
  EXPECT_EQ(target().settle(wait())->lsn, Lsn{101}) << "its own end is not there yet";
}

TEST_F(PostgresDurable, AnIdlePositionIsFlushedWithAllThatWentBefore) {
  streaming();
  insert(100);
  const Lsn end = inserted();
  Writer writer(table_);
  writer.idle(500);
  EXPECT_EQ(apply(writer).durable.lsn, Lsn{500});
  EXPECT_GE(flushed(), end);
}

TEST_F(PostgresDurable, TheHorizonOfALookUpCommitsWithTheRows) {
  streaming();
  EXPECT_FALSE(target().kept_horizon(wait()));
  horizons_.raise(table_.schema.id, Lsn{150});
  target().keep_horizon(horizons_.highest(), wait());
  source_.rows = {{"2", {"2", "now", "the row's own", "1"}}};
  source_.now = Lsn{180};
  Writer writer(table_);
  writer.begin(100).update({"2", "a", kSame, "1"}, {"1"}).commit();
  apply(writer);
  restart();
  EXPECT_EQ(target().position(wait())->lsn, Lsn{101});
  EXPECT_EQ(target().kept_horizon(wait()), Lsn{180});
  target().forget(wait());
  EXPECT_EQ(sql("SELECT count(*) FROM _peerd.horizons WHERE mirror = " + quote_literal(lease_.uuid))[0][0], "0");
}

TEST_F(PostgresDurable, BookkeepingOfAnEarlierVersionGetsWhatItLacks) {
  streaming();
  insert(100);
  restart();
  sql("DROP TABLE _peerd.horizons");
  EXPECT_FALSE(target().kept_horizon(wait()));
  target().keep_horizon(Lsn{40}, wait());
  restart();
  EXPECT_EQ(target().kept_horizon(wait()), Lsn{40});
}

}  // namespace
}  // namespace peerd::testing_postgres
