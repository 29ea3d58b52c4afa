#include "peerd/base/text.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace peerd {
namespace {

TEST(Text, LowersAsciiOnly) { EXPECT_EQ(to_lower("AbZ-Ä9"), "abz-Ä9"); }

TEST(Text, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(split("a,b", ','), (Parts{"a", "b"}));
  EXPECT_EQ(split(",a,", ','), (Parts{"", "a", ""}));
  EXPECT_EQ(split("", ','), (Parts{""}));
}

TEST(Text, JoinIsTheInverseOfSplit) {
  for (const std::string_view text : {"", "a", "a,b", ",", ",a,,b"}) EXPECT_EQ(join(split(text, ','), ","), text);
  EXPECT_EQ(join({}, ","), "");
}

TEST(Text, QuotesAsPostgresDoes) {
  EXPECT_EQ(quote_identifier("a"), "\"a\"");
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("back\\slash"), "'back\\slash'");
}

TEST(Text, UuidsAreOfVersionFourAndDiffer) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = make_uuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(Text, FormatsInstants) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(1769860800123456), "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(format_utc(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc(951782400000000), "2000-02-29T00:00:00.000Z");
}

}  // namespace
}  // namespace peerd
