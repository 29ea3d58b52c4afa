#include <gtest/gtest.h>

#include "clickhouse/column_trail.h"
#include "clickhouse/query_text.h"
#include "peerd/base/error.h"

// What is read out of ClickHouse's SQL: commands of system.mutations, and a person's SELECT.
namespace peerd::clickhouse {
namespace {

using Names = std::vector<std::string>;

Names replaced(std::initializer_list<const char*> commands, std::uint64_t since = 0) {
  ColumnTrail trail;
  for (const char* command : commands) trail.steps.push_back({trail.last() + 1, command});
  return replaced_columns(trail, since, {"a", "b c", "n.a", "q`q"});
}

TEST(ClickHouseColumnTrail, TellsColumnsThatTookANameFromThoseThatHadIt) {
  EXPECT_EQ(replaced({}), Names{});
  EXPECT_EQ(replaced({"(DROP COLUMN a)"}), Names{"a"});
  EXPECT_EQ(replaced({"DROP COLUMN IF EXISTS `b c`"}), Names{"b c"});
  EXPECT_EQ(replaced({"(CLEAR COLUMN n.a IN PARTITION '1')"}), Names{"n.a"});
  EXPECT_EQ(replaced({"(DROP COLUMN `n.a`)"}), Names{"n.a"});
  EXPECT_EQ(replaced({"(DROP COLUMN `q\\`q`)"}), Names{"q`q"});
  EXPECT_EQ(replaced({"(RENAME COLUMN a TO x)", "(RENAME COLUMN `b c` TO a)", "(RENAME COLUMN x TO `b c`)"}), (Names{"a", "b c"}));
  EXPECT_EQ(replaced({"(RENAME COLUMN a TO x)", "(RENAME COLUMN IF EXISTS x TO a)"}), Names{}) << "back as it was";
  EXPECT_EQ(replaced({"(UPDATE a = 1 WHERE 1)", "(DROP COLUMN other)", "(RENAME COLUMN other TO more)"}), Names{});
  EXPECT_EQ(replaced({"(DROP COLUMN a)", "(DROP COLUMN `b c`)"}, 1), Names{"b c"}) << "what was before is no loss";
}

TEST(ClickHouseQueryText, RefusesOtherFormsOfAnAnswerAndNothingElse) {
  for (const char* sql : {"SELECT 1 FORMAT JSON", "SELECT 1 format TSV;", "SELECT 1 FORMAT TSV SETTINGS max_threads = 1",
                          "SELECT a, count() FROM t GROUP BY a WITH /* so */ TOTALS", "SELECT 1 SETTINGS max_threads = 1, extremes = 1"}) {
    try {
      refuse_other_forms(sql);
      ADD_FAILURE() << sql;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::not_supported) << sql;
    }
  }
  for (const char* sql : {"SELECT 'x FORMAT JSON'", "SELECT 'it''s' FROM `with totals`", "SELECT 1 -- FORMAT JSON", "SELECT format FROM t ORDER BY format desc",
                          "SELECT format('{}', a) FROM t", "SELECT \"FORMAT\" FROM t", "SELECT 1 SETTINGS max_threads = 1", "SELECT 1 # FORMAT JSON\n"})
    EXPECT_NO_THROW(refuse_other_forms(sql)) << sql;
}

}  // namespace
}  // namespace peerd::clickhouse
