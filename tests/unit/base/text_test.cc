#include "peerd/base/text.h"

#include <gtest/gtest.h>

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
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = make_uuid();
    ASSERT_EQ(uuid.size(), 36u) << uuid;
    EXPECT_EQ(uuid[14], '4') << uuid;
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
    std::string form = uuid;
    for (char& c : form)
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) c = 'x';
    EXPECT_EQ(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
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
