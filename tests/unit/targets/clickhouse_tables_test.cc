#include <thread>

#include "clickhouse/leftovers.h"
#include "clickhouse/schema.h"
#include "clickhouse_fixture.h"

// Tables, ownership, statements left over, and what an operator is told; against a real server.
namespace peerd::testing_clickhouse {
namespace {

class ClickHouseTables : public RealClickHouse {
 protected:
  ErrorText refusal() {
    try {
      prepare_table(target(), table_, wait());
    } catch (const Error& error) {
      return error.text;
    }
    ADD_FAILURE() << "it was accepted";
    return {};
  }
  void row(const std::string& version) {
    sql("INSERT INTO `public.sample` (id, _PEERDB_IS_DELETED, _peerdb_version) SELECT " + version + ", 0, toUInt128(" +
        version + ")");
  }
};

TEST_F(ClickHouseTables, AreMadeByKeyWithVersionAndMark) {
  table_.schema.columns[3].in_key = true;
  table_.schema.columns[3].nullable = false;
  table_.schema.key = {3, 0};
  const CopyPlan plan = prepare_table(target(), table_, wait());
  EXPECT_EQ(plan.form, CopyForm::binary);
  EXPECT_EQ(sql("SELECT sorting_key, engine_full FROM system.tables WHERE database = currentDatabase() AND name = "
                "'public.sample'")[0][0],
            "u, id");
  EXPECT_NE(value("SELECT engine_full FROM system.tables WHERE database = currentDatabase()")
                .find("ReplacingMergeTree(_peerdb_version, _PEERDB_IS_DELETED)"),
            std::string::npos);
  EXPECT_EQ(sql("SELECT name, type FROM system.columns WHERE database = currentDatabase() ORDER BY position"),
            (Rows{{"id", "Int64"},
                  {"v", "Nullable(String)"},
                  {"big", "Nullable(String)"},
                  {"u", "Int32"},
                  {"_peerdb_synced_at", "DateTime64(9)"},
                  {"_PEERDB_IS_DELETED", "UInt8"},
                  {"_peerdb_version", "UInt128"}}));
  prepare_table(target(), table_, wait());
  restart();
  prepare_table(target(), table_, wait());
}

TEST_F(ClickHouseTables, ANameThatIsTooLongForTheDatabaseIsRefused) {
  const std::string database = value("SELECT currentDatabase()");
  const clickhouse::TableLayout layout;
  const auto told = value("SELECT count() FROM system.functions WHERE name = 'getMaxTableNameLengthForDatabase'") == "0"
                        ? std::string()
                        : value("SELECT toString(getMaxTableNameLengthForDatabase(currentDatabase()))");
  std::size_t longest = 1;
  while (!clickhouse::too_long(layout, database, std::string(longest + 1, 't'))) ++longest;
  if (!told.empty()) {
    EXPECT_EQ(std::to_string(longest), told);
  }
  table_.target_name = std::string(longest, 't');
  EXPECT_TRUE(target().preflight(std::span(&table_, 1), wait()).empty());
  prepare_table(target(), table_, wait());
  sql("DROP TABLE " + table_.target_name + " SYNC");
  table_.target_name = std::string(longest - 2, 't') + "\xD1\x8F";  // One letter, six bytes of a path.
  const Problems problems = target().preflight(std::span(&table_, 1), wait());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].text.message.find("is too long for database"), std::string::npos) << problems[0].text.message;
}

TEST_F(ClickHouseTables, ColumnsWithNamesThatTheEngineComputesAreRefused) {
  for (const char* name : {"_row_exists", "_block_number", "_block_offset", "_part_offset", "_part_granule_offset", "_distance"}) {
    table_.schema.columns[1].name = name;
    const Problems problems = target().preflight(std::span(&table_, 1), wait());
    ASSERT_EQ(problems.size(), 1u) << name;
    EXPECT_NE(problems[0].text.message.find("keeps for itself"), std::string::npos);
  }
  // One that the engine computes as well, but never in place of the column.
  table_.schema.columns[1].name = "_part";
  EXPECT_TRUE(target().preflight(std::span(&table_, 1), wait()).empty());
}

TEST_F(ClickHouseTables, FollowTheMirrorsColumnNames) {
  mirror_.options = {{"soft_delete_col_name", ""}, {"synced_at_col_name", ""}};
  prepare_table(target(), table_, wait());
  EXPECT_EQ(sql("SELECT name FROM system.columns WHERE database = currentDatabase() ORDER BY position OFFSET 4"),
            (Rows{{"_peerdb_is_deleted"}, {"_peerdb_version"}}));
}

