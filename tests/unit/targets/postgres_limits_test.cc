#include <future>
#include <thread>

#include "postgres_fixture.h"

// What a Postgres target cannot hold is said before anything is created; and what peerd does there disturbs nobody: not
// readers, not the server, not what an operator keeps in columns of his own.
namespace peerd::testing_postgres {
namespace {

class PostgresLimits : public RealPostgres {
 protected:
  Problems problems() { return target().preflight(std::span(&table_, 1), wait()); }
  void wide(std::size_t columns) {
    table_.schema.columns.resize(1);
    for (std::size_t i = 1; i < columns; ++i)
      table_.schema.columns.push_back({"c" + std::to_string(i), 23, -1, "integer", false, true, {}});
  }
  std::unique_ptr<postgres::Connection> another() {
    return postgres::Connection::open(postgres::connect_options(peer_.options), wait());
  }
};

TEST_F(PostgresLimits, ColumnsOfTheSourceWithTheNamesOfOurOwnAreRefused) {
  for (const char* name : {"_PEERDB_SYNCED_AT", "_PEERDB_IS_DELETED"}) {
    table_ = sample_table(schema_ + ".sample");
    table_.schema.columns[1].name = name;
    const Problems found = problems();
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_NE(found[0].text.message.find(name), std::string::npos);
    EXPECT_NE(found[0].text.hint.find("exclude"), std::string::npos);
  }
  // Another case is another name; and peerd's columns can have other names.
  table_.schema.columns[1].name = "_peerdb_synced_at";
  EXPECT_TRUE(problems().empty());
  table_.schema.columns[1].name = "_PEERDB_SYNCED_AT";
  restart();
  mirror_.options["synced_at_col_name"] = "arrived";
  EXPECT_TRUE(problems().empty());
  restart();
  mirror_.options["synced_at_col_name"] = std::string(64, 'x');
  EXPECT_EQ(problems().size(), 1u);
}

TEST_F(PostgresLimits, ATargetsNameThatTheServerWouldCutOffIsRefused) {
  for (const std::string& name : {schema_ + "." + std::string(64, 't'), std::string(64, 's') + ".t"}) {
    table_.target_name = name;
    const Problems found = problems();
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_NE(found[0].text.message.find("longer than the 63 bytes"), std::string::npos);
  }
  table_.target_name = schema_ + "." + std::string(63, 't');
  EXPECT_TRUE(problems().empty());
}

TEST_F(PostgresLimits, AColumnThatComesLaterWithSuchANameStopsTheMirror) {
  streaming();
  table_.schema.columns.push_back({"_PEERDB_SYNCED_AT", 1184, -1, "timestamp with time zone", false, true, {}});
  EXPECT_THROW(prepare_table(target(), table_, wait()), Error);
}

TEST_F(PostgresLimits, AsManyColumnsAsFitAreMirroredAndOneMoreIsRefused) {
  wide(1597);
  const Problems found = problems();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].text.message.find("1597"), std::string::npos) << found[0].text.message;
  EXPECT_NE(found[0].text.message.find("1596"), std::string::npos) << found[0].text.message;
  EXPECT_NE(found[0].text.hint.find("exclude"), std::string::npos);
  wide(1596);
  EXPECT_TRUE(problems().empty());
  streaming();
  Row row(1596, Cell{"7"});
  Writer writer(table_);
  writer.begin(20).insert(row).commit();
  apply(writer);
  row[1595] = "8";
  writer.begin(30).update(row).commit();
  writer.begin(40).insert(Row(1596, Cell{"9"})).commit();
  apply(writer);
  EXPECT_EQ(sql("SELECT id, c1594, c1595 FROM sample ORDER BY id"), (Rows{{"7", "7", "8"}, {"9", "9", "9"}}));
}

