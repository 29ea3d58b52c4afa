#include "kafka/encode.h"

#include <gtest/gtest.h>

#include <optional>

#include "peerd/base/error.h"
#include "peerd/postgres/types.h"

namespace peerd::kafka {
namespace {

using namespace postgres;
using Cell = std::optional<std::string>;

TableSchema schema_of(std::vector<std::pair<std::string, std::uint32_t>> columns, std::vector<std::uint16_t> key = {0}) {
  TableSchema schema;
  schema.schema = "public";
  schema.name = "orders";
  for (auto& [name, oid] : columns) schema.columns.push_back({.name = name, .type_oid = oid});
  schema.key = std::move(key);
  return schema;
}

std::vector<CellView> cells_of(const std::vector<Cell>& row) {
  static Arena kept;
  std::vector<CellView> cells;
  for (const Cell& cell : row) cells.push_back(cell ? CellView{CellView::Kind::text, kept.copy(*cell)} : CellView{});
  return cells;
}

/// One value of a type as the peerdb format writes it.
std::string written(std::uint32_t oid, const std::string& text) {
  const auto encoder = make_encoder(schema_of({{"v", oid}}), Format::peerdb, {});
  std::string out;
  encoder->key_of_row(cells_of({text}), out);
  return out.substr(5, out.size() - 6);  // {"v":…}
}

TEST(KafkaValues, NumbersKeepAllTheirDigits) {
  EXPECT_EQ(written(kInt8Oid, "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(written(kInt2Oid, "-32768"), "-32768");
  EXPECT_EQ(written(kOidOid, "4294967295"), "4294967295");
  EXPECT_EQ(written(kFloat8Oid, "1.7976931348623157e+308"), "1.7976931348623157e+308");
  EXPECT_EQ(written(kNumericOid, "123456789012345678901234567890.10"), "\"123456789012345678901234567890.10\"");
}

TEST(KafkaValues, WhatIsNoNumberInJsonIsAString) {
  for (const char* word : {"NaN", "Infinity", "-Infinity"}) {
    for (const std::uint32_t oid : {kFloat4Oid, kFloat8Oid, kNumericOid})
      EXPECT_EQ(written(oid, word), "\"" + std::string(word) + "\"");
  }
}

TEST(KafkaValues, BooleansAndBytes) {
  EXPECT_EQ(written(kBoolOid, "t"), "true");
  EXPECT_EQ(written(kBoolOid, "f"), "false");
  const std::pair<const char*, const char*> kBytes[] = {
      {"\\x", ""}, {"\\x00", "AA=="}, {"\\x0001", "AAE="}, {"\\x000102", "AAEC"}, {"\\xfffefdfc", "//79/A=="}};
  for (const auto& [hex, base64] : kBytes) EXPECT_EQ(written(kByteaOid, hex), "\"" + std::string(base64) + "\"") << hex;
}

TEST(KafkaValues, TextsAreEscaped) {
  EXPECT_EQ(written(kTextOid, "a\"b\\c\n\r\t\x01\x1f"), R"("a\"b\\c\n\r\t\u0001\u001f")");
  EXPECT_EQ(written(kTextOid, "žluť 𝄞"), "\"žluť 𝄞\"");
  EXPECT_EQ(written(kTextOid, ""), "\"\"");
  EXPECT_EQ(written(kJsonbOid, R"({"a": 1})"), R"("{\"a\": 1}")");
}

TEST(KafkaValues, ArraysAreNested) {
  EXPECT_EQ(written(kInt4ArrayOid, "{}"), "[]");
  EXPECT_EQ(written(kInt4ArrayOid, "{1,NULL,3}"), "[1,null,3]");
  EXPECT_EQ(written(kInt4ArrayOid, "{{1,2},{3,4}}"), "[[1,2],[3,4]]");
  EXPECT_EQ(written(kTextArrayOid, R"({a,"b,c","d\"e","NULL",NULL,"{x}","back\\slash",""})"),
            R"(["a","b,c","d\"e","NULL",null,"{x}","back\\slash",""])");
  EXPECT_EQ(written(kBoolArrayOid, "{t,f}"), "[true,false]");
  EXPECT_EQ(written(kNumericArrayOid, "{1.50,NaN}"), R"(["1.50","NaN"])");
  EXPECT_EQ(written(kByteaArrayOid, R"({"\\x00ff"})"), R"(["AP8="])");
}

TEST(KafkaValues, WhatIsNotOfItsTypeIsRefused) {
  for (const auto& [oid, text] : {std::pair{kBoolOid, "maybe"}, {kInt4Oid, ""}, {kByteaOid, "abc"}, {kByteaOid, "\\x0"},
                                  {kByteaOid, "\\x0g"}}) {
    try {
      written(oid, text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::bad_value);
    }
  }
}

TEST(KafkaValues, ArraysThatAreNoneAreRefused) {
  for (const char* text : {"", "1,2", "{1,2", "{1}}", "{1}{2}", "{1,,2}", "{\"a}", "{1\\2}", "[0:1]", "[0:1]={7,8}", "{a{b}}"})
    EXPECT_THROW(written(kInt4ArrayOid, text), Error) << text;
}

TEST(KafkaValues, BytesThatAreNoUtf8AreABadValueWithItsColumnAndWithoutTheBytes) {
  // A lone continuation, too short, too long a form, a surrogate, beyond Unicode, at the end of a long text.
  const std::string kWrong[] = {"\x80", "\xc3", "a\xc3(", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                "\xff", "secret, and much longer than a word of eight bytes \xe4"};
  for (const Format format : {Format::peerdb, Format::flat, Format::debezium}) {
    const auto encoder = make_encoder(schema_of({{"id", kInt4Oid}, {"name", kTextOid}}), format, {});
    for (const std::string& bytes : kWrong) {
      const auto row = cells_of({"1", bytes});
      std::string out;
      try {
        encoder->value({.kind = Kind::insert, .row = row}, out);
        ADD_FAILURE() << out;
      } catch (const Error& error) {
        EXPECT_EQ(error.text.code, ErrorCode::bad_value);
        EXPECT_EQ(error.text.table, "public.orders");
        EXPECT_EQ(error.text.message, "column name of public.orders holds bytes that are no UTF-8");
        EXPECT_EQ((error.text.message + error.text.detail + error.text.hint).find("secret"), std::string::npos);
      }
    }
  }
  for (const char* fine : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(written(kTextOid, fine), "\"" + std::string(fine) + "\"");
  EXPECT_THROW(make_encoder(schema_of({{"\xff", kInt4Oid}}), Format::peerdb, {}), Error);
}

TEST(KafkaValues, EveryCharacterAtEveryPlaceOfAWord) {
  for (int c = 1; c < 128; ++c) {
    for (std::size_t place = 0; place < 17; ++place) {
      std::string text(17, 'x'), wanted(17, 'x'), escape(1, static_cast<char>(c));
      text[place] = static_cast<char>(c);
      if (c == '"' || c == '\\') escape.insert(0, "\\");
      else if (c == '\n') escape = "\\n";
      else if (c == '\r') escape = "\\r";
      else if (c == '\t') escape = "\\t";
      else if (c < 32) escape = std::string("\\u00") + (c < 16 ? '0' : '1') + "0123456789abcdef"[c % 16];
      wanted.replace(place, 1, escape);
      ASSERT_EQ(written(kTextOid, text), "\"" + wanted + "\"") << c << " at " << place;
    }
  }
}

class KafkaMessages : public testing::Test {
 protected:
  std::string value(Format format, const Message& message) {
    std::string out;
    make_encoder(schema_, format, {})->value(message, out);
    return out;
  }
  TableSchema schema_ = schema_of({{"id", kInt4Oid}, {"name", kTextOid}, {"note", kTextOid}});
  static constexpr std::int64_t kTime = 1795604400123456;  ///< 2026-11-25 11:00:00.123456 UTC.
};

TEST_F(KafkaMessages, KeysHaveTheKeysOrder) {
  for (const Format format : {Format::peerdb, Format::flat, Format::debezium}) {
    std::string out;
    make_encoder(schema_of({{"a", kInt4Oid}, {"b\"q", kTextOid}}, {1, 0}), format, {})->key_of_row(cells_of({"1", "x"}), out);
    EXPECT_EQ(out, R"({"b\"q":"x","a":1})");
  }
}

TEST_F(KafkaMessages, AnInsert) {
  const auto row = cells_of({"1", "a", std::nullopt});
  const Message message{.kind = Kind::insert, .row = row, .checkpoint = 23803720, .commit_time_us = kTime, .xid = 743};
  EXPECT_EQ(value(Format::peerdb, message),
            R"({"kind":"insert","new":{"id":1,"name":"a","note":null},"checkpoint":23803720,)"
            R"("commit_time":"2026-11-25T11:00:00.123456Z","transaction_id":743,"source":"public.orders"})");
  EXPECT_EQ(value(Format::flat, message),
            R"({"id":1,"name":"a","note":null,"_peerdb_kind":"insert","_peerdb_checkpoint":23803720,)"
            R"("_peerdb_commit_time":"2026-11-25T11:00:00.123456Z","_peerdb_transaction_id":743,"_peerdb_source":"public.orders"})");
}

TEST_F(KafkaMessages, UnchangedColumnsAreListedWhetherFoundOrNot) {
  auto row = cells_of({"1", "b", "found"});
  const std::vector<std::uint8_t> filled{0, 0, 1};
  Message message{.kind = Kind::update, .row = row, .filled = filled, .checkpoint = 5, .commit_time_us = kTime, .xid = 7};
  EXPECT_EQ(value(Format::peerdb, message),
            R"({"kind":"update","old":{},"new":{"id":1,"name":"b","note":"found"},"checkpoint":5,)"
            R"("commit_time":"2026-11-25T11:00:00.123456Z","transaction_id":7,"source":"public.orders","unchanged_columns":["note"]})");
  row[2] = {CellView::Kind::unchanged, {}};
  EXPECT_EQ(value(Format::flat, message),
            R"({"id":1,"name":"b","_peerdb_kind":"update","_peerdb_checkpoint":5,"_peerdb_commit_time":"2026-11-25T11:00:00.123456Z",)"
            R"("_peerdb_transaction_id":7,"_peerdb_source":"public.orders","_peerdb_unchanged_columns":["note"]})");
}

TEST_F(KafkaMessages, ADeleteHasTheKeyAlone) {
  const auto row = cells_of({"1", std::nullopt, std::nullopt});
  const Message message{.kind = Kind::remove, .row = row, .checkpoint = 5, .commit_time_us = kTime, .xid = 7};
  EXPECT_TRUE(value(Format::peerdb, message).starts_with(R"({"kind":"delete","old":{"id":1},"checkpoint":5,)"));
  EXPECT_TRUE(value(Format::flat, message).starts_with(R"({"id":1,"_peerdb_kind":"delete",)"));
}

TEST_F(KafkaMessages, EventsHaveNoRow) {
  EXPECT_EQ(value(Format::peerdb, {.kind = Kind::horizon, .row = {}, .checkpoint = 9}),
            R"({"kind":"horizon","checkpoint":9,"commit_time":null,"transaction_id":0,"source":"public.orders"})");
  EXPECT_TRUE(value(Format::flat, {.kind = Kind::truncate, .row = {}, .checkpoint = 9}).starts_with(R"({"_peerdb_kind":"truncate",)"));
}

TEST_F(KafkaMessages, LogicalMessages) {
  const Message message{.kind = Kind::message, .row = {}, .checkpoint = 9, .commit_time_us = kTime, .xid = 7, .sent_us = kTime};
  const auto written = [&](Format format, const Message& about, const Logical& logical) {
    std::string out;
    make_encoder({}, format, {"m", "src"})->logical(about, logical, out);
    return out;
  };
  const std::string own = R"({"kind":"message","prefix":"out\"","content":"aAD/","transactional":true,"checkpoint":9,)"
                          R"("commit_time":"2026-11-25T11:00:00.123456Z","transaction_id":7})";
  const Logical logical{"out\"", {"h\0\xff", 3}, true};
  EXPECT_EQ(written(Format::peerdb, message, logical), own);
  EXPECT_EQ(written(Format::flat, message, logical), own);
  EXPECT_EQ(written(Format::peerdb, {.kind = Kind::message, .row = {}, .checkpoint = 9}, {"", "", false}),
            R"({"kind":"message","prefix":"","content":"","transactional":false,"checkpoint":9,"commit_time":null,"transaction_id":0})");
  EXPECT_EQ(written(Format::debezium, message, logical),
            R"({"op":"m","ts_ms":1795604400123,"ts_us":1795604400123456,"ts_ns":1795604400123456000,"source":{"version":"peerd",)"
            R"("connector":"postgresql","name":"m","ts_ms":1795604400123,"snapshot":"false","db":"src","sequence":"[null,\"9\"]",)"
            R"("ts_us":1795604400123456,"ts_ns":1795604400123456000,"schema":"","table":"","txId":7,"lsn":9,"xmin":null},)"
            R"("transaction":null,"message":{"prefix":"out\"","content":"aAD/"}})");
  std::string key;
  logical_key("out\"", key);
  EXPECT_EQ(key, R"({"prefix":"out\""})");
  EXPECT_THROW(logical_key("\xff", key), Error);
  for (const Format format : {Format::peerdb, Format::debezium}) EXPECT_THROW(written(format, message, {"\xff", "", true}), Error);
}

