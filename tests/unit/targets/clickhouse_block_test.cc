// Rows into Native blocks: layout, arrays, tombstones, COPY's two forms, and what it costs.
#include <gtest/gtest.h>

#include "clickhouse/block.h"
#include "clickhouse/chunk_writer.h"
#include "peerd/base/error.h"
#include "peerd/postgres/types.h"
#include "support/count_allocations.h"

namespace peerd::clickhouse {
namespace {

using namespace postgres;
using namespace std::string_literals;

TableLayout layout_of(std::vector<Column> columns) {
  TableSchema schema;
  schema.schema = "public";
  schema.name = "t";
  schema.columns = std::move(columns);
  schema.key = {0};
  return table_layout(schema, "_PEERDB_IS_DELETED", "_PEERDB_SYNCED_AT");
}

std::string written(Block& block) {
  std::string out;
  block.write([&](std::string_view bytes) { out.append(bytes); });
  return out;
}

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string named(std::string_view name, std::string_view type) {
  return static_cast<char>(name.size()) + std::string(name) + static_cast<char>(type.size()) + std::string(type);
}

/// One array column's part of a block with one row.
std::string array_of(std::uint32_t oid, std::string_view text) {
  Block block(layout_of({{.name = "a", .type_oid = oid, .nullable = false}}));
  // Not a key for once: keys hold arrays as text.
  TableLayout layout = block.layout();
  layout.types[0] = column_type({.name = "a", .type_oid = oid, .nullable = false});
  Block array(layout);
  array.add_text(text);
  array.end_row({}, false);
  const std::string out = written(array);
  const std::size_t from = out.find("))") + 2;
  return out.substr(from, out.find(std::string("\x12_PEERDB_IS_DELETED")) - from);
}

TEST(ClickHouseBlock, IsLaidOutAsTheNativeFormatSays) {
  Block block(layout_of({{.name = "id", .type_oid = kInt4Oid}, {.name = "v", .type_oid = kTextOid, .nullable = true}}));
  block.add_text("7");
  block.add_text("ab");
  block.end_row({Lsn{3}, Lsn{4}}, false);
  block.add_text("8");
  block.add_null();
  block.end_row({Lsn{5}, Lsn{6}}, true);
  EXPECT_EQ(block.rows(), 2u);
  EXPECT_EQ(written(block), "\4\2"s + named("id", "Int32") + raw(7) + raw(8) + named("v", "Nullable(String)") +
                                "\0\1"s + "\2ab\0"s + named("_PEERDB_IS_DELETED", "UInt8") + "\0\1"s +
                                named("_peerdb_version", "UInt128") + raw<std::uint64_t>(4) + raw<std::uint64_t>(3) +
                                raw<std::uint64_t>(6) + raw<std::uint64_t>(5));
  EXPECT_EQ(block.rows(), 0u);
  EXPECT_EQ(block.bytes(), 0u);
}

TEST(ClickHouseBlock, NotesNullArraysBesideThem) {
  Block block(
      layout_of({{.name = "id", .type_oid = kInt4Oid}, {.name = "a", .type_oid = kInt2ArrayOid, .nullable = true}}));
  for (const char* array : {"{}", "{1,NULL,3}"}) {
    block.add_text("1");
    block.add_text(array);
    block.end_row({}, false);
  }
  block.add_text("2");
  block.add_null();
  block.end_row({}, false);
  const std::string out = written(block);
  const std::string expected = named("a", "Array(Nullable(Int16))") + raw<std::uint64_t>(0) + raw<std::uint64_t>(3) +
                               raw<std::uint64_t>(3) + "\0\1\0"s + "\1\0\0\0\3\0"s + named("_peerdb_null_a", "Bool") +
                               "\0\0\1"s;
  EXPECT_NE(out.find(expected), std::string::npos);
}

TEST(ClickHouseBlock, FillsTombstonesWithNullsAndDefaults) {
  Block block(layout_of({{.name = "id", .type_oid = kInt4Oid},
                         {.name = "n", .type_oid = kInt4Oid, .nullable = true},
                         {.name = "s", .type_oid = kTextOid, .nullable = false},
                         {.name = "d", .type_oid = kDateOid, .nullable = false}}));
  block.add_text("1");
  for (int i = 0; i < 3; ++i) block.add_empty();
  block.end_row({}, true);
  const std::string out = written(block);
  EXPECT_NE(out.find(named("n", "Nullable(Int32)") + "\1"s + raw(0) + named("s", "String") + "\0"s +
                     named("d", "Date32") + raw(0)),
            std::string::npos);
}

TEST(ClickHouseBlock, ReadsArraysWithQuotesBackslashesAndNulls) {
  const auto strings = [](std::initializer_list<std::pair<const char*, bool>> elements) {
    std::string nulls, values;
    for (const auto& [text, null] : elements) {
      nulls += null ? '\1' : '\0';
      values += static_cast<char>(std::strlen(text));
      values += text;
    }
    return raw<std::uint64_t>(elements.size()) + nulls + values;
  };
  EXPECT_EQ(array_of(kTextArrayOid, R"({a,"b c","q\"","b\\s","NULL",NULL,"","{x,y}"})"), strings({{"a", false},
                                                                                                  {"b c", false},
                                                                                                  {"q\"", false},
                                                                                                  {"b\\s", false},
                                                                                                  {"NULL", false},
                                                                                                  {"", true},
                                                                                                  {"", false},
                                                                                                  {"{x,y}", false}}));
  EXPECT_EQ(array_of(kTextArrayOid, "{}"), raw<std::uint64_t>(0));
  EXPECT_EQ(array_of(kBoolArrayOid, "{t,f}"), raw<std::uint64_t>(2) + "\0\0\1\0"s);
  for (const char* wrong : {"{{1,2}}", "[0:1]={1,2}", "[2:2][1:1]={{1}}", "{1,2", "{1,}", "{\"a}", "1", "{1}x", ""})
    EXPECT_THROW(array_of(kInt4ArrayOid, wrong), Error) << wrong;
}