TEST_F(PostgresLimits, AStandingTableWithoutRoomForMoreColumnsIsRefused) {
  std::string columns = "id bigint PRIMARY KEY, v text, big text, u integer, \"_PEERDB_IS_DELETED\" boolean";
  for (int i = 0; i < 1595; ++i) columns += ", d" + std::to_string(i) + " boolean";
  sql("CREATE TABLE sample (" + columns + ")");
  sql("ALTER TABLE sample DROP d0");
  const Problems found = problems();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].text.message.find("no room"), std::string::npos) << found[0].text.message;
}

TEST_F(PostgresLimits, APartitionedTableOnWhichTheKeyCannotBeBuiltIsRefused) {
  const std::string columns =
      " (id bigint NOT NULL, v text, big text, u integer, \"_PEERDB_IS_DELETED\" boolean,"
      " \"_PEERDB_SYNCED_AT\" timestamptz) PARTITION BY ";
  for (const char* by : {"RANGE (u)", "HASH (id, u)", "LIST ((id % 2))"}) {
    sql("DROP TABLE IF EXISTS sample; CREATE TABLE sample" + columns + by);
    const Problems found = problems();
    ASSERT_EQ(found.size(), 1u) << by;
    EXPECT_NE(found[0].text.message.find("partitioned by"), std::string::npos) << found[0].text.message;
  }
  // A partition may be partitioned by something else.
  sql("DROP TABLE sample; CREATE TABLE sample" + columns + "RANGE (id)");
  EXPECT_TRUE(problems().empty());
  sql("CREATE TABLE part PARTITION OF sample FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (u)");
  EXPECT_EQ(problems().size(), 1u);
}

TEST_F(PostgresLimits, RowsThatWereCopiedTwiceIntoPartitionsGoOnce) {
  soft(false);
  mirror_.options["synced_at_col_name"] = "";
  sql("CREATE TABLE sample (id bigint NOT NULL, v text, big text, u integer) PARTITION BY RANGE (id)");
  sql("CREATE TABLE low PARTITION OF sample FOR VALUES FROM (MINVALUE) TO (10)");
  sql("CREATE TABLE high PARTITION OF sample FOR VALUES FROM (10) TO (MAXVALUE)");
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  const auto load = [&](std::uint32_t number, const std::string& rows) {
    CopyCounts known;
    writer->begin(table_, Chunk{table_.schema.id, table_.start, number, 0, number, number + 1},
                  CopyPlan{CopyForm::text, std::vector<std::string>(4)}, known, wait());
    writer->write(std::as_bytes(std::span(rows)), wait());
    writer->finish(wait());
  };
  // The second row of each partition has the same ctid as that of the other.
  load(0, "1\ta\tA\t1\n2\tb\tB\t2\n11\tk\tK\t11\n12\tl\tL\t12\n");
  load(1, "1\ta\tA\t1\n3\tc\tC\t3\n13\tm\tM\t13\n14\tn\tN\t14\n");
  target().end_copy(table_, wait());
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", "b", "B", "2"}, {"3", "c", "C", "3"}, {"11", "k", "K", "11"},
                          {"12", "l", "L", "12"}, {"13", "m", "M", "13"}, {"14", "n", "N", "14"}}));
  EXPECT_EQ(sql("SELECT contype FROM pg_constraint WHERE conrelid = 'sample'::regclass AND contype = 'p'"), (Rows{{"p"}}));
}

TEST_F(PostgresLimits, ReadersAreLetThroughWhileAChangeOfShapeWaits) {
  streaming();
  const auto reader = another();
  reader->run("BEGIN; SELECT count(*) FROM " + table_.target_name, wait());
  table_.schema.columns.push_back({"added", 23, -1, "integer", false, true, {}});
  auto widening = std::async(std::launch::async, [&] { prepare_table(target(), table_, wait()); });
  const auto later = another();
  const std::string waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '" + table_.target_name +
                              "'::regclass AND mode = 'AccessExclusiveLock'";
  while (later->run(waiting, wait()).integer(0, 0) == 0) std::this_thread::yield();
  // It stands in the queue; whoever reads now is held up for its quarter of a second, not for the reader's time.
  later->run("SET statement_timeout = '5s'; SELECT count(*) FROM " + table_.target_name, wait());
  EXPECT_EQ(widening.wait_for(0s), std::future_status::timeout);
  reader->run("COMMIT", wait());
  widening.get();
  EXPECT_EQ(sql("SELECT added FROM sample"), Rows{});
}

