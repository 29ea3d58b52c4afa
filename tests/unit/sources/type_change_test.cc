#include <gtest/gtest.h>

#include "peerd/postgres/type_change.h"
#include "peerd/postgres/types.h"
#include "source_parts.h"

// Which changes of a column's type keep the text of its values, and what a tracked table makes of one.
namespace peerd {
namespace {

using namespace postgres;
using Settled = TrackedTable::Settled;

constexpr std::int32_t numeric(int precision, int scale) { return ((precision << 16) | (scale & 0x7ff)) + 4; }

TEST(TypeChange, WhatTakesTheTextOfAnother) {
  struct Case {
    TypeId from, to;
    bool there, back;
  };
  const std::vector<Case> cases = {
      {{kInt2Oid}, {kInt4Oid}, true, false},
      {{kInt4Oid}, {kInt8Oid}, true, false},
      {{kInt8Oid}, {kNumericOid}, true, false},
      {{kInt4Oid}, {kNumericOid, numeric(10, 0)}, true, false},
      {{kInt4Oid}, {kNumericOid, numeric(9, 0)}, false, false},
      {{kInt4Oid}, {kNumericOid, numeric(12, 2)}, false, false},
      {{kInt4Oid}, {kVarcharOid, 11 + 4}, true, false},
      {{kInt4Oid}, {kVarcharOid, 10 + 4}, false, false},
      {{kInt4Oid}, {kTextOid}, true, false},
      {{kInt4Oid}, {kFloat8Oid}, false, false},
      {{kFloat4Oid}, {kFloat8Oid}, false, false},
      {{kNumericOid, numeric(10, 2)}, {kNumericOid, numeric(12, 2)}, true, false},
      {{kNumericOid, numeric(10, 2)}, {kNumericOid, numeric(12, 3)}, false, false},
      {{kNumericOid, numeric(10, -2)}, {kNumericOid, numeric(12, -2)}, true, false},
      {{kNumericOid, numeric(10, 2)}, {kNumericOid}, true, false},
      {{kVarcharOid, 14}, {kVarcharOid, 24}, true, false},
      {{kVarcharOid, 14}, {kVarcharOid}, true, false},
      {{kVarcharOid, 14}, {kTextOid}, true, false},
      {{kVarcharOid}, {kTextOid}, true, true},
      {{kTextOid}, {kVarcharOid, 24}, false, true},
      {{kBpcharOid, 14}, {kBpcharOid, 24}, false, false},
      {{kBpcharOid, 14}, {kTextOid}, true, false},
      {{1562, 10}, {1562, 20}, true, false},
      {{1560, 10}, {1560, 20}, false, false},
      {{kTimestampOid, 3}, {kTimestampOid}, true, false},
      {{kTimestampOid, 6}, {kTimestampOid}, true, true},
      {{kTimeOid, 0}, {kTimeOid, 3}, true, false},
      {{kTimestampOid}, {kTimestamptzOid}, false, false},
      {{kDateOid}, {kTimestampOid}, false, false},
      {{kIntervalOid, (4 << 16) | 0xffff}, {kIntervalOid}, true, false},
      {{kJsonOid}, {kJsonbOid}, false, false},
      {{142}, {kTextOid}, false, false},  // xml: its text is not what is stored.
      {{650}, {869}, false, false},       // cidr, inet
      {{kInt4ArrayOid}, {kInt8ArrayOid}, true, false},
      {{kVarcharArrayOid, 14}, {kTextArrayOid}, true, false},
      {{kInt4ArrayOid}, {kTextOid}, false, false},
      {{99'999, 3}, {99'999}, true, false},  // An extension's without its modifier.
      {{99'999, 3}, {99'999, 4}, false, false},
      {{99'999}, {kTextOid}, false, false}};
  for (const auto& [from, to, there, back] : cases) {
    EXPECT_EQ(takes_text_of(from, to), there) << from.oid << "(" << from.modifier << ") to " << to.oid << "(" << to.modifier << ")";
    EXPECT_EQ(takes_text_of(to, from), back) << to.oid << "(" << to.modifier << ") to " << from.oid << "(" << from.modifier << ")";
  }
}

LookedTable looked_as(std::uint32_t type) {
  LookedTable now = looked({"id", "a"});
  now.columns[1].type_oid = type;
  now.columns[1].type_name = "t" + std::to_string(type);
  now.columns[1].mark.altered = type;
  return now;
}

SentRelation sent_as(std::uint32_t type) {
  SentRelation relation = sent({"id", "a"});
  relation.columns[1].type_oid = type;
  return relation;
}

std::vector<Column> named(std::vector<Column> columns, const std::string& name) {
  for (Column& column : columns) column.type_name = name;
  return columns;
}

TrackedTable tracked(std::uint32_t now) {
  MirrorTable t = table({"id", "a"});
  EXPECT_TRUE(take_notes(t, {}, looked({"id", "a"})));
  TrackedTable tracked(t, {});
  tracked.looked(looked_as(now), Lsn{500}, Lsn{10});
  return tracked;
}

TEST(TypeChange, IsFollowedWhereTheStreamComesToIt) {
  TrackedTable t = tracked(kInt8Oid);
  EXPECT_TRUE(t.behind());
  t.announced(sent_as(kInt4Oid));
  ASSERT_EQ(t.settle(Lsn{150}, Lsn{100}), Settled::yes) << "a row of before";
  t.announced(sent_as(kInt8Oid));
  ASSERT_EQ(t.settle(Lsn{200}, Lsn{100}), Settled::retyped);
  ASSERT_EQ(t.retyped().size(), 1u);
  t.remember(Lsn{200}, Lsn{100});
  t.retype(named(t.retyped(), "bigint"));
  ASSERT_EQ(t.settle(Lsn{200}, Lsn{100}), Settled::yes);
  EXPECT_EQ(t.table().schema.columns[1].type_oid, kInt8Oid);
  EXPECT_EQ(t.table().schema.columns[1].type_name, "bigint");
  EXPECT_FALSE(t.behind());
  // After a kill both come again, in that order; and in no other.
  TrackedTable again(t.noted(), {});
  again.looked(looked_as(kInt8Oid), Lsn{600}, Lsn{100});
  for (const auto& [commit, type] : std::vector<std::pair<Lsn, std::uint32_t>>{
           {Lsn{150}, kInt4Oid}, {Lsn{200}, kInt4Oid}, {Lsn{200}, kInt8Oid}, {Lsn{250}, kInt8Oid}}) {
    again.announced(sent_as(type));
    EXPECT_EQ(again.settle(commit, Lsn{200}), Settled::yes) << commit.value << " " << type;
  }
  again.announced(sent_as(kInt4Oid));
  ASSERT_EQ(again.settle(Lsn{300}, Lsn{200}), Settled::retyped) << "narrowed since";
  EXPECT_THROW(again.retype(named(again.retyped(), "integer")), Error);
}

TEST(TypeChange, InTheTransactionThatTheShapesHoldFromEitherMayCome) {
  // Another table came by its new shape in it, and peerd was killed before this one's.
  TrackedTable t = tracked(kInt8Oid);
  t.announced(sent_as(kInt4Oid));
  EXPECT_EQ(t.settle(Lsn{200}, Lsn{200}), Settled::yes);
  t.announced(sent_as(kInt8Oid));
  EXPECT_EQ(t.settle(Lsn{200}, Lsn{200}), Settled::retyped);
}

TEST(TypeChange, AnotherTypeThanTheCatalogsOfNowIsFollowedToo) {
  TrackedTable t = tracked(kTextOid);
  t.announced(sent_as(kInt8Oid));
  ASSERT_EQ(t.settle(Lsn{200}, Lsn{100}), Settled::retyped);
  t.retype(named(t.retyped(), "bigint"));
  EXPECT_TRUE(t.behind()) << "text is still to come";
  t.announced(sent_as(kTextOid));
  ASSERT_EQ(t.settle(Lsn{300}, Lsn{100}), Settled::retyped);
}

TEST(TypeChange, ThatNothingFollowsIsTakenInTime) {
  TrackedTable t = tracked(kInt8Oid);
  EXPECT_FALSE(t.passed_all());
  t.looked(looked_as(kInt8Oid), Lsn{600}, Lsn{550});
  ASSERT_TRUE(t.passed_all());
  ASSERT_EQ(t.types_now().size(), 1u);
  t.retype(t.types_now());
  EXPECT_FALSE(t.behind());
  // Nor is one that cannot be followed passed over.
  t.looked(looked_as(kDateOid), Lsn{700}, Lsn{650});
  EXPECT_THROW(t.retype(t.types_now()), Error);
}

TEST(TypeChange, ARewriteWithItIsADoubtAndOfTheKeyTheEnd) {
  MirrorTable t = table({"id", "a"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "a"})));
  LookedTable now = looked_as(kInt8Oid);
  EXPECT_EQ(what_may_differ(t, now), "");
  now.file_node = 2;
  EXPECT_NE(what_may_differ(t, now), "");
  EXPECT_EQ(what_changed(t, now), "");
  now = looked({"id", "a"});
  now.columns[0].type_oid = kInt8Oid;
  now.columns[0].mark.altered = 9;
  EXPECT_EQ(what_changed(t, now), "");
  now.file_node = 2;
  EXPECT_NE(what_changed(t, now), "");
}

TEST(TypeChange, EnumsAndDomains) {
  Column from, to;
  from.type_oid = 50'000;
  to.type_oid = kTextOid;
  CatalogNotes::Mark mark;
  EXPECT_FALSE(can_follow(from, to, &mark));
  mark.types = {{.type = 50'000, .part = 1, .label = true}};
  EXPECT_TRUE(can_follow(from, to, &mark));
  to.type_modifier = 14, to.type_oid = kVarcharOid;
  EXPECT_FALSE(can_follow(from, to, &mark));
  from.base = {kInt4Oid, -1, "integer"};
  to = {};
  to.type_oid = kInt4Oid;
  EXPECT_TRUE(can_follow(from, to, nullptr));
  EXPECT_TRUE(can_follow(to, from, nullptr));
  to.type_oid = kInt2Oid;
  EXPECT_FALSE(can_follow(from, to, nullptr));
}

TEST(TypeChange, TheFirstNullTellsThatNotNullIsGone) {
  MirrorTable t = table({"id", "a"});
  for (Column& column : t.schema.columns) column.nullable = false;
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "a"})));
  TrackedTable tracked(t, {});
  tracked.looked(looked({"id", "a"}), Lsn{500}, Lsn{10});
  tracked.announced(sent({"id", "a"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::yes);
  using Kind = pgoutput::Cell::Kind;
  std::vector<pgoutput::Cell> cells(2);
  cells[0].kind = Kind::text, cells[1].kind = Kind::unchanged;
  pgoutput::Tuple row;
  row.cells = cells;
  EXPECT_TRUE(tracked.nulls_in(row).empty());
  cells[1].kind = Kind::null;
  row.cells = cells;
  ASSERT_EQ(tracked.nulls_in(row), (std::vector<std::uint16_t>{1}));
  tracked.let_be_null({1});
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::yes);
  EXPECT_TRUE(tracked.nulls_in(row).empty());
  EXPECT_FALSE(tracked.table().schema.columns[0].nullable) << "the key's";
}

}  // namespace
}  // namespace peerd
