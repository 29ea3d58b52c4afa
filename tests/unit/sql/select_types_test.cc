#include "select_types.h"

#include <gtest/gtest.h>

#include "peer_select.h"
#include "relations.h"
#include "sqlite_text.h"
#include "statement_error.h"
#include "values.h"

namespace peerd::sql {
namespace {

std::uint32_t column(const std::string& name) {
  if (name == "n") return oid::kInt8;
  if (name == "ok") return oid::kBool;
  if (name == "r") return oid::kFloat8;
  if (name == "at") return oid::kTimestamptz;
  return name == "name" ? oid::kText : oid::kUnknown;
}

std::vector<Token> tokens_of(std::string_view sql) {
  auto tokens = tokenize(sql);
  tokens.pop_back();
  return tokens;
}

std::uint32_t type_of(std::string_view expression) { return infer_type(tokens_of(expression), column); }

TEST(SelectTypes, ExpressionsHavePostgresTypes) {
  EXPECT_EQ(type_of("1"), oid::kInt4);
  EXPECT_EQ(type_of("10000000000"), oid::kInt8);
  EXPECT_EQ(type_of("'a'"), oid::kText);
  EXPECT_EQ(type_of("true"), oid::kBool);
  EXPECT_EQ(type_of("m.n"), oid::kInt8);
  EXPECT_EQ(type_of("n / 1024 + 1"), oid::kInt8);
  EXPECT_EQ(type_of("(n * r)"), oid::kFloat8);
  EXPECT_EQ(type_of("name || n"), oid::kText);
  EXPECT_EQ(type_of("n > 5 AND ok"), oid::kBool);
  EXPECT_EQ(type_of("name IS NULL"), oid::kBool);
  EXPECT_EQ(type_of("count(*)"), oid::kInt8);
  EXPECT_EQ(type_of("count(*) FILTER (WHERE ok)"), oid::kInt8);
  EXPECT_EQ(type_of("max(at)"), oid::kTimestamptz);
  EXPECT_EQ(type_of("sum(n)"), oid::kInt8);
  EXPECT_EQ(type_of("coalesce(ok, false)"), oid::kBool);
  EXPECT_EQ(type_of("n::text"), oid::kText);
  EXPECT_EQ(type_of("name::int + 1"), oid::kInt4);
  EXPECT_EQ(type_of("CAST(name AS bigint)"), oid::kInt8);
  EXPECT_EQ(type_of("CASE WHEN ok THEN n ELSE 0 END"), oid::kInt8);
  EXPECT_EQ(type_of("(SELECT n FROM x)"), oid::kInt8);
  EXPECT_EQ(type_of("now()"), oid::kTimestamptz);
}

TEST(SelectTypes, UnaliasedExpressionsAreNamedAsPostgresNamesThem) {
  const auto tokens = tokens_of(
      "SELECT DISTINCT a, t.b, c AS x, count(*), count(*) n, 1, 'a'::text, d::int, CASE WHEN 1=1 THEN 2 END, x.*, "
      "now(), CAST(e AS int), a + 1 FROM t");
  std::vector<std::string> names;
  for (const auto& item : select_items(tokens)) names.push_back(item.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "x", "count", "n", "?column?", "text", "d", "case", "*", "now",
                                             "e", "?column?"}));
}

TEST(SelectTypes, ParametersTakeTheTypeOfTheirUse) {
  const auto types = infer_parameters(
      tokens_of("SELECT $6::int FROM t WHERE ok = $1 AND $2 < m.n AND name IN ($3, $4) AND name LIKE $7 LIMIT $5"),
      column);
  EXPECT_EQ(types, (std::vector<std::uint32_t>{oid::kBool, oid::kInt8, oid::kText, oid::kText, oid::kInt8, oid::kInt4,
                                               oid::kText}));
}

TEST(SelectTypes, RefusesTypesThatAreNotKnown) {
  EXPECT_THROW(type_of("a::geometry"), StatementError);
  EXPECT_THROW(type_of("a::int[]"), StatementError);
  EXPECT_THROW(type_of("a::"), StatementError);
}

TEST(Relations, AreFoundWhereverAQueryReads) {
  const auto tokens = tokens_of(
      "WITH w AS (SELECT * FROM a.b.c) SELECT extract(day FROM d.e.f), x.y.z FROM w, g.h.i AS t JOIN (SELECT 1 FROM j) "
      "q ON t.a IN "
      "(1, k.l.m) WHERE EXISTS (SELECT 1 FROM n.o.p) AND a IS DISTINCT FROM r.s.t");
  std::vector<std::string> names;
  const auto relations = find_relations(tokens);
  for (const auto& relation : relations.all) names.push_back(relation.parts.back());
  EXPECT_EQ(names, (std::vector<std::string>{"c", "w", "i", "j", "p"}));
  EXPECT_TRUE(relations.with_names.contains("w"));
}

TEST(Relations, WritesInsideOfQueriesAreSeen) {
  EXPECT_NE(find_write(tokens_of("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x")), nullptr);
  EXPECT_NE(find_write(tokens_of("SELECT * INTO t FROM u")), nullptr);
  EXPECT_NE(find_write(tokens_of("SELECT * FROM t FOR UPDATE")), nullptr);
  EXPECT_EQ(find_write(tokens_of("SELECT deletes, t.into FROM mirror_tables t")), nullptr);
}

TEST(PeerText, TakesOffThePeerAndPutsInParametersAsLiterals) {
  const std::string sql =
      "SELECT src.public.t.id, '$1 src.public.t' FROM Src.public.t /* src. */ WHERE a = $1 AND b = $2 AND c = $10";
  const auto tokens = tokens_of(sql);
  std::vector<Parameter> values(10);
  values[0] = {oid::kText, "it's \\"};
  values[1] = {oid::kInt4, "-5"};
  EXPECT_EQ(
      peer_text(sql, tokens, find_relations(tokens), "src", values, "POSTGRES"),
      "SELECT public.t.id, '$1 src.public.t' FROM public.t /* src. */ WHERE a = 'it''s \\' AND b = (-5) AND c = NULL");
  EXPECT_THROW(peer_text(sql, tokens, find_relations(tokens), "src", values, "CLICKHOUSE"), StatementError);
}

TEST(Nesting, TooDeepQueriesAreRefused) {
  EXPECT_THROW(check_nesting(tokens_of("SELECT " + std::string(5000, '('))), StatementError);
  EXPECT_NO_THROW(check_nesting(tokens_of("SELECT ((1))")));
}

}  // namespace
}  // namespace peerd::sql
