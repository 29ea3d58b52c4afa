#include <gtest/gtest.h>

#include "peerd/postgres/connection.h"
#include "peerd/postgres/types.h"

namespace peerd::postgres {
namespace {

TEST(PostgresErrors, SqlstatesMapToCodes) {
  EXPECT_EQ(error_text("28P01", "x", "").code, ErrorCode::bad_password);
  EXPECT_EQ(error_text("42501", "x", "").code, ErrorCode::no_privilege);
  EXPECT_EQ(error_text("53100", "x", "").code, ErrorCode::disk_full);
  EXPECT_EQ(error_text("42P01", "x", "").code, ErrorCode::not_found);
  EXPECT_EQ(error_text("08006", "x", "").code, ErrorCode::unreachable);
  EXPECT_EQ(error_text("23505", "x", "").code, ErrorCode::bad_value);
  EXPECT_EQ(error_text("XX000", "x", "").code, ErrorCode::peer_error);
}

TEST(PostgresErrors, WhatPassesIsRetriedLater) {
  for (const char* sqlstate : {"57P01", "57P02", "57P03", "40001", "40P01", "53300", "55P03", "08003"}) {
    EXPECT_EQ(error_text(sqlstate, "x", "").retry, Retry::later) << sqlstate;
  }
}

TEST(PostgresErrors, CellValuesStayOut) {
  EXPECT_EQ(error_text("22P02", "invalid input syntax for type integer: \"secret\"", "").message,
            "invalid input syntax for type integer");
  EXPECT_EQ(error_text("22003", "value \"99999999999\" is out of range for type integer", "").message,
            "is out of range for type integer");
}

TEST(PostgresErrors, TheServersHintWins) {
  EXPECT_EQ(error_text("28P01", "x", "theirs").hint, "theirs");
  EXPECT_NE(error_text("28P01", "x", "").hint, "");
}

TEST(QualifiedNames, AreTakenAsTyped) {
  EXPECT_EQ(parse_qualified("t").quoted(), "\"public\".\"t\"");
  EXPECT_EQ(parse_qualified("S.Tab").quoted(), "\"S\".\"Tab\"");
  EXPECT_EQ(parse_qualified("\"a.b\".\"c\"\"d\"").quoted(), "\"a.b\".\"c\"\"d\"");
}

TEST(QualifiedNames, BrokenOnesAreRefused) {
  for (const char* text : {"", ".", "a.", ".b", "a.b.c", "\"a", "\"\"", "a\"b", "\"a\"b"}) {
    EXPECT_THROW(parse_qualified(text), Error) << text;
  }
}

TEST(BuiltinTypes, ArraysKnowTheirElements) {
  EXPECT_EQ(element_type(kInt4ArrayOid), kInt4Oid);
  EXPECT_EQ(element_type(kInt4Oid), 0u);
  EXPECT_EQ(element_type(0), 0u);
  EXPECT_TRUE(binary_trusted(kNumericArrayOid));
  EXPECT_FALSE(binary_trusted(600));  // point
  EXPECT_FALSE(binary_trusted(kIntervalOid));
  EXPECT_FALSE(binary_trusted(kIntervalArrayOid));
  EXPECT_EQ(builtin_type(kUuidOid)->name, "uuid");
}

}  // namespace
}  // namespace peerd::postgres
