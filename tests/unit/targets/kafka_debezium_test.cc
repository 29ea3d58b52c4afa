// Debezium's encodings, held against its documentation and its converters: docs/targets/kafka.md has the table.
#include <gtest/gtest.h>

#include <iostream>
#include <optional>

#include "kafka/encode.h"
#include "peerd/base/error.h"
#include "peerd/postgres/types.h"
#include "support/allocations.h"

namespace peerd::kafka {
namespace {

using namespace postgres;

constexpr std::uint32_t kPointOid = 600, kMoneyOid = 790, kBitOid = 1560, kVarbitOid = 1562, kInetOid = 869;
constexpr int numeric(int precision, int scale) { return (precision << 16 | (scale & 0x7ff)) + 4; }

struct Case {
  std::uint32_t oid;
  int modifier;
  const char* text;
  const char* json;
  const char* type_name = "";
};

TableSchema schema_of(std::vector<Column> columns) {
  TableSchema schema;
  schema.schema = "public";
  schema.name = "orders";
  schema.columns = std::move(columns);
  schema.key = {0};
  return schema;
}

std::string written(const Case& one) {
  const Column column{.name = "v", .type_oid = one.oid, .type_modifier = one.modifier, .type_name = one.type_name};
  const CellView cell{CellView::Kind::text, one.text};
  std::string out;
  make_encoder(schema_of({column}), Format::debezium, {})->key_of_row({&cell, 1}, out);
  return out.substr(5, out.size() - 6);  // {"v":…}
}

void expect(std::initializer_list<Case> cases) {
  for (const Case& one : cases) EXPECT_EQ(written(one), one.json) << one.oid << " " << one.text;
}

void refuse(std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    try {
      ADD_FAILURE() << one.oid << " " << one.text << " became " << written(one);
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::bad_value);
      EXPECT_EQ(error.text.table, "public.orders");
      EXPECT_EQ(error.text.message, std::string("column v of public.orders holds ") + one.json) << one.text;
    }
  }
}