TEST_F(PostgresLimits, AReaderWhoStaysIsNamed) {
  streaming();
  const auto reader = another();
  reader->run("SET application_name = 'report'; BEGIN; SELECT count(*) FROM " + table_.target_name, wait());
  table_.schema.columns.push_back({"added", 23, -1, "integer", false, true, {}});
  try {
    target().create(table_, Wait::at_most(3s));
    FAIL() << "the table was in use";
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("report"), std::string::npos) << error.text.message;
    EXPECT_EQ(retry_of(error.text), Retry::later);
  }
}

TEST_F(PostgresLimits, ALongTransactionTakesFewerSubtransactionsThanTheServerKeepsAtHand) {
  streaming();
  const auto number = [&] { return std::stoull(*sql("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")[0][0]); };
  Writer writer(table_);
  writer.begin(100);
  const auto before = number();
  for (int part = 0; part < 100; ++part) {
    writer.insert({std::to_string(part), "v", "B", std::to_string(part)});
    apply(writer);
  }
  EXPECT_LT(number() - before, 64u);
  writer.commit();
  apply(writer);
  EXPECT_EQ(sql("SELECT count(*), sum(id), sum(u) FROM sample"), (Rows{{"100", "4950", "4950"}}));
}

class PostgresExtra : public RealPostgres, public testing::WithParamInterface<std::tuple<bool, bool>> {};

TEST_P(PostgresExtra, ColumnsOfTheOperatorsKeepTheirValues) {
  soft(std::get<0>(GetParam()));
  streaming();
  sql("ALTER TABLE sample ADD note text DEFAULT 'new', ADD row_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE");
  if (std::get<1>(GetParam())) {
    sql("CREATE UNIQUE INDEX ON sample (u)");
    unique_at_source("u");
  }
  Writer writer(table_);
  writer.begin(20);
  for (const char* id : {"1", "2", "3", "4", "5"}) writer.insert({id, "v", std::string(100000, 'x'), id});
  writer.commit();
  apply(writer);
  sql("UPDATE sample SET note = 'of ' || id");
  writer.begin(30).update({"1", "v1", kSame, "1"}).commit();                         // In place.
  writer.begin(31).update({"6", "v6", kSame, "2"}, {"2"}).commit();                  // Another key.
  writer.begin(32).update({"3", "v", kSame, "-1"}).update({"4", "v", kSame, "3"}).update({"3", "v", kSame, "4"}).commit();
  writer.begin(33).remove({"1"}).update({"1", "v5", kSame, "5"}, {"5"}).commit();    // A key that was just left.
  writer.begin(34).insert({"7", "v", "B", "7"}).commit();
  apply(writer);
  const std::string alive = soft_ ? " WHERE \"_PEERDB_IS_DELETED\" IS NOT TRUE" : "";
  EXPECT_EQ(sql("SELECT id, u, note FROM sample" + alive + " ORDER BY id"),
            (Rows{{"1", "5", "of 5"}, {"3", "4", "of 3"}, {"4", "3", "of 4"}, {"6", "2", "of 2"}, {"7", "7", "new"}}));
}

INSTANTIATE_TEST_SUITE_P(All, PostgresExtra, testing::Combine(testing::Bool(), testing::Bool()), [](const auto& info) {
  return std::string(std::get<0>(info.param) ? "Soft" : "Hard") + (std::get<1>(info.param) ? "Unique" : "");
});

}  // namespace
}  // namespace peerd::testing_postgres
