#include <gtest/gtest.h>

#include "clickhouse/retype.h"
#include "peerd/postgres/types.h"

namespace peerd::clickhouse {
namespace {

ColumnType type_of(std::uint32_t oid, std::int32_t modifier = -1) {
  Column column;
  column.type_oid = oid;
  column.type_modifier = modifier;
  return column_type(column);
}

constexpr std::int32_t numeric(int precision, int scale) { return ((precision << 16) | (scale & 0x7ff)) + 4; }

TEST(Retype, OnlyWhatKeepsEachValuesTextIsModified) {
  using namespace postgres;
  const ColumnType small = type_of(kInt2Oid), big = type_of(kInt8Oid), text = type_of(kTextOid);
  const ColumnType price = type_of(kNumericOid, numeric(8, 2)), whole = type_of(kNumericOid, numeric(20, 0));
  EXPECT_TRUE(keeps_values(small, big));
  EXPECT_FALSE(keeps_values(big, small));
  EXPECT_TRUE(keeps_values(big, text));
  EXPECT_TRUE(keeps_values(big, whole));
  EXPECT_FALSE(keeps_values(big, price));
  EXPECT_TRUE(keeps_values(price, type_of(kNumericOid, numeric(12, 2))));
  EXPECT_FALSE(keeps_values(price, type_of(kNumericOid, numeric(12, 3))));
  EXPECT_FALSE(keeps_values(price, text)) << "1.50 would be 1.5";
  EXPECT_TRUE(keeps_values(whole, text));
  EXPECT_FALSE(keeps_values(type_of(kFloat4Oid), type_of(kFloat8Oid)));
  EXPECT_TRUE(keeps_values(type_of(kInt4ArrayOid), type_of(kInt8ArrayOid)));
  EXPECT_FALSE(keeps_values(type_of(kInt4ArrayOid), text));
  EXPECT_TRUE(keeps_values(type_of(kTimestampOid, 3), type_of(kTimestampOid)));
}

}  // namespace
}  // namespace peerd::clickhouse
