// Two types of one name: whether text that the one wrote is the same value in the other.
#include "peerd/postgres/type_leaves.h"

#include <gtest/gtest.h>

#include "peerd/postgres/types.h"

namespace peerd::postgres {
namespace {

TypeLeaf leaf(std::string path, std::uint32_t oid, std::string type, std::string plain = {}) {
  const bool modified = !plain.empty();
  return {std::move(path), oid, modified ? 7 : -1, type, modified ? std::move(plain) : type};
}
std::string compared(std::vector<TypeLeaf> source, std::vector<TypeLeaf> target) {
  return unlike({"public.t", std::move(source)}, {"public.t", std::move(target)});
}

TEST(TypeMakeUp, WhatKeepsEachValueIsAlike) {
  const TypeLeaf narrow = leaf("", kNumericOid, "numeric(10,2)", "numeric");
  EXPECT_EQ(compared({narrow}, {narrow}), "");
  EXPECT_EQ(compared({narrow}, {leaf("", kNumericOid, "numeric")}), "");
  EXPECT_EQ(compared({narrow}, {leaf("", kTextOid, "text")}), "");
  EXPECT_EQ(compared({leaf(".a", kInt4Oid, "integer")}, {leaf(".b", kInt8Oid, "bigint")}), "") << "an attribute's name is nothing of its text";
  // An enum's OID is another one at each server.
  EXPECT_EQ(compared({leaf("[]", 20000, "public.mood")}, {leaf("[]", 30000, "public.mood")}), "");
}

TEST(TypeMakeUp, WhatWouldChangeOneIsNot) {
  const TypeLeaf narrow = leaf("", kNumericOid, "numeric(10,2)", "numeric");
  EXPECT_EQ(compared({narrow}, {leaf("", kNumericOid, "numeric(10,1)", "numeric")}), "it has numeric(10,1) where the source's has numeric(10,2)");
  EXPECT_NE(compared({leaf("", kNumericOid, "numeric")}, {narrow}), "");
  EXPECT_NE(compared({leaf("", kInt8Oid, "bigint")}, {leaf("", kInt4Oid, "integer")}), "");
  const TypeLeaf a = leaf(".a", kInt4Oid, "integer"), b = leaf(".b", kInt4Oid, "integer");
  EXPECT_EQ(compared({a, b}, {b, a}), "it has b integer where the source's has a integer");
  EXPECT_EQ(compared({a, b}, {a}), "it lacks b integer");
  EXPECT_EQ(compared({a}, {a, b}), "it has b integer, which the source's has not");
}

}  // namespace
}  // namespace peerd::postgres
