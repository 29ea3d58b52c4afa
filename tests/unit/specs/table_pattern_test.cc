#include "peerd/specs/table_pattern.h"

#include <gtest/gtest.h>

#include "support/error_of.h"

namespace peerd {
namespace {

TEST(TablePattern, AStarStandsForAnyCharactersAndQuotesTakeItsMeaning) {
  const struct {
    const char* pattern;
    TableName table;
    bool fits;
  } cases[] = {
      {"public.*", {"public", "items"}, true},          {"public.*", {"Public", "items"}, false},
      {"*", {"public", "items"}, true},                 {"*", {"other", "items"}, false},
      {"public.events_*", {"public", "events_"}, true}, {"public.events_*", {"public", "event_1"}, false},
      {"public.*_a_*", {"public", "x_a_b"}, true},      {"public.*_a_*", {"public", "_a"}, false},
      {"public.a*a", {"public", "a"}, false},           {"public.a*a", {"public", "aa"}, true},
      {"app_*.*", {"app_1", "t"}, true},                {"app_*.t", {"app_1", "u"}, false},
      {"public.\"a*\"", {"public", "a*"}, true},        {"public.\"a*\"", {"public", "ab"}, false},
      {"public.\"A.b_\"*", {"public", "A.b_1"}, true},  {"\"q\"\"q\".*", {"q\"q", "x"}, true},
      {"public.a%_*", {"public", "a%_1"}, true},        {"public.a%_*", {"public", "abc1"}, false},
  };
  for (const auto& [pattern, table, fits] : cases) EXPECT_EQ(TablePattern(pattern).fits(table), fits) << pattern << " " << table.told();
  EXPECT_TRUE(is_pattern("public.*") && is_pattern("\"a\"*"));
  EXPECT_FALSE(is_pattern("public.t") || is_pattern("public.\"a*b\"") || is_pattern("public.\"a\"\"*\""));
  for (const char* none : {"a.b.*", "public.", ".*", "public.\"a*", ""})
    EXPECT_EQ(error_of([&] { TablePattern{none}; }).code, ErrorCode::invalid_option) << none;
}

TEST(TablePattern, TheRegularExpressionMeansTheSame) {
  const TablePattern pattern("a%p_*.\"x.(y)\"*");
  EXPECT_EQ(pattern.schema_regex(), "^a\\%p_.*$");
  EXPECT_EQ(pattern.name_regex(), "^x\\.\\(y\\).*$");
}

TEST(TablePattern, ATargetIsNamedAfterItsTable) {
  const TableName table{"app_1", "Events.2024"};
  EXPECT_EQ(target_by("analytics.*", table), "analytics.\"Events.2024\"");
  EXPECT_EQ(target_by("*", {"s", "t"}), "t");
  EXPECT_EQ(target_by("x.copy_*_2", {"s", "t"}), "x.copy_t_2");
  EXPECT_EQ(target_by("*.*", {"s", "t"}), "s.t");
  EXPECT_EQ(target_by("*_*", {"s", "t"}), "s_t");
  EXPECT_EQ(table.text(), "app_1.\"Events.2024\"");
  for (const char* none : {"analytics.t", "*.*.*"}) EXPECT_EQ(error_of([&] { target_by(none, table); }).code, ErrorCode::invalid_option);
}

TEST(TablePattern, ExceptTakesTablesOutAgain) {
  TableMapping pattern{"public.*", "public.*", {}};
  pattern.except = {"public.audit", "public.tmp_*"};
  EXPECT_EQ(named_by(pattern, {"public", "items"}), Named::yes);
  EXPECT_EQ(named_by(pattern, {"public", "audit"}), Named::excepted);
  EXPECT_EQ(named_by(pattern, {"public", "tmp_1"}), Named::excepted);
  EXPECT_EQ(named_by(pattern, {"other", "audit"}), Named::no);
}

}  // namespace
}  // namespace peerd