TEST_F(ClickHouseTables, NamesWithOddCharactersWork) {
  table_.target_name = "whatIs`Table?\\ - %a 'q'";
  table_.schema.columns[1].name = "quo'te `b` \"c\" 人";
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", Cell{}, "1"}).commit();
  apply(writer);
  EXPECT_EQ(value("SELECT COLUMNS('quo') FROM " + clickhouse::quote_name(table_.target_name)), "a");
}

// A large transaction comes in pieces: what was gained within it is altered again when it comes again.
TEST_F(ClickHouseTables, WhatStandsInAColumnThatTheMirrorAddedIsItsOwn) {
  streaming();
  const auto gained = [&](const char* name, std::int16_t number) {
    MirrorTable to = table_;
    to.schema.columns.push_back(table_.schema.columns[3]);
    Column& column = to.schema.columns.back();
    column.name = name;
    column.number = number;
    column.nullable = true;
    return to;
  };
  const MirrorTable to = gained("more", 20);
  target().alter(table_, to, wait());
  sql("INSERT INTO `public.sample` (id, more, _PEERDB_IS_DELETED, _peerdb_version) SELECT 1, 7, 0, 8");
  restart();
  EXPECT_NO_THROW(target().alter(table_, to, wait()));
  EXPECT_EQ(sql("SELECT more FROM `public.sample` FINAL"), (Rows{{"7"}}));
  sql("ALTER TABLE `public.sample` ADD COLUMN mine Nullable(Int32) DEFAULT 5");
  try {
    target().alter(table_, gained("mine", 21), wait());
    ADD_FAILURE() << "an operator's values passed for the source's";
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("\"mine\""), std::string::npos) << error.text.message;
  }
}

// What was dropped is known by a mark that a circle of names does not wipe out.
TEST_F(ClickHouseTables, KnowWhatWasDroppedFromThem) {
  mirror_.options["dropped_columns"] = "drop";
  for (std::size_t i = 0; i < table_.schema.columns.size(); ++i) table_.schema.columns[i].number = static_cast<std::int16_t>(i + 1);
  streaming();
  EXPECT_TRUE(target().dropped(table_, wait()).empty());
  MirrorTable to = table_;
  to.schema.columns.pop_back();
  to.notes.excluded.push_back({"u", 4});
  target().alter(table_, to, wait());
  MirrorTable swapped = to;
  std::swap(swapped.schema.columns[1].name, swapped.schema.columns[2].name);
  target().alter(to, swapped, wait());
  restart();
  EXPECT_EQ(target().dropped(table_, wait()), std::vector<std::int16_t>{4});
  target().take_back_names(to, swapped, wait());
  EXPECT_EQ(target().dropped(table_, wait()), std::vector<std::int16_t>{4});
  EXPECT_EQ(sql("SELECT name FROM system.columns WHERE database = currentDatabase() AND name IN ('v', 'big', 'u') ORDER BY position"),
            (Rows{{"v"}, {"big"}}));
}

TEST_F(ClickHouseTables, OfAnotherMirrorOrWithRowsAreRefused) {
  streaming();
  row("1");
  target();
  restart();
  lease_.uuid = make_uuid();
  ErrorText text = refusal();
  EXPECT_EQ(text.code, ErrorCode::target_unfit);
  EXPECT_NE(text.message.find("another mirror"), std::string::npos);
  EXPECT_NE(text.hint.find("DROP TABLE `public.sample`"), std::string::npos);
  sql("ALTER TABLE `public.sample` MODIFY COMMENT ''");
  EXPECT_NE(refusal().message.find("not empty"), std::string::npos);
  const Problems problems = target().preflight(std::span(&table_, 1), wait());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].cure_sql, "DROP TABLE `public.sample`");
  sql("TRUNCATE TABLE `public.sample`");
  prepare_table(target(), table_, wait());  // Empty and of the right shape: taken over.
  row("1");
  prepare_table(target(), table_, wait());
}

TEST_F(ClickHouseTables, OfPeerDbsVersionColumnOrOtherEnginesAreRefused) {
  sql("CREATE TABLE `public.sample` (id Int64, v Nullable(String), big Nullable(String), u Nullable(Int32), "
      "_PEERDB_IS_DELETED UInt8, "
      "_peerdb_version UInt64) ENGINE = ReplacingMergeTree(_peerdb_version) ORDER BY id");
  EXPECT_NE(refusal().message.find("version column"), std::string::npos);
  sql("DROP TABLE `public.sample` SYNC");
  sql("CREATE TABLE `public.sample` (id Int64) ENGINE = MergeTree ORDER BY id");
  EXPECT_NE(refusal().message.find("MergeTree"), std::string::npos);
  sql("DROP TABLE `public.sample` SYNC");
  sql("CREATE VIEW `public.sample` AS SELECT 1 AS id");
  EXPECT_NE(refusal().message.find("View"), std::string::npos);
}

