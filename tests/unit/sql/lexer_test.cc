#include "lexer.h"

#include <gtest/gtest.h>

#include "statement_error.h"

namespace peerd::sql {
namespace {

using Kind = Token::Kind;

/// Position and message of the error that `sql` gives.
std::pair<std::size_t, std::string> error_of(std::string_view sql) {
  try {
    tokenize(sql);
  } catch (const StatementError& error) {
    EXPECT_EQ(error.sqlstate, "42601");
    return {error.at, error.text.message};
  }
  ADD_FAILURE() << "no error: " << sql;
  return {};
}

std::string only(std::string_view sql, Kind kind) {
  const auto tokens = tokenize(sql);
  EXPECT_EQ(tokens.size(), 2u) << sql;
  EXPECT_EQ(tokens[0].kind, kind) << sql;
  return tokens[0].text;
}

TEST(Lexer, DecodesEveryKindOfString) {
  EXPECT_EQ(only("'it''s'", Kind::text), "it's");
  EXPECT_EQ(only("'back\\slash'", Kind::text), "back\\slash");
  EXPECT_EQ(only("E'a\\n\\t\\\\\\'\\x41\\101\\u00e9'", Kind::text), "a\n\t\\'AA\xc3\xa9");
  EXPECT_EQ(only("e'it''s'", Kind::text), "it's");
  EXPECT_EQ(only("$$a'b$$", Kind::text), "a'b");
  EXPECT_EQ(only("$q$a$$b$q$", Kind::text), "a$$b");
  EXPECT_EQ(only("\"My \"\"Table\"\"\"", Kind::quoted), "My \"Table\"");
}

TEST(Lexer, TellsNumbersParametersAndSymbols) {
  EXPECT_EQ(only("1.5e-3", Kind::number), "1.5e-3");
  EXPECT_EQ(only(".5", Kind::number), ".5");
  EXPECT_EQ(only("$12", Kind::parameter), "12");
  EXPECT_EQ(only("::", Kind::symbol), "::");
  EXPECT_EQ(only("==", Kind::symbol), "==");
  EXPECT_EQ(only("peer$1", Kind::word), "peer$1");
}

TEST(Lexer, SkipsCommentsAlsoNestedOnes) {
  EXPECT_EQ(only("-- x\n a /* b /* c */ d */ -- end", Kind::word), "a");
  EXPECT_EQ(tokenize("").size(), 1u);
  EXPECT_EQ(tokenize("--").size(), 1u);
}

TEST(Lexer, SplitsAtSemicolonsOutsideOfStrings) {
  const auto tokens = tokenize(";select ';' ; ; select 2;");
  const auto statements = split_statements(tokens);
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].size(), 2u);
  EXPECT_EQ(statements[1][1].text, "2");
}

TEST(Lexer, SaysWhereWhatIsOpenBegan) {
  EXPECT_EQ(error_of("select 'abc"), std::pair(std::size_t{7}, std::string("unterminated quoted string")));
  EXPECT_EQ(error_of("a \"b").second, "unterminated quoted identifier");
  EXPECT_EQ(error_of("a /* b /* */").first, 2u);
  EXPECT_EQ(error_of("x $$a").second, "unterminated dollar-quoted string");
  EXPECT_EQ(error_of("\"\"").second, "zero-length delimited identifier");
  EXPECT_EQ(error_of("1abc").first, 0u);
  EXPECT_EQ(error_of("E'\\x'").second, "invalid escape in string");
  EXPECT_EQ(error_of("E'\\xff'").second, "invalid escape in string: not UTF-8");
}

TEST(Lexer, CountsPositionsInCharacters) {
  EXPECT_EQ(character_position("\xc3\xa9\xc3\xa9x", 4), 3u);
  EXPECT_FALSE(valid_utf8("\xff"));
  EXPECT_FALSE(valid_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(valid_utf8("\xc3"));
  EXPECT_TRUE(valid_utf8("\xf0\x9f\x98\x80"));
}

TEST(Lexer, FoldsUnquotedNamesOnly) {
  const auto tokens = tokenize("Foo \"Foo\"");
  EXPECT_EQ(tokens[0].folded(), "foo");
  EXPECT_EQ(tokens[1].folded(), "Foo");
}

}  // namespace
}  // namespace peerd::sql
