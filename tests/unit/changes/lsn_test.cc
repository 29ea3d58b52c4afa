#include "peerd/changes/lsn.h"

#include <gtest/gtest.h>

namespace peerd {
namespace {

TEST(Lsn, IsWrittenAsPostgresWritesIt) {
  EXPECT_EQ(to_string(Lsn{}), "0/0");
  EXPECT_EQ(to_string(Lsn{0x16B374D848}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{0x1600000001}), "16/1");
  EXPECT_EQ(to_string(Lsn{~0ull}), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, IsReadBack) {
  for (const std::uint64_t value : {0ull, 1ull, 0x16B374D848ull, 0xFFFFFFFFull, 0x100000000ull, ~0ull})
    EXPECT_EQ(parse_lsn(to_string(Lsn{value})), Lsn{value});
  EXPECT_EQ(parse_lsn("16/b374d848"), Lsn{0x16B374D848});
}

TEST(Lsn, NothingElseIsOne) {
  for (const char* text : {"", "/", "1/", "/1", "1", "g/1", "1/g", "-1/1", "1/+1", " 1/1", "1/1 ", "1/1/1", "0x1/1",
                           "123456789/0", "0/123456789"})
    EXPECT_EQ(parse_lsn(text), std::nullopt) << text;
}

TEST(RowVersion, TheCommitDecidesBeforeTheChange) {
  EXPECT_LT((RowVersion{Lsn{1}, Lsn{9}}), (RowVersion{Lsn{2}, Lsn{3}}));
  EXPECT_LT((RowVersion{Lsn{2}, Lsn{3}}), (RowVersion{Lsn{2}, Lsn{4}}));
}

}  // namespace
}  // namespace peerd
