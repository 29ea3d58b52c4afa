#include "clickhouse/marks.h"

#include <gtest/gtest.h>

#include "clickhouse/drop.h"

namespace peerd::clickhouse {
namespace {

ExistingTable commented(const std::string& comment) {
  ExistingTable table;
  table.exists = true;
  table.columns[std::string(kVersionColumn)].comment = comment;
  return table;
}

TEST(ClickHouseMarks, AMarkTakesThePlaceOfAnOlderOneOfItsKindAlone) {
  EXPECT_EQ(with_mark("", "peerd dropped 7 3"), "peerd dropped 7 3");
  EXPECT_EQ(with_mark("an operator's; word", "peerd names 7 ab"), "an operator's; word; peerd names 7 ab");
  EXPECT_EQ(with_mark("peerd names 7 ab; peerd dropped 7 3", "peerd names 7 cd"), "peerd dropped 7 3; peerd names 7 cd");
  EXPECT_EQ(with_mark("peerd names 7 ab; peerd dropped 7 3", "peerd dropped 7 3 5"), "peerd names 7 ab; peerd dropped 7 3 5");
  EXPECT_EQ(mark_of_kind("peerd names 7 ab; peerd dropped 7 3", "peerd names"), "peerd names 7 ab");
  EXPECT_EQ(mark_of_kind("peerd names 7 ab", "peerd dropped"), "");
}

TEST(ClickHouseMarks, NumbersAreOfThatSourceTableAlone) {
  const ExistingTable table = commented("peerd names 77 ab; peerd dropped 77 3 12");
  EXPECT_EQ(dropped_numbers(table, TableId{77}), (std::vector<std::int16_t>{3, 12}));
  EXPECT_TRUE(dropped_numbers(table, TableId{7}).empty());
  EXPECT_TRUE(dropped_numbers(commented("peerd dropped 77"), TableId{77}).empty());
  EXPECT_TRUE(dropped_numbers(commented(""), TableId{77}).empty());
  EXPECT_TRUE(dropped_numbers(ExistingTable{}, TableId{77}).empty());
}

}  // namespace
}  // namespace peerd::clickhouse
