// Postgres's text and binary forms against the bytes of a Native block.
#include <gtest/gtest.h>

#include <cstring>

#include "clickhouse/asked_type.h"
#include "clickhouse/decimal.h"
#include "clickhouse/literal.h"
#include "clickhouse/nearest.h"
#include "clickhouse/values.h"
#include "peerd/base/error.h"
#include "peerd/postgres/types.h"

namespace peerd::clickhouse {
namespace {

using namespace postgres;

ColumnType type_of(std::uint32_t oid, std::int32_t modifier = -1, bool in_key = false, bool nullable = false) {
  return column_type({.name = "c", .type_oid = oid, .type_modifier = modifier, .in_key = in_key, .nullable = nullable});
}
std::int32_t numeric_modifier(int precision, int scale) { return ((precision << 16) | (scale & 0x7ff)) + 4; }

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
std::string network(T value) {
  std::string bytes = raw(value);
  return std::string(bytes.rbegin(), bytes.rend());
}

std::string from_text(const ColumnType& type, std::string_view text) {
  Bytes out;
  const char* wrong = append_text(type, text, out);
  return wrong != nullptr ? std::string("refused: ") + wrong : std::string(out.view());
}
std::string from_binary(const ColumnType& type, std::string_view bytes) {
  Bytes out;
  const char* wrong = append_binary(type, bytes, out);
  return wrong != nullptr ? std::string("refused: ") + wrong : std::string(out.view());
}
bool refused(const std::string& result) { return result.starts_with("refused"); }

TEST(ClickHouseTypes, FollowThePostgresType) {
  EXPECT_EQ(type_of(kBoolOid).name, "Bool");
  EXPECT_EQ(type_of(kInt2Oid).name, "Int16");
  EXPECT_EQ(type_of(kInt4Oid, -1, false, true).name, "Nullable(Int32)");
  EXPECT_EQ(type_of(kInt8Oid).name, "Int64");
  EXPECT_EQ(type_of(kFloat4Oid).name, "Float32");
  EXPECT_EQ(type_of(kFloat8Oid).name, "Float64");
  EXPECT_EQ(type_of(kNumericOid).name, "String");
  EXPECT_EQ(type_of(kNumericOid, numeric_modifier(10, 2)).name, "Decimal(10, 2)");
  EXPECT_EQ(type_of(kNumericOid, numeric_modifier(76, 38)).name, "Decimal(76, 38)");
  EXPECT_EQ(type_of(kNumericOid, numeric_modifier(77, 0)).name, "String");
  EXPECT_EQ(type_of(kNumericOid, numeric_modifier(3, -2)).name, "Decimal(5, 0)");
  EXPECT_EQ(type_of(kNumericOid, numeric_modifier(3, 5)).name, "Decimal(5, 5)");
  EXPECT_EQ(type_of(kDateOid).name, "Date32");
  EXPECT_EQ(type_of(kTimestampOid).name, "DateTime64(6, 'UTC')");
  EXPECT_EQ(type_of(kTimestamptzOid).name, "DateTime64(6, 'UTC')");
  EXPECT_EQ(type_of(kTimeOid).name, "String");
  EXPECT_EQ(type_of(kByteaOid).name, "String");
  EXPECT_EQ(type_of(kUuidOid).name, "UUID");
  EXPECT_EQ(type_of(kJsonbOid).name, "String");
  EXPECT_EQ(type_of(kInt4ArrayOid, -1, false, true).name, "Array(Nullable(Int32))");
  EXPECT_EQ(type_of(kNumericArrayOid, numeric_modifier(5, 1)).name, "Array(Nullable(Decimal(5, 1)))");
  EXPECT_EQ(type_of(99999).name, "String");
}

TEST(ClickHouseTypes, OfKeysMergeNoTwoValuesAndRefuseNone) {
  for (const std::uint32_t oid :
       {kFloat4Oid, kFloat8Oid, kDateOid, kTimestampOid, kTimestamptzOid, kNumericOid, kInt4ArrayOid})
    EXPECT_EQ(type_of(oid, -1, true, true).name, "String") << oid;
  EXPECT_EQ(type_of(kInt8Oid, -1, true, true).name, "Int64");
  EXPECT_EQ(type_of(kNumericOid, numeric_modifier(20, 0), true).name, "Decimal(20, 0)");
  EXPECT_NE(from_text(type_of(kNumericOid, -1, true), "1.0"), from_text(type_of(kNumericOid, -1, true), "1.00"));
  EXPECT_NE(from_text(type_of(kFloat8Oid, -1, true), "0"), from_text(type_of(kFloat8Oid, -1, true), "-0"));
}

TEST(ClickHouseTypes, ATableIsCopiedInTextFormWhenACastMightChangeAValue) {
  TableSchema schema;
  schema.columns = {{.name = "id", .type_oid = kInt8Oid, .in_key = true}, {.name = "t", .type_oid = kTimeOid}};
  schema.key = {0};
  CopyPlan plan = copy_plan(table_layout(schema, "d", ""));
  EXPECT_EQ(plan.form, CopyForm::binary);
  EXPECT_EQ(plan.select_casts, (std::vector<std::string>{"", "text"}));
  schema.columns.push_back({.name = "mood", .type_oid = 16500});  // May be a domain over inet.
  plan = copy_plan(table_layout(schema, "d", ""));
  EXPECT_EQ(plan.form, CopyForm::text);
  EXPECT_EQ(plan.select_casts, (std::vector<std::string>{"", "", ""}));
}

TEST(ClickHouseCodec, IntegersAgreeInBothForms) {
  EXPECT_EQ(from_text(type_of(kInt2Oid), "-32768"), raw<std::int16_t>(-32768));
  EXPECT_EQ(from_binary(type_of(kInt2Oid), network<std::int16_t>(-32768)), raw<std::int16_t>(-32768));
  for (const std::int32_t v : {INT32_MIN, -1, 0, 1, INT32_MAX}) {
    EXPECT_EQ(from_text(type_of(kInt4Oid), std::to_string(v)), raw(v));
    EXPECT_EQ(from_binary(type_of(kInt4Oid), network(v)), raw(v));
  }
  for (const std::int64_t v : {INT64_MIN, std::int64_t{-1}, INT64_MAX}) {
    EXPECT_EQ(from_text(type_of(kInt8Oid), std::to_string(v)), raw(v));
    EXPECT_EQ(from_binary(type_of(kInt8Oid), network(v)), raw(v));
  }
  EXPECT_TRUE(refused(from_text(type_of(kInt4Oid), "2147483648")));
  EXPECT_TRUE(refused(from_text(type_of(kInt4Oid), "")));
  EXPECT_TRUE(refused(from_text(type_of(kInt4Oid), "1x")));
  EXPECT_TRUE(refused(from_binary(type_of(kInt4Oid), "abc")));
}

TEST(ClickHouseCodec, BooleansAgreeInBothForms) {
  EXPECT_EQ(from_text(type_of(kBoolOid), "t"), std::string("\1"));
  EXPECT_EQ(from_text(type_of(kBoolOid), "f"), std::string(1, '\0'));
  EXPECT_EQ(from_binary(type_of(kBoolOid), std::string(1, '\1')), std::string("\1"));
  EXPECT_TRUE(refused(from_text(type_of(kBoolOid), "true")));
}

TEST(ClickHouseCodec, FloatsAgreeInBothForms) {
  for (const double v : {0.0, -0.0, 1.5, -1e308, 5e-324, 1.7976931348623157e308}) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", v);
    std::uint64_t bits;
    std::memcpy(&bits, &v, sizeof v);
    EXPECT_EQ(from_text(type_of(kFloat8Oid), text), raw(v)) << text;
    EXPECT_EQ(from_binary(type_of(kFloat8Oid), network(bits)), raw(v)) << text;
  }
  EXPECT_EQ(from_text(type_of(kFloat8Oid), "NaN"),
            from_binary(type_of(kFloat8Oid), network<std::uint64_t>(0xfff8000000000001)));
  EXPECT_EQ(from_text(type_of(kFloat8Oid), "-Infinity"),
            from_binary(type_of(kFloat8Oid), network<std::uint64_t>(0xfff0000000000000)));
  EXPECT_EQ(from_text(type_of(kFloat4Oid), "1e-45"), from_binary(type_of(kFloat4Oid), network<std::uint32_t>(1)));
  EXPECT_EQ(from_text(type_of(kFloat4Oid), "3.4028235e+38"),
            from_binary(type_of(kFloat4Oid), network<std::uint32_t>(0x7f7fffff)));
}

std::string numeric_binary(std::initializer_list<int> digits, int weight, int sign, int scale) {
  std::string out = network(static_cast<std::uint16_t>(digits.size())) + network(static_cast<std::int16_t>(weight)) +
                    network(static_cast<std::uint16_t>(sign)) + network(static_cast<std::uint16_t>(scale));
  for (const int d : digits) out += network(static_cast<std::uint16_t>(d));
  return out;
}

TEST(ClickHouseCodec, DecimalsAgreeInBothForms) {
  const ColumnType small = type_of(kNumericOid, numeric_modifier(9, 2));
  EXPECT_EQ(from_text(small, "1234567.89"), raw<std::int32_t>(123456789));
  EXPECT_EQ(from_binary(small, numeric_binary({123, 4567, 8900}, 1, 0, 2)), raw<std::int32_t>(123456789));
  EXPECT_EQ(from_text(small, "-0.05"), raw<std::int32_t>(-5));
  EXPECT_EQ(from_binary(small, numeric_binary({500}, -1, 0x4000, 2)), raw<std::int32_t>(-5));
  EXPECT_EQ(from_text(small, "0.00"), raw<std::int32_t>(0));
  EXPECT_EQ(from_binary(small, numeric_binary({}, 0, 0, 2)), raw<std::int32_t>(0));
  EXPECT_EQ(from_text(small, "7"), raw<std::int32_t>(700));
  EXPECT_EQ(from_text(small, "7.500"), raw<std::int32_t>(750));
  const ColumnType middle = type_of(kNumericOid, numeric_modifier(38, 0));
  const __int128 big = static_cast<__int128>(-1000000000000000000) * 10000000000000000000u;
  EXPECT_EQ(from_text(middle, "-10000000000000000000000000000000000000"), raw(big));
  EXPECT_EQ(from_binary(middle, numeric_binary({10}, 9, 0x4000, 0)), raw(big));
}

TEST(ClickHouseCodec, DecimalsOfSeventySixDigitsKeepEachOfThem) {
  const ColumnType wide = type_of(kNumericOid, numeric_modifier(76, 0));
  const std::string nines(76, '9');
  const std::string bytes = from_text(wide, nines);
  ASSERT_EQ(bytes.size(), 32u);
  Magnitude back;
  std::memcpy(back.words, bytes.data(), 32);
  std::string digits;
  while (!back.zero()) {
    unsigned __int128 rest = 0;
    for (int i = 3; i >= 0; --i) {
      rest = rest << 64 | back.words[i];
      back.words[i] = static_cast<std::uint64_t>(rest / 10);
      rest %= 10;
    }
    digits += static_cast<char>('0' + static_cast<int>(rest));
  }
  EXPECT_EQ(digits, nines);
  EXPECT_EQ(bytes, from_binary(wide, numeric_binary({9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999,
                                                     9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999},
                                                    18, 0, 0)));
  // A fraction's last group of four has zeros that are no digits of the type.
  const ColumnType half = type_of(kNumericOid, numeric_modifier(76, 38));
  const std::string halves = std::string(38, '9') + "." + std::string(38, '9');
  EXPECT_EQ(from_text(half, halves), bytes);
  EXPECT_EQ(from_binary(half, numeric_binary({99,   9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999,
                                              9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900},
                                             9, 0, 38)),
            bytes);
  const std::string minus = from_text(wide, "-1");
  EXPECT_EQ(minus, std::string(32, '\xff'));
  EXPECT_TRUE(refused(from_text(wide, nines + "9")));
  EXPECT_TRUE(refused(from_text(wide, std::string(200, '9'))));
}

TEST(ClickHouseCodec, ADecimalThatDoesNotFitIsRefusedAndNeverRounded) {
  const ColumnType small = type_of(kNumericOid, numeric_modifier(4, 2));
  EXPECT_TRUE(refused(from_text(small, "100.00")));
  EXPECT_TRUE(refused(from_text(small, "0.001")));
  EXPECT_TRUE(refused(from_text(small, "NaN")));
  EXPECT_TRUE(refused(from_text(small, "-Infinity")));
  EXPECT_TRUE(refused(from_text(small, "")));
  EXPECT_TRUE(refused(from_text(small, "1e3")));
  EXPECT_TRUE(refused(from_binary(small, numeric_binary({100}, 0, 0, 0))));
  EXPECT_TRUE(refused(from_binary(small, numeric_binary({10}, -1, 0, 3))));
  EXPECT_TRUE(refused(from_binary(small, numeric_binary({}, 0, 0xC000, 0))));
  EXPECT_TRUE(refused(from_binary(small, numeric_binary({1}, 30000, 0, 0))));
  EXPECT_TRUE(refused(from_binary(small, "abc")));
}

TEST(ClickHouseCodec, TextsAndBytesStayAsTheyAre) {
  EXPECT_EQ(from_text(type_of(kTextOid), ""), std::string(1, '\0'));
  EXPECT_EQ(from_text(type_of(kTextOid), "a\nü"), std::string("\4a\nü"));
  EXPECT_EQ(from_binary(type_of(kBpcharOid), "a  "), std::string("\3a  "));
  EXPECT_EQ(from_text(type_of(kTextOid), std::string(300, 'x')), std::string("\xac\x02") + std::string(300, 'x'));
  EXPECT_EQ(from_text(type_of(kByteaOid), "\\x00fF41"), std::string("\3\0\xff"
                                                                    "A",
                                                                    4));
  EXPECT_EQ(from_binary(type_of(kByteaOid), std::string_view("\0\xff"
                                                             "A",
                                                             3)),
            std::string("\3\0\xff"
                        "A",
                        4));
  EXPECT_EQ(from_text(type_of(kByteaOid), "\\x"), std::string(1, '\0'));
  EXPECT_TRUE(refused(from_text(type_of(kByteaOid), "\\x0g")));
  EXPECT_EQ(from_text(type_of(kJsonbOid), "{\"a\": 1}"), from_binary(type_of(kJsonbOid), "\1{\"a\": 1}"));
  EXPECT_TRUE(refused(from_binary(type_of(kJsonbOid), "\2{}")));
}

TEST(ClickHouseCodec, UuidsAgreeInBothForms) {
  const char bytes[] = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
  const std::string stored = raw<std::uint64_t>(0x0011223344556677) + raw<std::uint64_t>(0x8899aabbccddeeff);
  EXPECT_EQ(from_text(type_of(kUuidOid), "00112233-4455-6677-8899-aabbccddeeff"), stored);
  EXPECT_EQ(from_binary(type_of(kUuidOid), {bytes, 16}), stored);
  EXPECT_TRUE(refused(from_text(type_of(kUuidOid), "00112233")));
}

TEST(ClickHouseCodec, DatesAgreeInBothFormsUpToTheBorders) {
  const ColumnType date = type_of(kDateOid);
  EXPECT_EQ(from_text(date, "1900-01-01"), raw<std::int32_t>(-25567));
  EXPECT_EQ(from_text(date, "2299-12-31"), raw<std::int32_t>(120529));
  EXPECT_EQ(from_text(date, "2000-01-01"), from_binary(date, network<std::int32_t>(0)));
  EXPECT_EQ(from_text(date, "1999-12-31"), from_binary(date, network<std::int32_t>(-1)));
  EXPECT_EQ(from_text(date, "2299-12-31"), from_binary(date, network<std::int32_t>(120529 - 10957)));
  for (const char* out :
       {"1899-12-31", "2300-01-01", "infinity", "-infinity", "0044-03-15 BC", "12026-01-01", "2026-1-1", ""})
    EXPECT_TRUE(refused(from_text(date, out))) << out;
  for (const std::int32_t out : {INT32_MAX, INT32_MIN, -25568 - 10957, 120530 - 10957})
    EXPECT_TRUE(refused(from_binary(date, network(out)))) << out;
}

TEST(ClickHouseCodec, TimestampsAgreeInBothFormsUpToTheBorders) {
  const ColumnType type = type_of(kTimestamptzOid);
  EXPECT_EQ(from_text(type, "1970-01-01 00:00:00.000001"), raw<std::int64_t>(1));
  EXPECT_EQ(from_text(type, "1969-12-31 23:59:59.5+00"), raw<std::int64_t>(-500000));
  EXPECT_EQ(from_text(type, "2026-11-22 12:00:00+05:30"), from_text(type, "2026-11-22 06:30:00"));
  EXPECT_EQ(from_text(type, "2026-11-22 12:00:00-08"), from_text(type, "2026-11-22 20:00:00"));
  EXPECT_EQ(from_text(type, "2000-01-01 00:00:00+00"), from_binary(type, network<std::int64_t>(0)));
  EXPECT_EQ(from_text(type, "2299-12-31 23:59:59.999999"),
            from_binary(type, network<std::int64_t>((120530 - 10957) * INT64_C(86400000000) - 1)));
  EXPECT_EQ(from_text(type, "1900-01-01 00:00:00"), raw<std::int64_t>(-25567 * INT64_C(86400000000)));
  for (const char* out :
       {"1899-12-31 23:59:59.999999", "2300-01-01 00:00:00", "infinity", "-infinity", "0001-01-01 00:00:00 BC",
        "2299-12-31 23:00:00-02", "2026-01-01", "2026-01-01 00:00:00.1234567", "2026-01-01 00:00:00x"})
    EXPECT_TRUE(refused(from_text(type, out))) << out;
  for (const std::int64_t out : {INT64_MAX, INT64_MIN, (120530 - 10957) * INT64_C(86400000000)})
    EXPECT_TRUE(refused(from_binary(type, network(out)))) << out;
}

TEST(ClickHouseLiteral, OfAnAddedColumnsDefaultIsExact) {
  TableLayout layout;
  layout.table = "public.t";
  layout.sources = layout.names = {"c"};
  const auto of = [&](const ColumnType& type, std::string_view text) {
    layout.types = {type};
    return literal(layout, 0, text);
  };
  EXPECT_EQ(of(type_of(kTextOid), "it's \\"), "'it\\'s \\\\'");
  EXPECT_EQ(of(type_of(kBoolOid, -1, false, true), "t"), "true");
  EXPECT_EQ(of(type_of(kByteaOid), "\\x00ff"), "unhex('00ff')");
  EXPECT_EQ(of(type_of(kInt4Oid, -1, false, true), "-1"), "reinterpret(unhex('ffffffff'), 'Int32')");
  EXPECT_THROW(of(type_of(kDateOid), "infinity"), Error);
}

ColumnType asked(std::uint32_t oid, std::string_view type, std::int32_t modifier = -1, bool in_key = false) {
  return asked_type({.name = "c", .type_oid = oid, .type_modifier = modifier, .in_key = in_key, .nullable = false}, type);
}
bool possible(std::uint32_t oid, std::string_view type, std::int32_t modifier = -1, bool in_key = false) {
  try {
    asked(oid, type, modifier, in_key);
    return true;
  } catch (const Error& error) {
    EXPECT_FALSE(error.text.hint.empty()) << type;
    return false;
  }
}

TEST(ClickHouseAskedTypes, HoldEachValueOrRefuseIt) {
  EXPECT_EQ(from_text(asked(kInt8Oid, "UInt32"), "4294967295"), raw<std::uint32_t>(4294967295));
  EXPECT_TRUE(refused(from_text(asked(kInt8Oid, "UInt32"), "4294967296")));
  EXPECT_TRUE(refused(from_text(asked(kInt8Oid, "UInt32"), "-1")));
  EXPECT_EQ(from_text(asked(kInt2Oid, "Int8"), "-128"), raw<std::int8_t>(-128));
  EXPECT_TRUE(refused(from_text(asked(kInt2Oid, "Int8"), "-129")));
  EXPECT_TRUE(refused(from_text(asked(kInt2Oid, "Int8"), "128")));
  EXPECT_EQ(from_binary(asked(kInt8Oid, "Int64"), network<std::int64_t>(std::numeric_limits<std::int64_t>::min())),
            raw(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(from_binary(asked(kInt4Oid, "Int128"), network<std::int32_t>(-2)), std::string("\xfe") + std::string(15, '\xff'));
  EXPECT_EQ(from_text(asked(kNumericOid, "Int128"), "-170141183460469231731687303715884105728"), std::string(15, '\0') + "\x80");
  EXPECT_TRUE(refused(from_text(asked(kNumericOid, "Int128"), "170141183460469231731687303715884105728")));
  EXPECT_EQ(from_text(asked(kNumericOid, "UInt256"),
                      "115792089237316195423570985008687907853269984665640564039457584007913129639935"),
            std::string(32, '\xff'));
  EXPECT_TRUE(refused(from_text(asked(kNumericOid, "UInt256"),
                                "115792089237316195423570985008687907853269984665640564039457584007913129639936")));
  EXPECT_TRUE(refused(from_text(asked(kNumericOid, "Int64"), "1.5")));
  EXPECT_EQ(from_text(asked(kNumericOid, "Int64"), "15.00"), raw<std::int64_t>(15));
  EXPECT_TRUE(refused(from_text(asked(kNumericOid, "Int64"), "NaN")));
  EXPECT_EQ(from_text(asked(kInt4Oid, "Decimal(9, 2)"), "-5"), raw<std::int32_t>(-500));
  EXPECT_TRUE(refused(from_text(asked(kNumericOid, "Decimal(18, 2)"), "0.001")));
  EXPECT_EQ(from_text(asked(kTimestamptzOid, "DateTime64(3)"), "1970-01-01 00:00:01.5+00"), raw<std::int64_t>(1500));
  EXPECT_EQ(from_binary(asked(kTimestampOid, "DateTime64(9, 'UTC')"), network<std::int64_t>(1)), raw<std::int64_t>(946684800000001000));
  EXPECT_TRUE(refused(from_text(asked(kTimestamptzOid, "DateTime64(3)"), "1970-01-01 00:00:01.0005+00")));
  EXPECT_TRUE(refused(from_text(asked(kTimestamptzOid, "DateTime64(9)"), "2290-01-01 00:00:00+00")));
  EXPECT_EQ(from_text(asked(kTimestampOid, "DateTime('UTC')"), "2106-02-07 06:28:15"), raw<std::uint32_t>(4294967295));
  EXPECT_TRUE(refused(from_text(asked(kTimestampOid, "DateTime('UTC')"), "2106-02-07 06:28:16")));
  EXPECT_TRUE(refused(from_text(asked(kTimestampOid, "DateTime('UTC')"), "1969-12-31 23:59:59")));
  EXPECT_EQ(from_text(asked(kDateOid, "Date"), "2149-06-06"), raw<std::uint16_t>(65535));
  EXPECT_TRUE(refused(from_text(asked(kDateOid, "Date"), "2149-06-07")));
  EXPECT_TRUE(refused(from_text(asked(kDateOid, "Date"), "1969-12-31")));
  EXPECT_EQ(from_text(asked(kBoolOid, "UInt8"), "t"), "\1");
  EXPECT_EQ(asked(kTextOid, "LowCardinality(Nullable(String))").declared(), "LowCardinality(Nullable(String))");
  EXPECT_EQ(asked(kNumericOid, " nullable( decimal64(2) ) ").name, "Nullable(Decimal(18, 2))");
  EXPECT_EQ(asked(kNumericArrayOid, "Array(Nullable(Decimal(5)))").name, "Array(Nullable(Decimal(5, 0)))");
  EXPECT_EQ(asked(kByteaOid, "String").scalar, Scalar::bytes);
}

TEST(ClickHouseAskedTypes, OfOtherMeaningsOrThatMergeKeysAreRefused) {
  for (const char* type : {"Float64", "String(3)", "DateTime", "Array(Int64)", "Bool", "Int63", "UInt", "Decimal", "Decimal(0, 0)", "Decimal(5, 6)",
                           "Decimal32", "Enum8('a' = 1)", "LowCardinality(Int64)", "JSON", "", "(", "Int64)"})
    EXPECT_FALSE(possible(kInt8Oid, type)) << type;
  for (const char* type : {"DateTime64", "DateTime64(10, 'UTC')", "DateTime64(6)", "DateTime", "DateTime64(6, 'Europe/Berlin')", "Date", "DateTime64(6, UTC)"})
    EXPECT_FALSE(possible(kTimestampOid, type)) << type;
  EXPECT_TRUE(possible(kTimestamptzOid, "DateTime64(6, 'Europe/Berlin')"));
  EXPECT_FALSE(possible(kTimestamptzOid, "DateTime64(6, 'a\\'')"));
  EXPECT_FALSE(possible(kTextOid, "Int64"));
  EXPECT_FALSE(possible(kByteaOid, "Array(String)"));
  // Keys: what is equal there and not here, or the other way.
  EXPECT_FALSE(possible(kNumericOid, "Decimal(18, 2)", -1, true));
  EXPECT_TRUE(possible(kNumericOid, "Decimal(18, 2)", numeric_modifier(10, 2), true));
  EXPECT_FALSE(possible(kFloat8Oid, "Float64", -1, true));
  EXPECT_FALSE(possible(kInt4ArrayOid, "Array(Int32)", -1, true));
  EXPECT_TRUE(possible(kTimestamptzOid, "DateTime64(6, 'UTC')", -1, true));
  EXPECT_FALSE(possible(kInt8Oid, "Nullable(Int64)", -1, true));
}

std::string nearest(const ColumnType& type, std::string_view text) {
  Bytes out;
  return append_nearest(type, text, out) ? std::string(out.view()) : "none";
}

TEST(ClickHouseNearest, OfANumberIsTheBorderOrTheRoundedOne) {
  const ColumnType cents = asked(kNumericOid, "Decimal(6, 2)"), byte = asked(kInt8Oid, "Int8"), natural = asked(kNumericOid, "UInt64");
  for (const auto& [text, value] : {std::pair{"0.005", 1}, {"-0.005", -1}, {"0.00499", 0}, {"-0.001", 0}, {"9999.994", 999999}, {"9999.995", 999999},
                                    {"-1e0", 0}, {"10000", 999999}, {"-123456789", -999999}, {"Infinity", 999999}, {"-Infinity", -999999}, {"0.5", 50},
                                    {"09.999", 1000}})
    if (std::string_view(text) == "-1e0") {
      EXPECT_EQ(nearest(cents, text), "none");
    } else {
      EXPECT_EQ(nearest(cents, text), raw<std::int32_t>(value)) << text;
    }
  EXPECT_EQ(nearest(cents, "NaN"), "none");
  EXPECT_EQ(nearest(byte, "128"), raw<std::int8_t>(127));
  EXPECT_EQ(nearest(byte, "-129"), raw<std::int8_t>(-128));
  EXPECT_EQ(nearest(byte, "-7"), raw<std::int8_t>(-7));
  EXPECT_EQ(nearest(natural, "-0.5"), raw<std::uint64_t>(0));
  EXPECT_EQ(nearest(natural, "1.5"), raw<std::uint64_t>(2));
  EXPECT_EQ(nearest(natural, std::string(100, '9')), raw<std::uint64_t>(~0ull));
  EXPECT_EQ(nearest(asked(kNumericOid, "Int256"), std::string(100, '9')), std::string(31, '\xff') + "\x7f");
  EXPECT_EQ(nearest(asked(kNumericOid, "Int256"), "-" + std::string(100, '9')), std::string(31, '\0') + "\x80");
  EXPECT_EQ(nearest(asked(kNumericOid, "Decimal(76, 0)"), "-Infinity"), from_text(asked(kNumericOid, "Decimal(76, 0)"), "-" + std::string(76, '9')));
}

TEST(ClickHouseNearest, OfATimeIsTheBorderOrTheRoundedOne) {
  const ColumnType at = type_of(kTimestamptzOid), milli = asked(kTimestampOid, "DateTime64(3, 'UTC')"), second = asked(kTimestampOid, "DateTime('UTC')");
  const std::string last = from_text(at, "2299-12-31 23:59:59.999999+00"), first = from_text(at, "1900-01-01 00:00:00+00");
  for (const char* text : {"infinity", "2300-01-01 00:00:00+00", "294276-12-31 23:59:59.999999+00", "10000-01-01 00:00:00+00"}) EXPECT_EQ(nearest(at, text), last) << text;
  for (const char* text : {"-infinity", "1899-12-31 23:59:59.999999+00", "0001-01-01 00:00:00+00", "4713-01-01 00:00:00+00 BC"}) EXPECT_EQ(nearest(at, text), first) << text;
  EXPECT_EQ(nearest(milli, "1970-01-01 00:00:00.0005"), raw<std::int64_t>(1));
  EXPECT_EQ(nearest(milli, "1969-12-31 23:59:59.9995"), raw<std::int64_t>(0));
  EXPECT_EQ(nearest(milli, "1969-12-31 23:59:59.9994"), raw<std::int64_t>(-1));
  EXPECT_EQ(nearest(milli, "2299-12-31 23:59:59.9999"), from_text(milli, "2299-12-31 23:59:59.999"));
  EXPECT_EQ(nearest(second, "1969-12-31 00:00:00"), raw<std::uint32_t>(0));
  EXPECT_EQ(nearest(second, "2200-01-01 00:00:00"), raw<std::uint32_t>(~0u));
  EXPECT_EQ(nearest(asked(kTimestamptzOid, "DateTime64(9)"), "infinity"), raw<std::int64_t>(INT64_MAX));
  EXPECT_EQ(nearest(asked(kDateOid, "Date"), "-infinity"), raw<std::uint16_t>(0));
  EXPECT_EQ(nearest(asked(kDateOid, "Date"), "10000-01-01"), raw<std::uint16_t>(65535));
  EXPECT_EQ(nearest(type_of(kDateOid), "0044-03-15 BC"), from_text(type_of(kDateOid), "1900-01-01"));
}

TEST(ClickHouseAskedTypes, OfADomainAreOfWhatItIsMadeOfAndComeAsText) {
  Column column{.name = "c", .type_oid = 99999, .nullable = true};
  column.base = {kNumericOid, numeric_modifier(10, 2), "numeric(10,2)"};
  const ColumnType type = asked_type(column, "Decimal(10, 2)");
  EXPECT_EQ(type.name, "Nullable(Decimal(10, 2))");
  EXPECT_EQ(type.copy_cast, "text");
  EXPECT_FALSE(type.cast_is_exact);
  EXPECT_EQ(asked_type(column, "String").name, "Nullable(String)");
}

}  // namespace
}  // namespace peerd::clickhouse