TEST_F(KafkaMessages, TimesBeforeTheEpochAndLeapDays) {
  const std::pair<std::int64_t, const char*> kTimes[] = {{-1, "1969-12-31T23:59:59.999999Z"},
                                                         {951782400000000, "2000-02-29T00:00:00.000000Z"},
                                                         {1709251199000001, "2024-02-29T23:59:59.000001Z"}};
  for (const auto& [us, text] : kTimes) {
    EXPECT_NE(value(Format::peerdb, {.kind = Kind::truncate, .row = {}, .commit_time_us = us}).find(text), std::string::npos)
        << text;
  }
}

TEST_F(KafkaMessages, OldHasWhatWasSentOfTheRowAsItWas) {
  const CellView now[2] = {{CellView::Kind::text, "1"}, {CellView::Kind::text, "b"}}, old[2] = {{CellView::Kind::text, "1"}, {CellView::Kind::text, "a"}},
                 part[2] = {{CellView::Kind::text, "1"}, {CellView::Kind::unchanged, {}}};
  const TableSchema two = schema_of({{"id", kInt4Oid}, {"t", kTextOid}});
  const auto told = [&](const Message& message) {
    std::string out;
    make_encoder(two, Format::peerdb, {"m", "src"})->value(message, out);
    return out.substr(0, out.find(",\"checkpoint"));
  };
  EXPECT_EQ(told({.kind = Kind::update, .row = now, .old_row = old}), R"({"kind":"update","old":{"id":1,"t":"a"},"new":{"id":1,"t":"b"})");
  EXPECT_EQ(told({.kind = Kind::update, .row = now, .old_row = part}), R"({"kind":"update","old":{"id":1},"new":{"id":1,"t":"b"})");
  EXPECT_EQ(told({.kind = Kind::remove, .row = now, .old_row = old}), R"({"kind":"delete","old":{"id":1,"t":"a"})");
  EXPECT_EQ(told({.kind = Kind::update, .row = now}), R"({"kind":"update","old":{},"new":{"id":1,"t":"b"})");
}

TEST_F(KafkaMessages, FlatNeedsSomeNamesForItself) {
  const TableSchema taken = schema_of({{"id", kInt4Oid}, {"_peerdb_kind", kTextOid}});
  EXPECT_EQ(make_encoder(taken, Format::flat, {})->reserved_column(), "_peerdb_kind");
  EXPECT_EQ(make_encoder(taken, Format::peerdb, {})->reserved_column(), "");
  EXPECT_EQ(make_encoder(schema_, Format::flat, {})->reserved_column(), "");
}

}  // namespace
}  // namespace peerd::kafka
