#include "clickhouse/block.h"
#include "clickhouse/chunk_writer.h"
#include "clickhouse_fixture.h"

// Chunks of a real Postgres's own output: COPY's two forms give the same blocks, and what ClickHouse then holds equals
// the source.
namespace peerd::testing_clickhouse {
namespace {

/// A column of each type: how Postgres and ClickHouse tell its value in one common text, and values at its borders.
struct Kind {
  const char* name;
  const char* type;
  const char* at_source;  ///< {} = the column.
  const char* at_target;
  std::vector<const char*> values;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds{
      {"b", "boolean", "{}::text", "toString({})", {"true", "false", "NULL"}},
      {"i2", "smallint", "{}::text", "toString({})", {"-32768", "32767", "NULL"}},
      {"i4", "integer", "{}::text", "toString({})", {"-2147483648", "2147483647", "0", "NULL"}},
      {"i8", "bigint", "{}::text", "toString({})", {"-9223372036854775808", "9223372036854775807", "NULL"}},
      {"f4",
       "real",
       "encode(float4send({}), 'hex')",
       "leftPad(lower(hex(reinterpretAsUInt32({}))), 8, '0')",
       {"0", "'-0'", "1.5", "3.4028235e38", "1e-45", "'Infinity'", "'-Infinity'", "NULL"}},
      {"f8",
       "double precision",
       "encode(float8send({}), 'hex')",
       "leftPad(lower(hex(reinterpretAsUInt64({}))), 16, '0')",
       {"0.1", "'-0'", "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "'Infinity'", "'-Infinity'",
        "NULL"}},
      {"n9",
       "numeric(9,2)",
       "trim_scale({})::text",
       "toString({})",
       {"0", "-0.01", "9999999.99", "-9999999.99", "1", "100000", "NULL"}},
      {"n18",
       "numeric(18,9)",
       "trim_scale({})::text",
       "toString({})",
       {"123456789.987654321", "-0.000000001", "1000000000 - 1", "NULL"}},
      {"n38",
       "numeric(38,0)",
       "trim_scale({})::text",
       "toString({})",
       {"repeat('9', 38)::numeric", "-repeat('9', 38)::numeric", "10000::numeric ^ 9", "NULL"}},
      {"n76",
       "numeric(76,38)",
       "trim_scale({})::text",
       "toString({})",
       {"(repeat('9', 38) || '.' || repeat('9', 38))::numeric", "-(repeat('9', 38) || '.' || repeat('9', 38))::numeric",
        "('0.' || repeat('0', 37) || '1')::numeric", "12345", "NULL"}},
      {"n80",
       "numeric(80,40)",
       "{}::text",
       "toString({})",
       {"(repeat('9', 40) || '.' || repeat('9', 40))::numeric", "'NaN'", "NULL"}},
      {"nm", "numeric(3,-2)", "trim_scale({})::text", "toString({})", {"12345", "-99949", "0", "NULL"}},
      {"n",
       "numeric",
       "{}::text",
       "toString({})",
       {"1.0", "1.00", "'NaN'", "'Infinity'", "'-Infinity'", "1e-100", "1e100", "-123.4500", "NULL"}},
      {"t",
       "text",
       "encode(convert_to({}, 'UTF8'), 'hex')",
       "lower(hex({}))",
       {"''", "E'tab\\t nl\\n cr\\r back\\\\slash \\\\N'", "'\\N'", "'ü人'", "repeat('x', 300)", "NULL"}},
      {"vc", "varchar(10)", "encode(convert_to({}, 'UTF8'), 'hex')", "lower(hex({}))", {"'abc'", "''", "NULL"}},
      {"bp",
       "char(5)",
       "CASE WHEN {} IS NOT NULL THEN encode(convert_to(format('%s', {}), 'UTF8'), 'hex') END",
       "lower(hex({}))",
       {"'ab'", "''", "NULL"}},
      {"by",
       "bytea",
       "encode({}, 'hex')",
       "lower(hex({}))",
       {"'\\x'", "'\\x00ff0a5c09'", "decode(repeat('5c78', 100), 'hex')", "NULL"}},
      {"u",
       "uuid",
       "{}::text",
       "toString({})",
       {"'00112233-4455-6677-8899-aabbccddeeff'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "NULL"}},
      {"d",
       "date",
       "{}::text",
       "toString({})",
       {"'1900-01-01'", "'2299-12-31'", "'1970-01-01'", "'2000-02-29'", "NULL"}},
      {"tm",
       "time",
       "{}::text",
       "toString({})",
       {"'00:00:00'", "'24:00:00'", "'12:34:56.789'", "'23:59:59.999999'", "NULL"}},
      {"ts",
       "timestamp",
       "to_char({}, 'YYYY-MM-DD HH24:MI:SS.US')",
       "toString({})",
       {"'1900-01-01 00:00:00'", "'2299-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.999999'",
        "'2026-11-22 12:34:56.7'", "NULL"}},
      {"tz",
       "timestamptz",
       "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
       "toString({})",
       {"'1900-01-01 00:00:00+00'", "'2299-12-31 23:59:59.999999+00'", "'2026-11-22 12:34:56.7-07'", "NULL"}},
      {"j",
       "json",
       "encode(convert_to({}::text, 'UTF8'), 'hex')",
       "lower(hex({}))",
       {"'{\"a\":  1e5, \"a\": [null] }'", "'null'", "NULL"}},
      {"jb",
       "jsonb",
       "encode(convert_to({}::text, 'UTF8'), 'hex')",
       "lower(hex({}))",
       {"'{\"b\": 1.50, \"a\": \"q\\\"\\\\\"}'", "'null'", "NULL"}},
      {"iv", "interval", "{}::text", "toString({})", {"'1 year -2 days 03:04:05.6'", "'0'", "NULL"}},
      {"ttz", "timetz", "{}::text", "toString({})", {"'12:34:56.7+05:30'", "NULL"}},
      {"p", "point", "{}::text", "toString({})", {"'(1.5,-2)'", "NULL"}},
      {"vb", "varbit", "{}::text", "toString({})", {"B'0101'", "NULL"}},
      {"r", "int4range", "{}::text", "toString({})", {"'[1,5)'", "'empty'", "NULL"}},
      {"ab",
       "boolean[]",
       "coalesce({}::text, '{}')",
       "concat('{', arrayStringConcat(arrayMap(x -> if(isNull(x), 'NULL', if(x, 't', 'f')), {}), ','), '}')",
       {"'{t,f,NULL}'", "'{}'", "NULL"}},
      {"a8",
       "bigint[]",
       "concat('{', array_to_string({}, ',', 'NULL'), '}')",
       "concat('{', arrayStringConcat(arrayMap(x -> ifNull(toString(x), 'NULL'), {}), ','), '}')",
       {"'{-9223372036854775808,NULL,1}'", "'{}'", "'{1,2}'::bigint[] || 3", "NULL"}},
      {"an",
       "numeric(5,2)[]",
       "coalesce({}::text, '{}')",
       "concat('{', arrayStringConcat(arrayMap(x -> ifNull(toString(x), 'NULL'), {}), ','), '}')",
       {"'{1.25,-123.45,NULL}'", "NULL"}},
      {"au",
       "numeric[]",
       "coalesce({}::text, '{}')",
       "concat('{', arrayStringConcat(arrayMap(x -> ifNull(x, 'NULL'), {}), ','), '}')",
       {"'{1.20,1.2,NaN,NULL}'", "NULL"}},
      {"at",
       "text[]",
       "(SELECT string_agg(coalesce(encode(convert_to(e, 'UTF8'), 'hex'), 'NULL'), ',') FROM unnest({}) e)",
       "nullIf(arrayStringConcat(arrayMap(x -> ifNull(lower(hex(x)), 'NULL'), {}), ','), '')",
       {"ARRAY['a b', E'q\"\\\\', 'NULL', NULL, '{x,y}', E'n\\n\\t', 'ü']", "'{}'", "NULL"}},
      {"ay",
       "bytea[]",
       "(SELECT string_agg(encode(e, 'hex'), ',') FROM unnest({}) e)",
       "nullIf(arrayStringConcat(arrayMap(x -> lower(hex(assumeNotNull(x))), {}), ','), '')",
       {"ARRAY['\\x00ff'::bytea, '\\x5c']", "NULL"}},
      {"ad",
       "date[]",
       "coalesce({}::text, '{}')",
       "concat('{', arrayStringConcat(arrayMap(x -> ifNull(toString(x), 'NULL'), {}), ','), '}')",
       {"'{1900-01-01,NULL,2299-12-31}'", "NULL"}},
      {"ats",
       "timestamptz[]",
       "(SELECT string_agg(to_char(e AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), ',') FROM unnest({}) e)",
       "nullIf(arrayStringConcat(arrayMap(x -> toString(assumeNotNull(x)), {}), ','), '')",
       {"ARRAY['2026-11-22 12:34:56.7-07'::timestamptz]", "NULL"}},
      {"auu",
       "uuid[]",
       "coalesce({}::text, '{}')",
       "concat('{', arrayStringConcat(arrayMap(x -> ifNull(toString(x), 'NULL'), {}), ','), '}')",
       {"'{00112233-4455-6677-8899-aabbccddeeff,NULL}'", "NULL"}},
      {"atm",
       "time[]",
       "coalesce({}::text, '{}')",
       "concat('{', arrayStringConcat(arrayMap(x -> ifNull(x, 'NULL'), {}), ','), '}')",
       {"'{12:34:56.7,NULL}'", "NULL"}},
      {"ajb",
       "jsonb[]",
       "(SELECT string_agg(encode(convert_to(e::text, 'UTF8'), 'hex'), ',') FROM unnest({}) e)",
       "nullIf(arrayStringConcat(arrayMap(x -> lower(hex(assumeNotNull(x))), {}), ','), '')",
       {"ARRAY['{\"a\": \"b\\\"c\"}'::jsonb, '[1, 2]']", "NULL"}},
      {"af",
       "double precision[]",
       "(SELECT string_agg(encode(float8send(e), 'hex'), ',') FROM unnest({}) e)",
       "nullIf(arrayStringConcat(arrayMap(x -> leftPad(lower(hex(reinterpretAsUInt64(assumeNotNull(x)))), 16, '0'), "
       "{}), ','), '')",
       {"'{1.5,-0,Infinity,5e-324}'", "NULL"}},
  };
  return kKinds;
}

std::string with(std::string_view pattern, const std::string& column) {
  std::string out(pattern);
  for (std::size_t at = 0; (at = out.find("{}", at)) != std::string::npos; at += column.size()) {
    const bool literal = at > 0 && out[at - 1] == '\'';  // '{}' is an empty array.
    literal ? at += 2 : (out.replace(at, 2, column), at);
  }
  return out;
}

class ClickHouseCopy : public RealClickHouse {
 protected:
  void SetUp() override {
    const char* uri = std::getenv("PEERD_TEST_POSTGRES");
    if (uri == nullptr) GTEST_SKIP() << "PEERD_TEST_POSTGRES names no server";
    RealClickHouse::SetUp();
    if (IsSkipped()) return;
    source_server_ = postgres::Connection::open(postgres::connect_options(testing_postgres::peer_options(uri)), wait());
    schema_ = "peerd_copy_" + std::to_string(getpid());
    pg("SET client_min_messages = warning; DROP SCHEMA IF EXISTS " + schema_ + " CASCADE; CREATE SCHEMA " + schema_);
  }
  void TearDown() override {
    if (source_server_) pg("DROP SCHEMA " + schema_ + " CASCADE");
    RealClickHouse::TearDown();
  }
  postgres::Result pg(const std::string& sql) { return source_server_->run(sql, wait()); }

  MirrorTable describe(const std::string& name, std::vector<std::uint16_t> key) {
    MirrorTable table;
    table.schema.name = name;
    table.schema.schema = schema_;
    table.target_name = name;
    table.start = Lsn{7};
    const auto columns = pg("SELECT attname, atttypid, atttypmod, NOT attnotnull FROM pg_attribute WHERE attrelid = '" +
                            schema_ + "." + name + "'::regclass AND attnum > 0 ORDER BY attnum");
    for (int i = 0; i < columns.rows(); ++i) {
      table.schema.columns.push_back({.name = columns.string(i, 0),
                                      .type_oid = static_cast<std::uint32_t>(columns.integer(i, 1)),
                                      .type_modifier = static_cast<std::int32_t>(columns.integer(i, 2)),
                                      .nullable = columns.boolean(i, 3)});
    }
    table.schema.key = std::move(key);
    for (const std::uint16_t k : table.schema.key) table.schema.columns[k].in_key = true;
    return table;
  }

  /// Whole rows, without header and trailer, as ChunkReader gives them.
  std::string copy(const MirrorTable& table, const CopyPlan& plan) {
    std::string columns;
    for (std::size_t i = 0; i < table.schema.columns.size(); ++i) {
      columns += (i == 0 ? "" : ", ") + quote_identifier(table.schema.columns[i].name);
      if (!plan.select_casts[i].empty()) columns += "::" + plan.select_casts[i];
    }
    const bool binary = plan.form == CopyForm::binary;
    source_server_->copy_out("COPY (SELECT " + columns + " FROM " + schema_ + "." + table.schema.name +
                                 " ORDER BY 1) TO STDOUT" + (binary ? " (FORMAT binary)" : ""),
                             wait());
    std::string out;
    for (std::string_view piece; (piece = source_server_->copy_read(wait())).data() != nullptr;) out += piece;
    return binary ? out.substr(19, out.size() - 21) : out;
  }
  void load(const MirrorTable& table, const CopyPlan& plan, const std::string& rows, std::uint64_t expected) {
    const auto writer = target().open_writer(wait());
    CopyCounts known;
    const Chunk chunk{table.schema.id, table.start, 0, 0, 0, Chunk::kNoEndBlock};
    EXPECT_EQ(writer->begin(table, chunk, plan, known, wait()), ChunkWriter::Begun::ready);
    writer->write(std::as_bytes(std::span(rows)), wait());
    EXPECT_EQ(writer->finish(wait()).rows, expected);
  }

  std::string schema_;
  std::unique_ptr<postgres::Connection> source_server_;
};

std::string block_of(const MirrorTable& table, CopyForm form, const std::string& rows) {
  clickhouse::Block block(clickhouse::table_layout(table.schema, "d", ""));
  clickhouse::CopyRows copy(form, RowVersion{table.start, Lsn{0}});
  copy.add(rows, block, [] { ADD_FAILURE() << "more than a block"; });
  std::string out;
  block.write([&](std::string_view bytes) { out += bytes; });
  return out;
}

TEST_F(ClickHouseCopy, BothFormsOfEveryTypeGiveTheSameBlockAndTheSourcesValues) {
  std::string columns = "id bigint PRIMARY KEY";
  std::size_t rows = 0;
  for (const Kind& kind : kinds()) {
    columns += ", " + std::string(kind.name) + " " + kind.type;
    rows = std::max(rows, kind.values.size());
  }
  pg("CREATE TABLE " + schema_ + ".every (" + columns + ")");
  for (std::size_t row = 0; row < rows; ++row) {
    std::string values = std::to_string(row);
    for (const Kind& kind : kinds()) values += std::string(", ") + kind.values[row % kind.values.size()];
    pg("INSERT INTO " + schema_ + ".every VALUES (" + values + ")");
  }
  const MirrorTable table = describe("every", {0});
  const CopyPlan binary = prepare_table(target(), table, wait());
  EXPECT_EQ(binary.form, CopyForm::binary);
  const CopyPlan text{CopyForm::text, std::vector<std::string>(table.schema.columns.size())};
  const std::string in_binary = copy(table, binary), in_text = copy(table, text);
  EXPECT_EQ(block_of(table, CopyForm::binary, in_binary), block_of(table, CopyForm::text, in_text));
  load(table, binary, in_binary, rows);
  load(table, text, in_text, rows);  // Twice the same version: as once.
  for (const Kind& kind : kinds()) {
    const auto expected = pg("SELECT " + with(kind.at_source, kind.name) + " FROM " + schema_ + ".every ORDER BY id");
    const Rows got = sql("SELECT " + with(kind.at_target, kind.name) + " FROM every FINAL ORDER BY id");
    ASSERT_EQ(got.size(), rows) << kind.name;
    for (std::size_t row = 0; row < rows; ++row) {
      const int at = static_cast<int>(row);
      EXPECT_EQ(got[row][0], expected.null(at, 0) ? Cell{} : Cell{expected.string(at, 0)})
          << kind.name << ", row " << row;
    }
  }
  EXPECT_EQ(sql("SELECT DISTINCT _peerdb_version FROM every"), (Rows{{"129127208515966861312"}}));
  EXPECT_EQ(sql("SELECT _peerdb_null_ab FROM every FINAL ORDER BY id LIMIT 3"), (Rows{{"false"}, {"false"}, {"true"}}));
}

TEST_F(ClickHouseCopy, KeysOfInexactTypesAreTextInBothForms) {
  pg("CREATE TABLE " + schema_ +
     ".keys (n numeric, f double precision, d date, z timestamptz, s numeric(6,2), PRIMARY KEY (n, f, d, z, s))");
  pg("INSERT INTO " + schema_ +
     ".keys VALUES (1.0, '-0', 'infinity', '-infinity', 1), (2.00, 0.1, '0044-03-15 BC', '2026-11-22 12:00:00.5+02', "
     "1.5), "
     "('NaN', 'NaN', '9999-01-01', '20000-01-01', -3)");
  const MirrorTable table = describe("keys", {0, 1, 2, 3, 4});
  const CopyPlan plan = prepare_table(target(), table, wait());
  const CopyPlan text{CopyForm::text, std::vector<std::string>(5)};
  const std::string rows = copy(table, plan);
  EXPECT_EQ(block_of(table, CopyForm::binary, rows), block_of(table, CopyForm::text, copy(table, text)));
  load(table, plan, rows, 3);
  EXPECT_EQ(sql("SELECT n, f, d, z, toString(s) FROM keys FINAL ORDER BY n"),
            (Rows{{"1.0", "-0", "infinity", "-infinity", "1"},
                  {"2.00", "0.1", "0044-03-15 BC", "2026-11-22 10:00:00.5+00", "1.5"},
                  {"NaN", "NaN", "9999-01-01", "20000-01-01 00:00:00+00", "-3"}}));
}

TEST_F(ClickHouseCopy, TypesWithCastsOfTheirOwnAreCopiedInTextForm) {
  pg("CREATE TYPE " + schema_ + ".mood AS ENUM ('happy', 'a\"b\\'); CREATE DOMAIN " + schema_ + ".address AS inet");
  pg("CREATE TABLE " + schema_ + ".odd (id int PRIMARY KEY, m " + schema_ + ".mood, i inet, a " + schema_ +
     ".address, ms " + schema_ + ".mood[])");
  pg("INSERT INTO " + schema_ +
     ".odd VALUES (1, 'happy', '10.0.0.1', '10.0.0.2', '{happy}'), (2, 'a\"b\\', NULL, '10.0.0.0/8', NULL)");
  const MirrorTable table = describe("odd", {0});
  const CopyPlan plan = prepare_table(target(), table, wait());
  EXPECT_EQ(plan.form, CopyForm::text);
  load(table, plan, copy(table, plan), 2);
  EXPECT_EQ(sql("SELECT * EXCEPT (_PEERDB_IS_DELETED, _peerdb_version, _peerdb_synced_at) FROM odd FINAL ORDER BY id"),
            (Rows{{"1", "happy", "10.0.0.1", "10.0.0.2", "{happy}"}, {"2", "a\"b\\", Cell{}, "10.0.0.0/8", Cell{}}}));
}

TEST_F(ClickHouseCopy, ValuesThatClickHouseCannotHoldStopTheTableByName) {
  for (const auto& [type, value] : std::vector<std::pair<std::string, std::string>>{{"date", "'infinity'"},
                                                                                    {"date", "'2300-01-01'"},
                                                                                    {"timestamptz", "'-infinity'"},
                                                                                    {"timestamp", "'1899-12-31'"},
                                                                                    {"numeric(5,2)", "'NaN'"},
                                                                                    {"integer[]", "'{{1,2},{3,4}}'"},
                                                                                    {"date[]", "'{infinity}'"}}) {
    pg("DROP TABLE IF EXISTS " + schema_ + ".bad; CREATE TABLE " + schema_ + ".bad (id int PRIMARY KEY, c " + type +
       "); INSERT INTO " + schema_ + ".bad VALUES (1, " + value + ")");
    const MirrorTable table = describe("bad", {0});
    const auto layout = clickhouse::table_layout(table.schema, "d", "");
    const CopyPlan plans[] = {clickhouse::copy_plan(layout), {CopyForm::text, {"", ""}}};
    for (const CopyPlan& plan : plans) {
      try {
        block_of(table, plan.form, copy(table, plan));
        ADD_FAILURE() << type << " " << value << " was accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.text.code, ErrorCode::bad_value);
        EXPECT_EQ(error.text.table, schema_ + ".bad");
        EXPECT_NE(error.text.message.find("\"c\""), std::string::npos);
        EXPECT_NE(error.text.hint.find("exclude: [c]"), std::string::npos);
      }
    }
  }
}

// Rule 2: version 0 would lose against anything that stands there.
TEST_F(ClickHouseCopy, ACopyIsAboveWhatStoodBeforeItsStart) {
  pg("CREATE TABLE " + schema_ + ".few (id int PRIMARY KEY, v text); INSERT INTO " + schema_ + ".few VALUES (1, 'now')");
  const MirrorTable table = describe("few", {0});
  const CopyPlan plan = prepare_table(target(), table, wait());
  sql("INSERT INTO few (id, v, _PEERDB_IS_DELETED, _peerdb_version) SELECT 1, 'before', 0, bitShiftLeft(toUInt128(" +
      std::to_string(table.start.value - 1) + "), 64)");
  load(table, plan, copy(table, plan), 1);
  EXPECT_EQ(sql("SELECT id, v FROM few FINAL"), (Rows{{"1", "now"}}));
}

// Rule 20: a server that remembers blocks must not take a chunk's second load for a repetition.
TEST_F(ClickHouseCopy, AChunkLoadedAgainAfterItsRowsWentIsThere) {
  mirror_.options["synced_at_col_name"] = "";  // Its time would make the blocks differ.
  pg("CREATE TABLE " + schema_ + ".few (id int PRIMARY KEY, v text); INSERT INTO " + schema_ + ".few VALUES (1, 'a')");
  const MirrorTable table = describe("few", {0});
  const CopyPlan plan = prepare_table(target(), table, wait());
  sql("ALTER TABLE few MODIFY SETTING non_replicated_deduplication_window = 100");
  const std::string rows = copy(table, plan);
  load(table, plan, rows, 1);
  sql("DELETE FROM few WHERE true");
  load(table, plan, rows, 1);
  EXPECT_EQ(sql("SELECT id, v FROM few FINAL"), (Rows{{"1", "a"}}));
}

TEST_F(ClickHouseCopy, AnAbandonedChunkLeavesNothingThatARepeatDoubles) {
  pg("CREATE TABLE " + schema_ + ".many (id int PRIMARY KEY, v text); INSERT INTO " + schema_ +
     ".many SELECT g, repeat('x', 100) FROM generate_series(1, 200000) g");
  const MirrorTable table = describe("many", {0});
  const CopyPlan plan = prepare_table(target(), table, wait());
  const std::string rows = copy(table, plan);
  const auto writer = target().open_writer(wait());
  CopyCounts known;
  const Chunk chunk{table.schema.id, table.start, 0, 0, 0, Chunk::kNoEndBlock};
  for (int attempt = 0; attempt < 2; ++attempt) {
    writer->begin(table, chunk, plan, known, wait());
    writer->write(std::as_bytes(std::span(rows)), wait());
  }
  EXPECT_EQ(writer->finish(wait()).rows, 200000u);
  EXPECT_EQ(sql("SELECT count(), uniqExact(id) FROM many FINAL"), (Rows{{"200000", "200000"}}));
}

}  // namespace
}  // namespace peerd::testing_clickhouse