TEST_F(ClickHouseTables, GrowByAddedColumnsWhoseDefaultFillsOlderRows) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  table_.schema.columns.push_back({"n", 1700, ((10 << 16) | 2) + 4, "numeric(10,2)", false, true, "-1.50"});
  table_.schema.columns.push_back({"t", 25, -1, "text", false, false, "it's"});
  table_.schema.columns.push_back({"ts", 1184, -1, "timestamptz", false, true, "2026-01-02 03:04:05.6+00"});
  table_.schema.columns.push_back({"d", 1082, -1, "date", false, true, "1901-02-03"});
  table_.schema.columns.push_back({"uu", 2950, -1, "uuid", false, true, "00112233-4455-6677-8899-aabbccddeeff"});
  table_.schema.columns.push_back({"b", 16, -1, "boolean", false, true, "t"});
  table_.schema.columns.push_back({"f", 701, -1, "float8", false, true, "-0.5"});
  table_.schema.columns.push_back({"y", 17, -1, "bytea", false, true, "\\x00ff"});
  table_.schema.columns.push_back({"tags", 1009, -1, "text[]", false, true, {}});
  table_.schema.columns.push_back({"nums", 1231, ((4 << 16) | 1) + 4, "numeric(4,1)[]", false, true, "{1.5,NULL}"});
  prepare_table(target(), table_, wait());
  const Rows defaults{{"1", "-1.5", "it's", "2026-01-02 03:04:05.600000", "1901-02-03",
                       "00112233-4455-6677-8899-aabbccddeeff", "true", "-0.5", "00FF", "[]", "true", "[1.5,NULL]",
                       "false"}};
  const std::string all =
      "SELECT id, n, t, ts, d, uu, b, f, hex(y), toString(tags), _peerdb_null_tags, toString(nums), _peerdb_null_nums" +
      from();
  EXPECT_EQ(sql(all), defaults);
  prepare_table(target(), table_, wait());
  // A change that leaves them out keeps them.
  writer.widen(table_);
  writer.begin(200)
      .update({"1", "a2", kSame, "1", kSame, kSame, kSame, kSame, kSame, kSame, kSame, kSame, kSame, kSame})
      .commit();
  apply(writer);
  EXPECT_EQ(sql(all), defaults);
}

TEST_F(ClickHouseTables, AreNotNarrowedOrRetyped) {
  streaming();
  table_.schema.columns[3].type_oid = 20;
  const ErrorText text = refusal();
  EXPECT_EQ(text.code, ErrorCode::schema_changed);
  EXPECT_NE(text.hint.find("MODIFY COLUMN `u` Nullable(Int64)"), std::string::npos);
  table_.schema.columns[3].type_oid = 23;
  table_.schema.columns[3].in_key = true;
  table_.schema.key = {0, 3};
  EXPECT_NE(refusal().message.find("key"), std::string::npos);
}

TEST_F(ClickHouseTables, BecomeNullableWhenTheSourceDoes) {
  table_.schema.columns[3].nullable = false;
  streaming();
  Writer strict(table_);
  strict.begin(100).insert({"1", "a", "A", Cell{}}).commit();
  EXPECT_THROW(apply(strict), Error);
  restart();
  table_.schema.columns[3].nullable = true;
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", Cell{}}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", Cell{}}}));
}

TEST_F(ClickHouseTables, StartAnewWithoutTheRowsOfBefore) {
  target().restart_copy(table_, {}, wait());  // Absent: nothing to do.
  table_.start = Lsn{1};
  const TargetIdentity made = target().create(table_, wait());
  row("5");
  row("18446744073709551616 * 2");
  table_.start = Lsn{2};
  target().restart_copy(table_, {}, wait());
  EXPECT_EQ(value("SELECT groupArray(toString(_peerdb_version)) FROM `public.sample`"), "['36893488147419103232']");
  table_.schema.columns[3].type_oid = 20;
  target().restart_copy(table_, made, wait());
  prepare_table(target(), table_, wait());
  EXPECT_EQ(value("SELECT count() FROM `public.sample`"), "0");
  row("7");
  sql("ALTER TABLE `public.sample` MODIFY COMMENT 'mine'");
  target().restart_copy(table_, {}, wait());
  EXPECT_EQ(value("SELECT count() FROM `public.sample`"), "1");
}

TEST_F(ClickHouseTables, AreNobodysOnceTheMirrorIsForgotten) {
  streaming();
  row("1");
  target().forget(wait());
  target().forget(wait());
  EXPECT_EQ(value("SELECT comment FROM system.tables WHERE database = currentDatabase()"), "");
  EXPECT_EQ(value("SELECT count() FROM `public.sample`"), "1");
}

