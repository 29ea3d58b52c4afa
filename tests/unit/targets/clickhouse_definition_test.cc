#include "clickhouse/definition.h"

#include <gtest/gtest.h>

// What is read off a CREATE statement, as the server writes it.
namespace peerd::clickhouse {
namespace {

using Strings = std::vector<std::string>;

TEST(ClickHouseDefinition, IsReadOffTheStatement) {
  const Definition found = read_definition(
      "CREATE TABLE lean.f (`id` Int64, `we \\` ird` String DEFAULT 'x, ) TTL PROJECTION' CODEC(ZSTD(1)) TTL toDateTime(ts) + "
      "toIntervalDay(1), `ts` DateTime, `TTL` UInt8, INDEX i ts TYPE minmax GRANULARITY 1, CONSTRAINT c CHECK id > 0, CONSTRAINT "
      "`a b` ASSUME id > 0, PROJECTION p (SELECT id ORDER BY ts)) ENGINE = ReplicatedReplacingMergeTree('/a', '{r}', v, `d e`) "
      "PARTITION BY toYYYYMM(ts) PRIMARY KEY id ORDER BY (id, ts) TTL ts + toIntervalDay(1) WHERE id > 5, `ts` + toIntervalDay(3) "
      "TO DISK 'default', ts + toIntervalDay(9) RECOMPRESS CODEC(ZSTD(9)), ts + toIntervalDay(8) GROUP BY id SET n = max(n) "
      "SETTINGS index_granularity = 100 COMMENT 'TTL x'");
  EXPECT_EQ(found.constraints, (Strings{"c", "a b"}));
  EXPECT_EQ(found.projections, Strings{"p"});
  EXPECT_EQ(found.expiring_columns, Strings{"we ` ird"});
  EXPECT_EQ(found.engine_arguments, (Strings{"/a", "{r}", "v", "d e"}));
  ASSERT_EQ(found.expiries.size(), 4u);
  EXPECT_TRUE(found.expiries[0].names.contains("ts") && found.expiries[0].names.contains("id"));
  EXPECT_FALSE(found.expiries[0].names.contains("toIntervalDay"));
  EXPECT_FALSE(found.expiries[0].moves || found.expiries[0].groups);
  EXPECT_TRUE(found.expiries[1].moves && found.expiries[2].moves);
  EXPECT_TRUE(found.expiries[3].groups && !found.expiries[3].moves);
}

TEST(ClickHouseDefinition, OfOtherThingsIsEmpty) {
  for (const char* text : {"", "CREATE VIEW v AS SELECT 1", "CREATE TABLE t (`a` Int8) ENGINE = Memory", "((((", "`", "'"}) {
    const Definition found = read_definition(text);
    EXPECT_TRUE(found.constraints.empty() && found.expiries.empty() && found.engine_arguments.empty()) << text;
  }
}

TEST(ClickHouseDefinition, PlainNamesOfAKey) {
  EXPECT_EQ(plain_names("id"), Strings{"id"});
  EXPECT_EQ(plain_names("`we ird`, id"), (Strings{"we ird", "id"}));
  EXPECT_EQ(plain_names("intDiv(id, 100), id"), (Strings{"", "id"}));
  EXPECT_EQ(plain_names("-id, id % 2"), (Strings{"", ""}));
  EXPECT_EQ(plain_names("(id)"), Strings{"id"});
  EXPECT_EQ(plain_names("tuple(`a b`, id)"), (Strings{"a b", "id"}));
  EXPECT_EQ(plain_names("(id) + (id)"), Strings{""});
  EXPECT_EQ(plain_names("tuple()"), Strings{});
  EXPECT_EQ(plain_names(""), Strings{});
}

}  // namespace
}  // namespace peerd::clickhouse