TEST(ClickHouseBlock, RefusesAValueByColumnAndNotByItself) {
  Block block(
      layout_of({{.name = "id", .type_oid = kInt4Oid}, {.name = "born", .type_oid = kDateOid, .nullable = true}}));
  block.add_text("1");
  try {
    block.add_text("4000-05-06");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::bad_value);
    EXPECT_EQ(retry_of(error.text), Retry::after_operator);
    EXPECT_EQ(error.text.table, "public.t");
    EXPECT_NE(error.text.message.find("\"born\""), std::string::npos);
    EXPECT_EQ(error.text.message.find("4000"), std::string::npos);
    EXPECT_NE(error.text.hint.find("exclude: [born]"), std::string::npos);
  }
}

TEST(ClickHouseBlock, TakesStoredValuesBack) {
  Block from(
      layout_of({{.name = "id", .type_oid = kInt4Oid}, {.name = "a", .type_oid = kTextArrayOid, .nullable = true}}));
  const ColumnType& array = from.layout().types[1];
  // RowBinary: count, then a flag and a value each.
  std::string answer = "\3"s + "\0\1x"s + "\1"s + "\0\2yz"s + "rest"s;
  std::string_view rest = answer;
  const auto stored = take_stored(array, rest);
  ASSERT_TRUE(stored);
  EXPECT_EQ(rest, "rest");
  for (std::size_t cut = 0; cut < stored->size(); ++cut) {
    std::string_view part = stored->substr(0, cut);
    EXPECT_FALSE(take_stored(array, part)) << cut;
  }
  Block to(from.layout());
  from.add_text("1");
  from.add_text("{x,NULL,yz}");
  to.add_text("1");
  to.add_stored(*stored, false);
  from.end_row({}, false);
  to.end_row({}, false);
  EXPECT_EQ(written(from), written(to));
}

std::string cell(std::string_view bytes) {
  const auto n = static_cast<std::uint32_t>(bytes.size());
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                     static_cast<char>(n)} +
         std::string(bytes);
}

TEST(ClickHouseCopyRows, AgreeInBothForms) {
  const TableLayout layout = layout_of({{.name = "id", .type_oid = kInt4Oid},
                                        {.name = "t", .type_oid = kTextOid, .nullable = true},
                                        {.name = "n", .type_oid = kTextOid, .nullable = true}});
  Block text(layout), binary(layout);
  const RowVersion version{Lsn{9}, Lsn{0}};
  const auto full = [] { FAIL(); };
  EXPECT_EQ(CopyRows(CopyForm::text, version).add("1\ta\\tb\\\\\\n\t\\N\n2\t\t\\\\N\n", text, full), 2u);
  const std::string null = "\xff\xff\xff\xff"s;
  const std::string rows =
      "\0\3"s + cell("\0\0\0\1"s) + cell("a\tb\\\n") + null + "\0\3"s + cell("\0\0\0\2"s) + cell("") + cell("\\N");
  EXPECT_EQ(CopyRows(CopyForm::binary, version).add(rows, binary, full), 2u);
  EXPECT_EQ(written(text), written(binary));
  for (std::size_t cut = 1; cut < rows.size(); ++cut) {
    Block block(layout);
    if (cut == 2 + 8 + 9 + 4) continue;  // One whole row.
    EXPECT_THROW(CopyRows(CopyForm::binary, version).add(std::string_view(rows).substr(0, cut), block, full), Error)
        << cut;
  }
}

TEST(ClickHouseBlock, AllocatesNothingPerRowOnceWarm) {
  const TableLayout layout =
      layout_of({{.name = "id", .type_oid = kInt8Oid},
                 {.name = "t", .type_oid = kTextOid, .nullable = true},
                 {.name = "d", .type_oid = kNumericOid, .type_modifier = ((18 << 16) | 4) + 4, .nullable = true},
                 {.name = "ts", .type_oid = kTimestamptzOid, .nullable = true},
                 {.name = "b", .type_oid = kBoolOid, .nullable = true},
                 {.name = "u", .type_oid = kUuidOid, .nullable = true},
                 {.name = "j", .type_oid = kJsonbOid, .nullable = true},
                 {.name = "a", .type_oid = kInt4ArrayOid, .nullable = true},
                 {.name = "f", .type_oid = kFloat8Oid, .nullable = true}});
  Block block(layout);
  std::size_t bytes = 0;
  const Block::Sink sink = [&](std::string_view piece) { bytes += piece.size(); };
  const auto encode = [&](int rows) {
    for (int i = 0; i < rows; ++i) {
      for (const char* text :
           {"123456789", "some text of a usual length", "-12345.6789", "2026-11-22 12:34:56.789+00", "t",
            "00112233-4455-6677-8899-aabbccddeeff", "{\"a\": [1, 2]}", "{1,2,NULL,\"4\"}", "2.718281828"})
        block.add_text(text);
      block.end_row({Lsn{1}, Lsn{static_cast<std::uint64_t>(i)}}, false);
      if (block.full()) block.write(sink);
    }
    block.write(sink);
  };
  encode(100'000);
  const std::size_t before = allocations;
  encode(100'000);
  EXPECT_LE(allocations - before, 100u);
  EXPECT_GT(bytes, 0u);
}

}  // namespace
}  // namespace peerd::clickhouse