// Rule 21: a statement whose client died runs on.
TEST_F(ClickHouseTables, LeftoversOfOlderEpochsAreKilledAndNewerOnesSpared) {
  const auto slow = [this](std::uint64_t epoch) {
    return std::jthread([this, id = "peerd:" + lease_.uuid + ":" + std::to_string(epoch) + ":deadbeef:1:1"] {
      clickhouse::Client client(clickhouse::access_of(peer_));
      try {
        client.query("SELECT sum(sleepEachRow(0.05)) FROM numbers(400) SETTINGS max_block_size = 1", Wait::at_most(30s),
                     {{"query_id", id}});
      } catch (const Error&) {
      }
    });
  };
  const auto running = [this](std::uint64_t epoch) {
    return value("SELECT count() FROM system.processes WHERE query_id = 'peerd:" + lease_.uuid + ":" +
                 std::to_string(epoch) + ":deadbeef:1:1'");
  };
  lease_.epoch = 6;
  std::jthread older = slow(5), newer = slow(7);
  while (running(5) != "1" || running(7) != "1") std::this_thread::yield();
  target();
  EXPECT_EQ(running(5), "0");
  EXPECT_EQ(running(7), "1");
  sql("KILL QUERY WHERE startsWith(query_id, 'peerd:" + lease_.uuid + "') ASYNC");
}

TEST(ClickHousePressure, LengthensTheIntervalAsPartsPileUp) {
  using clickhouse::interval_for_parts;
  EXPECT_EQ(interval_for_parts(1000ms, 10, 1000), 1000ms);
  EXPECT_EQ(interval_for_parts(1000ms, 250, 1000), 1000ms);
  EXPECT_EQ(interval_for_parts(1000ms, 300, 1000), 2000ms);
  EXPECT_EQ(interval_for_parts(1000ms, 700, 1000), 32000ms);
  EXPECT_EQ(interval_for_parts(1000ms, 5000, 1000), 60000ms);
  EXPECT_EQ(interval_for_parts(120000ms, 5000, 1000), 120000ms);
  EXPECT_EQ(interval_for_parts(0ms, 0, 0), 0ms);
}

TEST_F(ClickHouseTables, ACheckTellsWhatIsWrong) {
  const auto check = [this] { return make_clickhouse_session(peer_)->check(wait()); };
  EXPECT_TRUE(check().empty());
  const PeerSpec good = peer_;
  const auto first = [&]() -> ErrorText {
    const Problems problems = check();
    peer_ = good;
    return problems.empty() ? ErrorText{} : problems[0].text;
  };
  peer_.options["password"] = "wrong";
  EXPECT_EQ(first().code, ErrorCode::bad_password);
  peer_.options["database"] = "nowhere";
  ErrorText text = first();
  EXPECT_EQ(text.code, ErrorCode::not_found);
  EXPECT_NE(text.hint.find("CREATE DATABASE `nowhere`"), std::string::npos);
  peer_.options["database"] = "system";
  EXPECT_EQ(first().code, ErrorCode::invalid_option);
  peer_.options["port"] = "1";
  EXPECT_EQ(first().code, ErrorCode::unreachable);
  peer_.options["port"] = value("SELECT toString(tcpPort())");
  text = first();
  EXPECT_EQ(text.code, ErrorCode::target_unfit);
  EXPECT_NE(text.hint.find("8123"), std::string::npos);
  peer_.options["disable_tls"] = "false";
  EXPECT_FALSE(first().message.empty());
}

TEST_F(ClickHouseTables, ASessionAnswersQueries) {
  struct Sink final : RowSink {
    std::vector<std::string> names;
    Rows rows;
    void columns(std::span<const std::string> n) override { names.assign(n.begin(), n.end()); }
    void row(std::span<const std::optional<std::string_view>> cells) override {
      rows.emplace_back();
      for (const auto& cell : cells) rows.back().push_back(cell ? Cell{std::string(*cell)} : Cell{});
    }
  } sink;
  const auto session = make_clickhouse_session(peer_);
  session->query("SELECT number AS n, if(number = 1, NULL, 'a\\tb') AS t FROM numbers(2)", sink, wait());
  EXPECT_EQ(sink.names, (std::vector<std::string>{"n", "t"}));
  EXPECT_EQ(sink.rows, (Rows{{"0", "a\tb"}, {"1", Cell{}}}));
  EXPECT_THROW(session->query("SELECT nothing", sink, wait()), Error);
  EXPECT_FALSE(session->server_version(wait()).empty());
}

}  // namespace
}  // namespace peerd::testing_clickhouse
