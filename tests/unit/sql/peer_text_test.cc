#include <gtest/gtest.h>

#include "peer_select.h"
#include "relations.h"
#include "statement_error.h"
#include "values.h"

namespace peerd::sql {
namespace {

std::vector<Token> tokens_of(std::string_view sql) {
  auto tokens = tokenize(sql);
  tokens.pop_back();
  return tokens;
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
      "SELECT public.t.id, '$1 src.public.t' FROM public.t /* src. */ WHERE a = 'it''s \\' AND b = ('-5'::int4) AND c = NULL");
}

TEST(PeerText, AParameterIsAlwaysAQuotedLiteral) {
  const std::string sql = "SELECT * FROM src.public.t WHERE id = $1";
  const auto tokens = tokens_of(sql);
  const auto text = [&](std::uint32_t type, const std::string& value, std::string_view kind = "POSTGRES") {
    return peer_text(sql, tokens, find_relations(tokens), "src", std::vector<Parameter>{{type, value}}, kind).substr(34);
  };
  for (const std::string value : {"0--", "1);DROP TABLE t", "e", "1e", "--", "+-", "1 ", "NaN"}) {
    EXPECT_EQ(text(oid::kNumeric, value), "('" + value + "'::numeric)");
    EXPECT_EQ(text(oid::kUnknown, value), "'" + value + "'");
    EXPECT_EQ(text(oid::kInt4, value), "('" + value + "'::int4)");
    EXPECT_EQ(text(oid::kFloat8, value, "CLICKHOUSE"), "'" + value + "'");
  }
  EXPECT_EQ(text(oid::kNumeric, "-1.5e3", "CLICKHOUSE"), "(-1.5e3)");
  EXPECT_EQ(text(oid::kUuid, "a"), "('a'::uuid)");
  EXPECT_EQ(text(oid::kText, "it's \\", "CLICKHOUSE"), "'it\\'s \\\\'");
  EXPECT_THROW(text(oid::kText, "a", "KAFKA"), StatementError);
}

}  // namespace
}  // namespace peerd::sql