TEST(KafkaDebezium, PlainTypes) {
  expect({{kBoolOid, -1, "t", "true"},
          {kBoolOid, -1, "f", "false"},
          {kInt8Oid, -1, "-9223372036854775808", "-9223372036854775808"},
          {kOidOid, -1, "4294967295", "4294967295"},
          {kFloat8Oid, -1, "1.7976931348623157e+308", "1.7976931348623157E308"},
          {kFloat4Oid, -1, "-Infinity", "\"-Infinity\""},
          {kFloat8Oid, -1, "NaN", "\"NaN\""},
          {kTextOid, -1, "a\"\\\n", R"("a\"\\\n")"},
          {kBpcharOid, 9, "ab   ", "\"ab   \""},
          {kUuidOid, -1, "00000000-0000-0000-0000-000000000001", "\"00000000-0000-0000-0000-000000000001\""},
          {kJsonbOid, -1, R"({"a": 1.0})", R"("{\"a\": 1.0}")"},
          {kInetOid, -1, "10.0.0.1/8", "\"10.0.0.1/8\"", "inet"},
          {3904, -1, "[1,10)", "\"[1,10)\"", "int4range"},
          {99999, -1, "happy", "\"happy\"", "public.mood"},
          {142, -1, "<a/>", "\"<a/>\"", "xml"},
          {kByteaOid, -1, "\\x00ff", "\"AP8=\""}});
}

// As Java's Double.toString(): one type for a field, whatever its values.
TEST(KafkaDebezium, FloatsAlwaysHaveAPoint) {
  expect({{kFloat8Oid, -1, "0", "0.0"}, {kFloat8Oid, -1, "-0", "-0.0"}, {kFloat8Oid, -1, "100", "100.0"}, {kFloat8Oid, -1, "-1.5", "-1.5"},
          {kFloat8Oid, -1, "9999999", "9999999.0"}, {kFloat8Oid, -1, "10000000", "1.0E7"}, {kFloat8Oid, -1, "12345678.9", "1.23456789E7"},
          {kFloat8Oid, -1, "1e+10", "1.0E10"}, {kFloat8Oid, -1, "1.25e+15", "1.25E15"}, {kFloat8Oid, -1, "0.001", "0.001"},
          {kFloat8Oid, -1, "0.0012", "0.0012"}, {kFloat8Oid, -1, "0.00099", "9.9E-4"}, {kFloat8Oid, -1, "1e-05", "1.0E-5"},
          {kFloat8Oid, -1, "5e-324", "5.0E-324"}, {kFloat4Oid, -1, "0.1", "0.1"}, {kFloat4Oid, -1, "1.1754944e-38", "1.1754944E-38"},
          {kFloat8ArrayOid, -1, "{1,NULL,NaN,2.5}", R"([1.0,null,"NaN",2.5])"}});
  refuse({{kFloat8Oid, -1, "x", "a value that is not of its type"}, {kFloat8Oid, -1, "", "a value that is not of its type"},
          {kFloat8Oid, -1, "1e", "a value that is not of its type"}, {kFloat8Oid, -1, "1e5x", "a value that is not of its type"}});
}

TEST(KafkaDebezium, DomainsAreWhatTheyAreMadeOf) {
  const auto of = [](const TypeOf& base, const char* text) {
    const Column column{.name = "v", .type_oid = 99990, .type_name = "public.d", .base = base};
    const CellView cell{CellView::Kind::text, text};
    std::string out;
    make_encoder(schema_of({column}), Format::debezium, {})->key_of_row({&cell, 1}, out);
    return out;
  };
  EXPECT_EQ(of({kInt4Oid, -1, "integer"}, "5"), R"({"v":5})");
  EXPECT_EQ(of({kNumericOid, numeric(10, 2), "numeric(10,2)"}, "1.50"), R"({"v":"AJY="})");
  EXPECT_EQ(of({kInt4ArrayOid, -1, "integer[]"}, "{1,2}"), R"({"v":[1,2]})");
  EXPECT_EQ(of({99998, -1, "public.hstore"}, R"("a"=>"1")"), R"({"v":"{\"a\":\"1\"}"})");
  EXPECT_EQ(of({}, "5"), R"({"v":"5"})");
}

// The bytes are those of Java's new BigDecimal(text).unscaledValue().toByteArray().
TEST(KafkaDebezium, Decimals) {
  expect({{kNumericOid, numeric(10, 2), "0.00", "\"AA==\""},
          {kNumericOid, numeric(10, 2), "1.50", "\"AJY=\""},
          {kNumericOid, numeric(10, 2), "1.27", "\"fw==\""},
          {kNumericOid, numeric(10, 2), "1.28", "\"AIA=\""},
          {kNumericOid, numeric(10, 2), "-1.28", "\"gA==\""},
          {kNumericOid, numeric(10, 2), "-1.29", "\"/38=\""},
          {kNumericOid, numeric(10, 2), "-0.01", "\"/w==\""},
          {kNumericOid, numeric(10, 2), "-2.56", "\"/wA=\""},
          {kNumericOid, numeric(5, -2), "12300", "\"ew==\""},
          {kNumericOid, numeric(5, -2), "0", "\"AA==\""},
          {kNumericOid, numeric(38, 0), "18446744073709551615", "\"AP//////////\""},
          {kNumericOid, numeric(38, 0), "18446744073709551616", "\"AQAAAAAAAAAA\""},
          {kNumericOid, numeric(38, 0), "-9223372036854775808", "\"gAAAAAAAAAA=\""},
          {kNumericOid, numeric(38, 0), "-9223372036854775809", "\"/3//////////\""},
          {kNumericOid, numeric(40, 10), "123456789012345678901234567890.0123456789", "\"A6DJIHXA2/O4rLxflowE1RU=\""},
          {kNumericOid, -1, "0", R"({"scale":0,"value":"AA=="})"},
          {kNumericOid, -1, "0.000", R"({"scale":0,"value":"AA=="})"},
          {kNumericOid, -1, "1.500", R"({"scale":1,"value":"Dw=="})"},
          {kNumericOid, -1, "-3", R"({"scale":0,"value":"/Q=="})"},
          {kNumericOid, -1, "1000", R"({"scale":0,"value":"A+g="})"},
          {kMoneyOid, -1, "$1,234.56", "\"AeJA\""},
          {kMoneyOid, -1, "-$0.01", "\"/w==\""},
          {kMoneyOid, -1, "$12.30", "\"BM4=\""},
          {kMoneyOid, -1, "-$92,233,720,368,547,758.08", "\"gAAAAAAAAAA=\""}});
  constexpr const char* kNoDecimal = "NaN or an infinity, which Debezium's decimals cannot hold";
  constexpr const char* kForeign = "money in a form other than 1,234.56 (lc_monetary at the source)";
  constexpr const char* kOther = "a value that is not of its type";
  refuse({{kNumericOid, -1, "NaN", kNoDecimal},
          {kNumericOid, numeric(10, 2), "NaN", kNoDecimal},
          {kNumericOid, -1, "-Infinity", kNoDecimal},
          {kNumericOid, numeric(10, 2), "1.234", kOther},
          {kNumericOid, numeric(5, -2), "12345", kOther},
          {kNumericOid, -1, "1e5", kOther},
          {kNumericOid, -1, "", kOther},
          {kNumericOid, -1, "-", kOther},
          {kMoneyOid, -1, "1.234,56 €", kForeign},
          {kMoneyOid, -1, "234,56 €", kForeign},
          {kMoneyOid, -1, "￥1,234", kForeign},
          {kMoneyOid, -1, "1,234.567", kForeign},
          {kMoneyOid, -1, "", kForeign}});
}

TEST(KafkaDebezium, ANumberOfAHundredThousandDigits) {
  // 10^99999: its two's complement is 41524 bytes long, the first of them 0 or the number's own.
  const std::string text = "1" + std::string(99'999, '0');
  const std::string json = written({kNumericOid, -1, text.c_str(), ""});
  EXPECT_TRUE(json.starts_with(R"({"scale":0,"value":")"));
  EXPECT_EQ(json.size(), 20 + (41'524 + 2) / 3 * 4 + 2);
}

TEST(KafkaDebezium, Bits) {
  expect({{kBitOid, 1, "1", "true"},
          {kBitOid, 1, "0", "false"},
          {kVarbitOid, 1, "1", "true"},
          {kBitOid, 3, "101", "\"BQ==\""},
          {kBitOid, 9, "100000001", "\"AQE=\""},
          {kBitOid, 12, "000000000001", "\"AQ==\""},
          {kBitOid, 8, "00000000", "\"\""},
          {kVarbitOid, 33, "101", "\"BQ==\""},
          {kVarbitOid, -1, "1000000000", "\"AAI=\""},
          {kVarbitOid, -1, "", "\"\""}});
  refuse({{kVarbitOid, 1, "", "a value that is not of its type"}, {kBitOid, 3, "1x1", "a value that is not of its type"}});
}

TEST(KafkaDebezium, Dates) {
  expect({{kDateOid, -1, "1970-01-01", "0"},
          {kDateOid, -1, "1969-12-31", "-1"},
          {kDateOid, -1, "2000-02-29", "11016"},
          {kDateOid, -1, "4714-11-24 BC", "-2440588"},
          {kDateOid, -1, "0001-01-01", "-719162"},
          {kDateOid, -1, "0001-12-31 BC", "-719163"},
          {kDateOid, -1, "5874897-12-31", "2145042905"},
          // LocalDate.parse("-5877611-06-21").toEpochDay(), and the day after it.
          {kDateOid, -1, "infinity", "-2147472692"},
          {kDateOid, -1, "-infinity", "-2147472691"}});
  refuse({{kDateOid, -1, "2000-13-01", "a value that is not of its type"}, {kDateOid, -1, "", "a value that is not of its type"}});
}

TEST(KafkaDebezium, Times) {
  expect({{kTimeOid, -1, "12:34:56.789", "45296789000"},
          {kTimeOid, 6, "00:00:00", "0"},
          {kTimeOid, 3, "12:34:56.789", "45296789"},
          {kTimeOid, 0, "24:00:00", "86400000"},
          {kTimeOid, 4, "24:00:00", "86400000000"},
          {kTimetzOid, -1, "12:00:00+00", "\"12:00:00Z\""},
          {kTimetzOid, -1, "12:00:00.5-03:30", "\"15:30:00.5Z\""},
          {kTimetzOid, -1, "01:00:00.000001+02", "\"23:00:00.000001Z\""},
          {kTimetzOid, -1, "23:30:00-01", "\"00:30:00Z\""},
          {kTimetzOid, -1, "23:00:00-01", "\"00:00:00Z\""},
          {kTimetzOid, -1, "24:00:00+00", "\"24:00:00Z\""}});
  refuse({{kTimetzOid, -1, "24:00:00+02", "24:00 in a time zone other than UTC, which Debezium cannot hold"},
          {kTimeOid, -1, "noon", "a value that is not of its type"}});
}

TEST(KafkaDebezium, Timestamps) {
  expect({{kTimestampOid, -1, "2018-06-20 15:13:16.945104", "1529507596945104"},  // the documentation's own
          {kTimestampOid, 3, "2018-06-20 15:13:16.945", "1529507596945"},
          {kTimestampOid, 0, "1969-12-31 23:59:59", "-1000"},
          {kTimestampOid, -1, "1969-12-31 23:59:59.999999", "-1"},
          {kTimestampOid, -1, "4714-11-24 00:00:00 BC", "-210866803200000000"},
          {kTimestampOid, -1, "infinity", "9223372036825200000"},
          {kTimestampOid, -1, "-infinity", "-9223372036832400000"},
          {kTimestampOid, 3, "infinity", "9223372036825200"},
          {kTimestampOid, 3, "294276-12-31 23:59:59", "9224318015999000"},
          {kTimestamptzOid, -1, "2026-01-31 12:00:00.5+00", "\"2026-01-31T12:00:00.500000Z\""},
          {kTimestamptzOid, 3, "2026-01-31 12:00:00.5+00", "\"2026-01-31T12:00:00.500Z\""},
          {kTimestamptzOid, 0, "2026-01-31 23:30:00-01", "\"2026-02-01T00:30:00Z\""},
          {kTimestamptzOid, -1, "0044-03-15 12:00:00+00 BC", "\"-0043-03-15T12:00:00.000000Z\""},
          {kTimestamptzOid, -1, "0001-01-01 00:00:00+00 BC", "\"0000-01-01T00:00:00.000000Z\""},
          {kTimestamptzOid, 0, "10000-01-01 00:00:00+00", "\"+10000-01-01T00:00:00Z\""},
          {kTimestamptzOid, -1, "infinity", "\"infinity\""},
          {kTimestamptzOid, -1, "-infinity", "\"-infinity\""}});
  refuse({{kTimestampOid, -1, "294276-12-31 23:59:59", "a timestamp beyond the year 294247, more microseconds than 64 bits hold"},
          {kTimestampOid, -1, "294247-01-10 04:00:25.2", "the timestamp that stands for infinity in Debezium's messages"}});
  expect({{kTimestampOid, -1, "294247-01-10 04:00:25.200001", "9223372036825200001"}});
}

TEST(KafkaDebezium, Intervals) {
  expect({{kIntervalOid, -1, "00:00:00", "0"},
          {kIntervalOid, -1, "-00:00:01", "-1000000"},
          {kIntervalOid, -1, "00:00:01.000001", "1000001"},
          {kIntervalOid, -1, "1 mon", "2629800000000"},
          {kIntervalOid, -1, "1 year 2 mons 3 days 04:05:06.789", "37091106789000"},
          {kIntervalOid, -1, "-1 years -2 mons +3 days -04:05:06.789", "-36572706789000"},
          {kIntervalOid, -1, "-1 days +02:03:00", "-79020000000"},
          {kIntervalOid, -1, "1000:00:00", "3600000000000"}});
  constexpr const char* kTooLong = "an interval of more microseconds than 64 bits hold";
  refuse({{kIntervalOid, -1, "300000 years", kTooLong}, {kIntervalOid, -1, "infinity", kTooLong},
          {kIntervalOid, -1, "", "a value that is not of its type"}, {kIntervalOid, -1, "1 week", "a value that is not of its type"}});
}

TEST(KafkaDebezium, Structures) {
  expect({{kPointOid, -1, "(1,-2.5)", R"({"x":1.0,"y":-2.5,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAATA","srid":null})"},
          {kPointOid, -1, "(Infinity,0)", R"({"x":"Infinity","y":0.0,"wkb":"AQEAAAAAAAAAAADwfwAAAAAAAAAA","srid":null})"},
          {99998, -1, R"("a"=>"1", "b\"c"=>NULL, "é"=>"x\\y")", R"("{\"a\":\"1\",\"b\\\"c\":null,\"é\":\"x\\\\y\"}")", "public.hstore"},
          {99998, -1, "", R"("{}")", "hstore"}});
  for (const char* text : {"a", "\"a\"", "\"a\"=>", "\"a\"=>\"b", "\"a\"=>\"b\",", "\"a\"=>\"b\", ", "\"a\"=>nil"})
    refuse({{99998, -1, text, "a value that is not of its type", "hstore"}});
  refuse({{kPointOid, -1, "1,2", "a value that is not of its type"}, {kPointOid, -1, "(1,x)", "a value that is not of its type"}});
}

TEST(KafkaDebezium, Arrays) {
  expect({{kInt4ArrayOid, -1, "{}", "[]"},
          {kInt4ArrayOid, -1, "{{1,NULL},{3,4}}", "[[1,null],[3,4]]"},
          {kNumericArrayOid, numeric(10, 2), "{1.50,NULL,-0.01}", R"(["AJY=",null,"/w=="])"},
          {kNumericArrayOid, -1, "{1.50}", R"([{"scale":1,"value":"Dw=="}])"},
          {kDateArrayOid, -1, "{1970-01-02}", "[1]"},
          {kTimestampArrayOid, 3, R"({"1970-01-01 00:00:01"})", "[1000]"},
          {kTimestamptzArrayOid, -1, R"({"1970-01-01 00:00:01+00"})", R"(["1970-01-01T00:00:01.000000Z"])"},
          {kByteaArrayOid, -1, R"({"\\x00ff"})", R"(["AP8="])"},
          {99997, -1, "{happy,\"so so\"}", R"(["happy","so so"])", "public.mood[]"},
          {1041, -1, "{10.0.0.1/8}", R"(["10.0.0.1/8"])", "inet[]"},
          {99996, -1, R"({"\"a\"=>\"1\""})", R"(["{\"a\":\"1\"}"])", "public.hstore[]"},
          {1020, -1, "{(1,1),(0,0);(2,2),(0,0)}", "\"{(1,1),(0,0);(2,2),(0,0)}\"", "box[]"}});
  refuse({{kNumericArrayOid, -1, "{1,NaN}", "NaN or an infinity, which Debezium's decimals cannot hold"}});
}

class KafkaDebeziumMessages : public testing::Test {
 protected:
  std::string value(const Message& message) {
    std::string out;
    make_encoder(schema_, Format::debezium, {"m", "src"})->value(message, out);
    return out;
  }
  TableSchema schema_ = schema_of({{.name = "id", .type_oid = kInt4Oid}, {.name = "na\"me", .type_oid = kTextOid}});
  CellView row_[2] = {{CellView::Kind::text, "1"}, {CellView::Kind::text, "b"}};
  static constexpr std::int64_t kTime = 1795604401000001;
};

TEST_F(KafkaDebeziumMessages, AnInsertAndAnUpdate) {
  Message message{.kind = Kind::insert, .row = row_, .checkpoint = 23803900, .commit_time_us = kTime, .xid = 744, .sent_us = kTime + 5000};
  EXPECT_EQ(value(message),
            R"({"before":null,"after":{"id":1,"na\"me":"b"},"source":{"version":"peerd","connector":"postgresql","name":"m",)"
            R"("ts_ms":1795604401000,"snapshot":"false","db":"src","sequence":"[null,\"23803900\"]","ts_us":1795604401000001,)"
            R"("ts_ns":1795604401000001000,"schema":"public","table":"orders","txId":744,"lsn":23803900,"xmin":null},)"
            R"("transaction":null,"op":"c","ts_ms":1795604401005,"ts_us":1795604401005001,"ts_ns":1795604401005001000})");
  message.kind = Kind::update;
  message.last_commit = 23803800;
  const std::string update = value(message);
  EXPECT_NE(update.find(R"("sequence":"[\"23803800\",\"23803900\"]")"), std::string::npos) << update;
  EXPECT_NE(update.find(R"("op":"u")"), std::string::npos) << update;
}

TEST_F(KafkaDebeziumMessages, ADeleteHasItsKeyAndNullElsewhere) {
  const CellView key[2] = {{CellView::Kind::text, "1"}, {}};
  const std::string text = value({.kind = Kind::remove, .row = key, .checkpoint = 5, .commit_time_us = kTime, .xid = 7});
  EXPECT_TRUE(text.starts_with(R"({"before":{"id":1,"na\"me":null},"after":null,"source":{)")) << text;
  EXPECT_NE(text.find(R"("op":"d")"), std::string::npos) << text;
}

TEST_F(KafkaDebeziumMessages, ARowAsItWasIsTheBeforeOfUpdatesAndDeletes) {
  const CellView old[2] = {{CellView::Kind::text, "1"}, {CellView::Kind::text, "a"}}, part[2] = {{CellView::Kind::text, "1"}, {CellView::Kind::unchanged, {}}};
  const std::string update = value({.kind = Kind::update, .row = row_, .old_row = old, .checkpoint = 5});
  EXPECT_TRUE(update.starts_with(R"({"before":{"id":1,"na\"me":"a"},"after":{"id":1,"na\"me":"b"},)")) << update;
  const std::string remove = value({.kind = Kind::remove, .row = row_, .old_row = old, .checkpoint = 5});
  EXPECT_TRUE(remove.starts_with(R"({"before":{"id":1,"na\"me":"a"},"after":null,)")) << remove;
  const std::string key = value({.kind = Kind::update, .row = row_, .old_row = part, .checkpoint = 5});
  EXPECT_TRUE(key.starts_with(R"({"before":{"id":1,"na\"me":null},)")) << key;
}

TEST_F(KafkaDebeziumMessages, ReadsAndEvents) {
  const std::string read = value({.kind = Kind::read, .row = row_, .checkpoint = 5, .sent_us = kTime});
  EXPECT_NE(read.find(R"("ts_ms":1795604401000,"snapshot":"true",)"), std::string::npos) << read;
  EXPECT_NE(read.find(R"("txId":null,"lsn":5,"xmin":null},"transaction":null,"op":"r","ts_ms":1795604401000,)"), std::string::npos) << read;
  const std::string truncate = value({.kind = Kind::truncate, .row = {}, .checkpoint = 5, .commit_time_us = kTime, .xid = 7});
  EXPECT_TRUE(truncate.starts_with(R"({"before":null,"after":null,"source":{)")) << truncate;
  EXPECT_NE(truncate.find(R"("transaction":null,"op":"t","ts_ms":0,"ts_us":0,"ts_ns":0})"), std::string::npos) << truncate;
  const std::string horizon = value({.kind = Kind::horizon, .row = {}, .checkpoint = 0x16B3748, .sent_us = kTime});
  EXPECT_TRUE(horizon.starts_with(R"({"op":"m","ts_ms":1795604401000,)")) << horizon;
  EXPECT_TRUE(horizon.ends_with(R"("transaction":null,"message":{"prefix":"peerd.horizon","content":"MC8xNkIzNzQ4"}})")) << horizon;
}

TEST_F(KafkaDebeziumMessages, WhatNothingKnowsHasDebeziumsPlaceholder) {
  const std::pair<std::uint32_t, const char*> kCases[] = {
      {kTextOid, R"("__debezium_unavailable_value")"},
      {kNumericOid, "null"},
      {kVarbitOid, "null"},
      {kNumericArrayOid, "null"},
      {kTimestamptzArrayOid, "null"},
      {kByteaOid, R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")"},
      {kTextArrayOid, R"(["__debezium_unavailable_value"])"},
      {kByteaArrayOid, R"(["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])"},
      {kUuidArrayOid, R"(["b68a35a7-17ad-35b3-af2a-ae46edb4545a"])"},
      {kInt8ArrayOid, "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]"},
      {kFloat8ArrayOid, "null"}};
  row_[1] = {CellView::Kind::unchanged, {}};
  for (const auto& [oid, json] : kCases) {
    schema_.columns[1].type_oid = oid;
    const std::string text = value({.kind = Kind::update, .row = row_, .checkpoint = 5});
    EXPECT_NE(text.find(R"("after":{"id":1,"na\"me":)" + std::string(json) + "}"), std::string::npos) << text;
  }
}

TEST(KafkaEncoders, NothingIsAllocatedForARow) {
  const std::pair<std::uint32_t, const char*> kCells[] = {
      {kInt4Oid, "1"}, {kTextOid, "a text that is longer than what std::string keeps within itself, with \"quotes\" and ž"},
      {kNumericOid, "-123456789012345678901234567890.12345"}, {kTextArrayOid, R"({plain,"with \"quotes\", which takes more than a few bytes",NULL})"},
      {kTimestamptzOid, "2026-01-31 12:00:00.5+00"}, {kTimestampOid, "2026-01-31 12:00:00.5"}, {kDateOid, "2026-01-31"},
      {kByteaOid, "\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}, {kIntervalOid, "1 mon 00:00:01"},
      {kPointOid, "(1,2.5)"}, {kBitOid, "101"}, {kMoneyOid, "$1,234.56"}, {99998, R"("a"=>"some more bytes than fit into a small string")"}};
  TableSchema schema;
  schema.schema = "public", schema.name = "orders", schema.key = {0};
  std::vector<CellView> row;
  for (const auto& [oid, text] : kCells) {
    schema.columns.push_back({.name = "c" + std::to_string(oid), .type_oid = oid, .type_name = oid == 99998 ? "hstore" : ""});
    row.push_back({CellView::Kind::text, text});
  }
  for (const Format format : {Format::peerdb, Format::flat, Format::debezium}) {
    const auto encoder = make_encoder(schema, format, {"m", "src"});
    std::string key, value;
    std::size_t before = 0;
    constexpr int kRows = 1000;
    for (int i = 0; i < kRows + 2; ++i) {
      if (i == 2) before = allocations;
      key.clear(), value.clear();
      encoder->key_of_row(row, key);
      encoder->value({.kind = Kind::update, .row = row, .old_row = row, .checkpoint = 1000, .commit_time_us = 1795604401000001, .xid = 7}, value);
    }
    EXPECT_EQ(allocations - before, 0u);
    std::cout << kRows << " rows of " << value.size() << " bytes, " << allocations - before << " allocations\n";
  }
}

}  // namespace
}  // namespace peerd::kafka
