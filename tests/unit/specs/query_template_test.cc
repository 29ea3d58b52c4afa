#include "peerd/specs/query_template.h"

#include <gtest/gtest.h>

#include "peerd/base/error.h"

namespace peerd {
namespace {

TEST(QueryTemplate, PutsValuesInThePlacesOfItsPlaceholders) {
  const QueryTemplate query("SELECT * FROM s.t WHERE w BETWEEN {{.start}} AND {{.end}} OR w = {{.end}} ;\n");
  EXPECT_TRUE(query.has_start() && query.has_end());
  EXPECT_EQ(query.with("1", "22"), "SELECT * FROM s.t WHERE w BETWEEN 1 AND 22 OR w = 22");
}

TEST(QueryTemplate, PassesOverWhatIsQuotedOrAComment) {
  for (const char* text :
       {"SELECT '{{.start}}'", "SELECT 1 AS \"{{.end}}\"", "SELECT 1 -- {{.start}}", "SELECT 1 /* {{.start}} /* ; */ {{.end}} */",
        "SELECT $$ {{.start}} ; ) $$", "SELECT $a$ {{.start}} $$ ; $a$", "SELECT E'\\'{{.start}}'", "SELECT ''';{{.start}}'"}) {
    const QueryTemplate query(text);
    EXPECT_FALSE(query.has_start() || query.has_end()) << text;
    EXPECT_EQ(query.with("1", "2"), text);
  }
  EXPECT_TRUE(QueryTemplate("SELECT 'a' || {{.start}}").has_start());
  EXPECT_TRUE(QueryTemplate("SELECT '\\' || {{.start}}").has_start());               // No escapes without E.
  EXPECT_TRUE(QueryTemplate("SELECT a$b$ + {{.start}} + a$b$ FROM t").has_start());  // Names may hold dollars.
  EXPECT_TRUE(QueryTemplate("SELECT -- one\n {{.start}}").has_start());
}

TEST(QueryTemplate, RefusesWhatIsNoSingleStatement) {
  for (const char* text :
       {"", " ; ", "SELECT 1; SELECT 2", "SELECT 1)", "SELECT (1", "SELECT 'a", "SELECT \"a", "SELECT 1 /* a", "SELECT $$a",
        "SELECT 1) AS x, (SELECT 2", "SELECT {{.from}}", "SELECT {{ .start }}", "SELECT 1 --;\n; DROP TABLE t"}) {
    try {
      const QueryTemplate query(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::invalid_option) << text;
      EXPECT_EQ(error.text.field, "query") << text;
    }
  }
}

TEST(QueryTemplate, FindsThePlaceInTheQueryAgain) {
  const std::string text = "SELECT \u00e4 FROM t WHERE w >= {{.start}} AND x = 1", value = "('2026-01-01'::date)";
  const QueryTemplate query(text);
  const std::string put = query.with(value, "");
  // In characters, of which the letter with dots is one.
  EXPECT_EQ(query.place_of(put.find("x = 1"), value, ""), text.find("x = 1"));
  EXPECT_EQ(query.place_of(8, value, ""), 8u);
  EXPECT_EQ(query.place_of(put.find("2026"), value, ""), text.find("{{"));
}

}  // namespace
}  // namespace peerd
