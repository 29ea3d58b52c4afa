#include "local_select.h"

#include <gtest/gtest.h>

#include "timestamps.h"

namespace peerd::sql {
namespace {

using Type = View::Column::Type;

std::vector<View> sample() {
  View view{"mirrors",
            "",
            {{"name", Type::text},
             {"rows", Type::integer},
             {"lag", Type::real},
             {"ok", Type::boolean},
             {"at", Type::timestamp}},
            {}};
  view.rows = [] {
    return std::vector<std::vector<View::Cell>>{{"b", "2", "0.500", "t", "2026-01-31 12:00:00.500+00"},
                                                {"a", "10", std::nullopt, "f", std::nullopt}};
  };
  View peers{"peers", "", {{"id", Type::integer}, {"name", Type::text}}, {}};
  peers.rows = [] { return std::vector<std::vector<View::Cell>>{{"1", "a"}}; };
  return {view, peers};
}

struct Result final : ResultWriter {
  void columns(std::span<const ResultColumn> columns) override {
    for (const auto& column : columns) heads += column.name + ":" + std::to_string(column.type) + " ";
  }
  void row(Cells cells) override {
    for (const auto& cell : cells) rows += (cell ? std::string(*cell) : "-") + "|";
    rows += "\n";
  }
  void notice(const Report&) override {}
  void parameter_status(std::string_view, std::string_view) override {}
  std::string heads, rows;
};

Result run(const std::string& sql, std::vector<Parameter> parameters = {}) {
  auto tokens = tokenize(sql);
  tokens.pop_back();
  const SessionFacts facts{"PostgreSQL 14.0", "db", "me", 7, [](const std::string&) { return std::nullopt; }, {}};
  const auto select = make_local_select(sample(), tokens, parameters, facts);
  Result result;
  EXPECT_EQ(select->run(result, 0, Wait::at_most(std::chrono::seconds(60))).value_or("").substr(0, 7), "SELECT ");
  return result;
}

StatementError error_of(const std::string& sql) {
  try {
    run(sql);
  } catch (const StatementError& error) {
    return error;
  }
  ADD_FAILURE() << "no error: " << sql;
  return {"", ""};
}

TEST(LocalSelect, ViewsHavePostgresTypesAndTexts) {
  const auto all = run("SELECT * FROM mirrors ORDER BY name");
  EXPECT_EQ(all.heads, "name:25 rows:20 lag:701 ok:16 at:1184 ");
  EXPECT_EQ(all.rows, "a|10|-|f|-|\nb|2|0.5|t|2026-01-31 12:00:00.5+00|\n");
}

TEST(LocalSelect, PrefixesQuotesCastsAndFunctionsAreUnderstood) {
  EXPECT_EQ(run("SELECT m.\"name\" FROM public.mirrors AS m WHERE ok").rows, "b|\n");
  EXPECT_EQ(run("SELECT NAME FROM peerd.public.Mirrors WHERE NOT ok").heads, "name:25 ");
  EXPECT_EQ(run("SELECT pg_catalog.version(), current_database(), current_user, pg_backend_pid()").rows,
            "PostgreSQL 14.0|db|me|7|\n");
  EXPECT_EQ(run("SELECT '5'::int + 1, 'f'::bool, 1::text, 'xyzzy'::text::varchar(3)").rows, "6|f|1|xyz|\n");
  EXPECT_EQ(run("SELECT count(*), sum(rows) AS s, max(at) FROM mirrors").heads, "count:20 s:1700 max:1184 ");
  EXPECT_EQ(run("SELECT rows > 5 AS many FROM mirrors ORDER BY 1").rows, "f|\nt|\n");
  EXPECT_EQ(run("SELECT string_agg(name, '+') FROM (SELECT name FROM mirrors ORDER BY name) x").rows, "a+b|\n");
  EXPECT_EQ(run("SELECT m.name FROM mirrors m JOIN peers p ON p.name = m.name WHERE m.name ILIKE 'A'").rows, "a|\n");
  EXPECT_EQ(run("WITH x AS (SELECT 1 AS one) SELECT one FROM x").rows, "1|\n");
  EXPECT_EQ(run("TABLE peers").rows, "1|a|\n");
  EXPECT_EQ(run("VALUES (1, 'a')").rows, "1|a|\n");
}

TEST(LocalSelect, ParametersKeepTheirType) {
  EXPECT_EQ(run("SELECT name FROM mirrors WHERE ok = $1", {{oid::kBool, "true"}}).rows, "b|\n");
  EXPECT_EQ(run("SELECT name FROM mirrors WHERE rows > $1", {{oid::kInt8, "9"}}).rows, "a|\n");
  EXPECT_EQ(run("SELECT name FROM mirrors WHERE at = $1", {{oid::kTimestamptz, "2026-01-31T13:00:00.5+01:00"}}).rows,
            "b|\n");
  EXPECT_EQ(run("SELECT name FROM mirrors ORDER BY 1 LIMIT $1", {{oid::kInt8, "1"}}).rows, "a|\n");
  EXPECT_EQ(run("SELECT $1", {{oid::kText, std::nullopt}}).rows, "-|\n");
}

TEST(LocalSelect, ErrorsCarrySqlstatePlaceAndHint) {
  const auto table = error_of("SELECT * FROM mirror");
  EXPECT_EQ(table.sqlstate, "42P01");
  EXPECT_EQ(table.at, 14u);
  EXPECT_NE(table.text.hint.find("mirrors"), std::string::npos);
  const auto column = error_of("SELECT nam FROM mirrors");
  EXPECT_EQ(column.sqlstate, "42703");
  EXPECT_EQ(column.at, 7u);
  EXPECT_EQ(column.text.hint, "did you mean name");
  EXPECT_EQ(error_of("SELECT \"nope\" FROM mirrors").sqlstate, "42703");
  EXPECT_EQ(error_of("SELECT nope()").sqlstate, "42883");
  EXPECT_EQ(error_of("SELECT * FROM nosuch(1, 2)").sqlstate, "42883");
  EXPECT_EQ(error_of("SELECT name FROM mirrors m, peers p").sqlstate, "42702");
  EXPECT_EQ(error_of("SELECT 1 +").sqlstate, "42601");
  EXPECT_EQ(error_of("SELECT * FROM mirrors WHERE").text.message, "syntax error at end of input");
  EXPECT_EQ(error_of("SELECT * FROM pg_catalog.pg_proc_").sqlstate, "42P01");
  EXPECT_EQ(error_of("SELECT * FROM sqlite_master").sqlstate, "42P01");
}

TEST(LocalSelect, ParametersTakeTheTypeOfTheirUse) {
  const auto types = [](const std::string& sql) {
    auto tokens = tokenize(sql);
    tokens.pop_back();
    const SessionFacts facts{"PostgreSQL 14.0", "db", "me", 7, [](const std::string&) { return std::nullopt; }, {}};
    return parameter_types(sample(), tokens, {}, facts);
  };
  EXPECT_EQ(types("SELECT $6::int FROM mirrors m WHERE ok = $1 AND $2 < m.rows AND name IN ($3, $4) AND name LIKE $7 LIMIT $5"),
            (std::vector<std::uint32_t>{oid::kBool, oid::kInt8, oid::kText, oid::kText, oid::kInt8, oid::kInt4, oid::kText}));
  EXPECT_EQ(types("SELECT $1, $2 + 1, now() - $3"), (std::vector<std::uint32_t>{oid::kText, oid::kInt4, oid::kTimestamptz}));
}

TEST(LocalSelect, NoQueryNestsSoDeepThatTheStackEnds) {
  for (const std::string& sql :
       {"SELECT " + std::string(5000, '(') + "1", "SELECT " + std::string(5000, '-') + "1",
        "SELECT 1" + [] { std::string s; for (int i = 0; i < 5000; ++i) s += " + 1"; return s; }(),
        "SELECT " + [] { std::string s; for (int i = 0; i < 5000; ++i) s += "NOT "; return s; }() + "true",
        [] { std::string s; for (int i = 0; i < 5000; ++i) s += "SELECT ("; return s; }() + "1"}) {
    EXPECT_EQ(error_of(sql.substr(0, 20'000)).sqlstate.substr(0, 2) == "54" || error_of(sql).sqlstate == "42601", true) << sql.substr(0, 30);
  }
  EXPECT_EQ(run("SELECT ((1))").rows, "1|\n");
}

TEST(LocalSelect, RowsThatAreHeldAreBounded) {
  EXPECT_EQ(error_of("WITH RECURSIVE n(t) AS (SELECT repeat('x', 1000000) UNION ALL SELECT t || 'y' FROM n), m AS (SELECT * FROM n LIMIT 1000) "
                     "SELECT count(*) FROM m a, m b").sqlstate, "53200");
}

TEST(Timestamps, ReadAndWriteWhatDriversSend) {
  EXPECT_EQ(parse_timestamp("2000-01-01 00:00:00+00"), 0);
  EXPECT_EQ(parse_timestamp("2000-01-01T01:00:00.25+01:00"), 250'000);
  EXPECT_EQ(parse_timestamp("2000-01-02"), 86'400'000'000);
  EXPECT_EQ(format_timestamp(-500'000), "1999-12-31 23:59:59.500+00");
  for (const char* bad : {"", "now", "2000-13-01", "2000-02-30", "2000-01-01 25:00:00", "2000-01-01 00:00:00+0x",
                          "2000-01-01 00:00:00."}) {
    EXPECT_FALSE(parse_timestamp(bad)) << bad;
  }
  EXPECT_EQ(decode_binary(oid::kTimestamptz, encode_binary(oid::kTimestamptz, "2026-01-31 12:00:00.123456+00")),
            "2026-01-31 12:00:00.123456+00");
  EXPECT_ANY_THROW(decode_binary(oid::kTimestamptz, std::string(8, '\x7f')));
}

TEST(BinaryArrays, GoThereAndBack) {
  constexpr std::uint32_t kTexts = 1009, kInts = 1007;
  for (const char* text : {"{}", "{a}", "{a,NULL,\"b,c\"}"}) EXPECT_EQ(decode_binary(kTexts, encode_binary(kTexts, text)), text);
  EXPECT_EQ(decode_binary(kInts, encode_binary(kInts, "{1,-2,NULL}")), "{1,-2,NULL}");
  EXPECT_EQ(encode_binary(kInts, "{7}"), std::string("\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\7", 28));
  const std::string whole = encode_binary(kInts, "{1,2}");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(decode_binary(kInts, whole.substr(0, size)), StatementError) << size;
  EXPECT_THROW(decode_binary(kInts, whole + "x"), StatementError);
  EXPECT_THROW(decode_binary(kTexts, whole), StatementError);
}

}  // namespace
}  // namespace peerd::sql
