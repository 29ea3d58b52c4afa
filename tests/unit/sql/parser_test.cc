#include "parser.h"

#include <gtest/gtest.h>

#include "statement_error.h"

namespace peerd::sql {
namespace {

Statement parsed(std::string_view sql, std::vector<Parameter> values = {}) {
  const auto tokens = tokenize(sql);
  const auto statements = split_statements(tokens);
  EXPECT_EQ(statements.size(), 1u) << sql;
  return parse_statement(statements.at(0), values);
}

template <typename T>
T as(std::string_view sql, std::vector<Parameter> values = {}) {
  const Statement statement = parsed(sql, std::move(values));
  EXPECT_TRUE(std::holds_alternative<T>(statement)) << sql;
  return std::get<T>(statement);
}

struct Refusal {
  std::string sqlstate, message;
  std::size_t at = 0;
};
Refusal refused(std::string_view sql) {
  try {
    parsed(sql);
  } catch (const StatementError& error) {
    return {error.sqlstate, error.text.message, error.at};
  }
  ADD_FAILURE() << "accepted: " << sql;
  return {};
}

TEST(Parser, OptionNamesMayHoldDots) {
  const auto peer = as<CreatePeer>(
      "CREATE PEER k FROM KAFKA WITH (properties.socket.timeout.ms = 5, properties.\"Linger.MS\" = '1')");
  EXPECT_EQ(peer.options.at("properties.socket.timeout.ms").text, "5");
  EXPECT_EQ(peer.options.at("properties.Linger.MS").text, "1");
  EXPECT_EQ(refused("CREATE PEER k FROM KAFKA WITH (properties. = 5)").sqlstate, "42601");
}

TEST(Parser, CreatePeerKeepsTheKindOfEachLiteral) {
  const auto peer = as<CreatePeer>(
      "create PEER Src from postgres with (host = 'h', PORT = 5432, \"user\" = E'u', password = $$p'w$$, require_tls = "
      "TRUE, x = -1,)");
  EXPECT_EQ(peer.name, "src");
  EXPECT_EQ(peer.kind, "POSTGRES");
  EXPECT_EQ(peer.options.at("port").kind, RawOption::Kind::number);
  EXPECT_EQ(peer.options.at("user").text, "u");
  EXPECT_EQ(peer.options.at("password").text, "p'w");
  EXPECT_EQ(peer.options.at("require_tls").kind, RawOption::Kind::boolean);
  EXPECT_EQ(peer.options.at("x").text, "-1");
  EXPECT_EQ(peer.positions.at("host"), 36u);
  EXPECT_EQ(peer.if_not_exists, IfExists::no);
}

TEST(Parser, CreatePeerHasItsVariants) {
  EXPECT_EQ(as<CreatePeer>("CREATE PEER IF NOT EXISTS \"My\" FROM kafka").if_not_exists, IfExists::yes);
  EXPECT_EQ(as<CreatePeer>("CREATE PEER \"My\" FROM kafka").name, "My");
  EXPECT_EQ(as<CreatePeer>("CREATE OR REPLACE PEER a FROM KAFKA").replace, Replace::yes);
  EXPECT_EQ(refused("CREATE OR REPLACE PEER IF NOT EXISTS a FROM KAFKA").sqlstate, "42601");
}

TEST(Parser, CreateMirrorReadsBothFormsOfMappings) {
  const auto mirror = as<CreateMirror>(R"(CREATE MIRROR IF NOT EXISTS m FROM A TO b WITH TABLE MAPPING (
      public.t:t, {from: public."Odd.Name", to: s.U, exclude: [c, "D",],}, {TO: x, FROM: y.z}, )
      WITH (do_initial_copy = false, sync_interval = 10))");
  EXPECT_EQ(mirror.if_not_exists, IfExists::yes);
  EXPECT_EQ(mirror.request.source, "a");
  ASSERT_EQ(mirror.request.tables.size(), 3u);
  EXPECT_EQ(mirror.request.tables[0], (TableMapping{"public.t", "t", {}}));
  EXPECT_EQ(mirror.request.tables[1], (TableMapping{"public.\"Odd.Name\"", "s.U", {"c", "D"}}));
  EXPECT_EQ(mirror.request.tables[2], (TableMapping{"y.z", "x", {}}));
  EXPECT_EQ(mirror.request.options.at("sync_interval").text, "10");
}

TEST(Parser, MappingKeyIsToldToBeUnused) {
  EXPECT_EQ(
      as<CreateMirror>("CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({from: s.t, to: t, key: id})").notices.size(),
      1u);
}

TEST(Parser, MirrorsAndPeersAreChangedByName) {
  EXPECT_EQ(as<ChangeMirror>("PAUSE MIRROR m").event, MirrorEvent::pause);
  EXPECT_EQ(as<ChangeMirror>("PAUSE MIRROR m WITH (receive = true)").options.at("receive").text, "true");
  EXPECT_THROW(as<ChangeMirror>("RESUME MIRROR m WITH (receive = true)"), StatementError);
  EXPECT_EQ(as<ChangeMirror>("resume mirror if exists M").if_exists, IfExists::yes);
  EXPECT_EQ(as<ChangeMirror>("resume mirror if exists M").name, "m");
  EXPECT_EQ(as<ChangeMirror>("DROP MIRROR \"M\"").event, MirrorEvent::drop);
  EXPECT_EQ(as<ChangeMirror>("DROP MIRROR IF EXISTS m FORCE").event, MirrorEvent::drop_forced);
  EXPECT_EQ(as<ChangeMirror>("DROP MIRROR \"M\"").name, "M");
  EXPECT_EQ(as<DropPeer>("DROP PEER IF EXISTS p").if_exists, IfExists::yes);
  for (const char* sql : {"DELETE FROM peers WHERE name = 'p'", "delete from PEERS where name == 'p'",
                          "DELETE FROM public.peers WHERE \"name\" = 'p'", "DELETE FROM ONLY peers WHERE name='p'"}) {
    EXPECT_EQ(as<DropPeer>(sql).name, "p") << sql;
    EXPECT_TRUE(as<DropPeer>(sql).as_delete) << sql;
  }
}

TEST(Parser, ParametersStandForLiterals) {
  const auto peer = as<CreatePeer>("CREATE PEER a FROM POSTGRES WITH (host = $2, port = $1, disable_tls = $3)",
                                   {{oid::kInt4, "5432"}, {oid::kText, "h"}, {oid::kBool, "t"}});
  EXPECT_EQ(peer.options.at("host").text, "h");
  EXPECT_EQ(peer.options.at("port").kind, RawOption::Kind::number);
  EXPECT_EQ(peer.options.at("disable_tls").text, "true");
  EXPECT_EQ(as<DropPeer>("DELETE FROM peers WHERE name = $1", {{oid::kText, "x"}}).name, "x");
  EXPECT_THROW(parsed("DELETE FROM peers WHERE name = $1", {{oid::kText, std::nullopt}}), StatementError);
  EXPECT_THROW(parsed("DELETE FROM peers WHERE name = $2", {{oid::kText, "x"}}), StatementError);
}

TEST(Parser, SyntaxErrorsSayWhereAndWhatWasExpected) {
  const struct {
    const char* sql;
    std::size_t at;
    const char* message;
  } kCases[] = {
      {"CREAT PEER a", 0, "syntax error at or near \"CREAT\": expected a statement"},
      {"CREATE", 6, "syntax error at end of input: expected PEER, MIRROR or ALERT"},
      {"CREATE PEER", 11, "syntax error at end of input: expected IF NOT EXISTS or a peer's name"},
      {"CREATE PEER a FORM POSTGRES", 14, "syntax error at or near \"FORM\": expected FROM"},
      {"CREATE PEER a FROM", 18, "syntax error at end of input: expected a kind of peer, such as POSTGRES"},
      {"CREATE PEER a FROM POSTGRES WIHT (", 28,
       "syntax error at or near \"WIHT\": expected WITH or the end of the statement"},
      {"CREATE PEER a FROM POSTGRES WITH host", 33, "syntax error at or near \"host\": expected \"(\""},
      {"CREATE PEER a FROM POSTGRES WITH (host 'x')", 39, "syntax error at or near a quoted string: expected \"=\""},
      {"CREATE PEER a FROM POSTGRES WITH (host = h)", 41,
       "syntax error among the options: expected a value: 'text', a number, true or false"},
      {"CREATE PEER a FROM POSTGRES WITH (host = 'x' port = 1)", 45,
       "syntax error among the options: expected \",\" or \")\""},
      {"CREATE PEER a FROM POSTGRES WITH (host = 'x', host = 'y')", 46, "option \"host\" is given twice"},
      {"CREATE PEER a FROM POSTGRES WITH (host = 'x') x", 46,
       "syntax error among the options: expected the end of the statement"},
      {"CREATE MIRROR m FROM a b", 23, "syntax error at or near \"b\": expected TO"},
      {"CREATE MIRROR m FROM a TO b WITH (x = 1)", 33, "syntax error at or near \"(\": expected TABLE"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ()", 49,
       "syntax error at end of input: expected at least one mapping in the parentheses before this"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING (s.t)", 51, "syntax error at or near \")\": expected \":\""},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING (s.*:t)", 48, "the target of pattern s.* has no *"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING (s.t:t_*)", 48, "target t_* has a *, and its source has none"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING (s.t *:t*)", 52, "syntax error at or near \"*\": expected \":\""},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({from: s.t})", 48, "a mapping needs both from and to"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({from: s.t, from: s.t})", 60,
       "\"from\" is given twice in a mapping"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({form: s.t})", 49,
       "syntax error at or near \"form\": expected from, to, exclude, except, columns, engine or partition_by"},
      {"CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({from: s.t, to: t, exclude: c})", 76,
       "syntax error at or near \"c\": expected \"[\""},
      {"CREATE ALERT 1", 13, "syntax error at or near \"1\": expected TO"},
      {"CREATE ALERT TO slack FOR orders WITH (a = 1)", 26, "syntax error at or near \"orders\": expected MIRROR or ALL MIRRORS"},
      {"CREATE ALERT TO slack", 21, "syntax error at end of input: expected WITH"},
      {"DROP ALERT true", 11, "syntax error: expected an alert's number: SELECT config FROM alerts"},
      {"ALTER ALERT 1", 13, "syntax error at end of input: expected FOR, SET or RESET"},
      {"TEST MIRROR m", 5, "syntax error at or near \"MIRROR\": expected ALERT"},
      {"PAUSE m", 6, "syntax error at or near \"m\": expected MIRROR"},
      {"DROP MIRROR", 11, "syntax error at end of input: expected a mirror's name"},
      {"DELETE FROM peers WHERE name = x", 31, "syntax error at or near \"x\": expected the peer's name as 'text'"},
  };
  for (const auto& test : kCases) {
    const auto refusal = refused(test.sql);
    EXPECT_EQ(refusal.sqlstate, "42601") << test.sql;
    EXPECT_EQ(refusal.message, test.message) << test.sql;
    EXPECT_EQ(refusal.at, test.at) << test.sql;
  }
}

TEST(Parser, KnownButUnsupportedStatementsSaySo) {
  for (const char* sql :
       {"RESYNC MIRROR IF EXISTS m WITH (query_string = 'x')", "EXECUTE MIRROR m",
        "CREATE MIRROR m FROM a TO b WITH SCHEMA MAPPING (a:b)", "CREATE OR REPLACE MIRROR m FROM a TO b",
        "INSERT INTO peers VALUES (1)", "UPDATE peers SET name = 'x'", "CREATE TABLE t (a int)", "DROP TABLE peers",
        "TRUNCATE peers", "DELETE FROM peers", "DELETE FROM mirrors WHERE name = 'x'",
        "DELETE FROM peers WHERE id = '1'", "EXPLAIN SELECT 1", "COPY peers TO STDOUT",
        "DECLARE c CURSOR FOR SELECT 1"}) {
    EXPECT_EQ(refused(sql).sqlstate, "0A000") << sql;
  }
}

TEST(Parser, AMirrorOfAQueryHasItsTextAndItsOptions) {
  const auto mirror = as<CreateMirror>("CREATE MIRROR IF NOT EXISTS M FROM a TO b FOR $$SELECT ';' $$ WITH (mode = 'upsert', parallelism = 3)");
  EXPECT_EQ(mirror.request.name, "m");
  EXPECT_EQ(mirror.request.query, "SELECT ';' ");
  EXPECT_TRUE(mirror.request.tables.empty());
  EXPECT_EQ(mirror.request.options.at("mode").text, "upsert");
  EXPECT_EQ(mirror.request.options.at("parallelism").kind, RawOption::Kind::number);
  EXPECT_TRUE(mirror.positions.contains("query"));
  EXPECT_EQ(as<ExplainMirror>("EXPLAIN CREATE MIRROR m FROM a TO b FOR 'x'").create.request.query, "x");
  for (const char* sql : {"CREATE MIRROR m FROM a TO b FOR", "CREATE MIRROR m FROM a TO b FOR x", "CREATE MIRROR m FROM a TO b FOR $$x$$ x"})
    EXPECT_EQ(refused(sql).sqlstate, "42601") << sql;
}

TEST(Parser, APeerIsAlteredByOptions) {
  const auto alter = as<AlterPeer>("ALTER PEER IF EXISTS P SET (a = 1, b.\"C\" = 'x') RESET (d, e.f)");
  EXPECT_EQ(alter.name, "p");
  EXPECT_EQ(alter.if_exists, IfExists::yes);
  EXPECT_EQ(alter.set.at("a").kind, RawOption::Kind::number);
  EXPECT_EQ(alter.set.at("b.C").text, "x");
  EXPECT_EQ(alter.reset, (std::vector<std::string>{"d", "e.f"}));
  for (const char* sql : {"ALTER PEER p", "ALTER PEER p SET a = 1", "ALTER PEER p RESET ()", "ALTER PEER SET (a = 1)"})
    EXPECT_EQ(refused(sql).sqlstate, "42601") << sql;
  EXPECT_EQ(refused("ALTER TABLE t ADD c int").sqlstate, "0A000");
}

TEST(Parser, AMappingSaysHowColumnsAndTheTableAreMade) {
  const auto mirror = as<CreateMirror>(R"(CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({from: s.t, to: t, columns: [
      {source: A, target: "b c", type: 'Decimal(18, 2)', ordering: 2, partitioning: 1, nullable: true},
      {source_name: "from", destination_name: d, destination_type: Int64, nullable_enabled: false,}, {source: x}],
      engine: 'ReplacingMergeTree', partition_by: 'toYYYYMM(d)'}, {from: s.u, to: u, partition_by_expr: $$a % 3$$, columns: []}))");
  const auto& tables = mirror.request.tables;
  ASSERT_EQ(tables.size(), 2u);
  const std::vector<ColumnSetting> columns{{"A", "b c", "Decimal(18, 2)", 2, 1, true}, {"from", "d", "Int64", 0, 0, false}, {"x"}};
  EXPECT_EQ(tables[0].columns, columns);
  EXPECT_EQ(tables[0].columns[1].nullable, false);
  EXPECT_EQ(tables[0].engine, "ReplacingMergeTree");
  EXPECT_EQ(tables[0].partition_by, "toYYYYMM(d)");
  EXPECT_EQ(tables[1].partition_by, "a % 3");
  EXPECT_EQ(as<AlterMirror>("ALTER MIRROR m ADD TABLE {from: s.a, to: b, columns: [{source: c, type: String}]}").change.add[0].columns[0].type,
            "String");
  for (const char* wrong : {"columns: [{target: b}]", "columns: [{source: a, ordering: 0}]", "columns: [{source: a, ordering: x}]",
                            "columns: [{source: a, nullable: 3}]", "columns: [{source: a, source_name: b}]", "columns: {source: a}",
                            "columns: [{source: a, kind: b}]", "engine: 3", "partition_by: a", "partition_by: 'a', partition_by_expr: 'a'"})
    EXPECT_EQ(refused("CREATE MIRROR m FROM a TO b WITH TABLE MAPPING ({from: s.t, to: t, " + std::string(wrong) + "})").sqlstate, "42601")
        << wrong;
}

TEST(Parser, AMirrorsTablesAndPaceAreAltered) {
  const auto alter = as<AlterMirror>(
      "ALTER MIRROR IF EXISTS M ADD TABLE s.a:b, {from: s.c, to: d, exclude: [x]} DROP TABLE s.e, s.\"f.g\" SET (a = 1)");
  EXPECT_EQ(alter.name, "m");
  ASSERT_EQ(alter.change.add.size(), 2u);
  EXPECT_EQ(alter.change.add[0], (TableMapping{"s.a", "b", {}}));
  EXPECT_EQ(alter.change.add[1], (TableMapping{"s.c", "d", {"x"}}));
  EXPECT_EQ(alter.change.drop, (std::vector<std::string>{"s.e", "s.\"f.g\""}));
  EXPECT_EQ(alter.change.set.at("a").text, "1");
  try {
    as<AlterMirror>("ALTER MIRROR m RESUME TABLE s.a");
    ADD_FAILURE() << "it is not kept what would be replayed";
  } catch (const StatementError& error) {
    EXPECT_EQ(error.sqlstate, "0A000");
    EXPECT_NE(error.text.hint.find("RESYNC TABLE s.t OF m"), std::string::npos);
  }
  for (const char* sql : {"ALTER MIRROR m", "ALTER MIRROR m ADD s.a:b", "ALTER MIRROR m DROP TABLE", "ALTER MIRROR m SET ()"})
    EXPECT_EQ(refused(sql).sqlstate, "42601") << sql;
}

TEST(Parser, AMirrorOrSomeOfItsTablesAreCopiedAnew) {
  const auto all = as<ResyncMirror>("RESYNC MIRROR IF EXISTS M");
  EXPECT_EQ(all.name, "m");
  EXPECT_EQ(all.if_exists, IfExists::yes);
  EXPECT_TRUE(all.tables.empty());
  const auto some = as<ResyncMirror>("resync table s.a, s.\"b.c\" OF \"M\"");
  EXPECT_EQ(some.name, "M");
  EXPECT_EQ(some.tables, (std::vector<std::string>{"s.a", "s.\"b.c\""}));
  for (const char* sql : {"RESYNC", "RESYNC m", "RESYNC TABLE s.a", "RESYNC TABLE OF m", "RESYNC MIRROR m n", "RESYNC TABLE s.a OF m, n"})
    EXPECT_EQ(refused(sql).sqlstate, "42601") << sql;
}

TEST(Parser, AlertsHaveTheirFieldsAndMirrors) {
  const auto create = as<CreateAlert>("CREATE ALERT TO Slack FOR MIRROR A, \"B\" WITH (auth_token = 'x', channel_ids = 'C1, C2')");
  EXPECT_EQ(create.service, "slack");
  EXPECT_EQ(create.mirrors, (std::vector<std::string>{"a", "B"}));
  EXPECT_EQ(create.fields.at("channel_ids").text, "C1, C2");
  EXPECT_TRUE(as<CreateAlert>("CREATE ALERT TO webhook FOR ALL MIRRORS WITH (url = 'https://x')").mirrors.empty());
  const auto alter = as<AlterAlert>("ALTER ALERT IF EXISTS 7 SET (members = 'U1') RESET (api_url, secret) FOR MIRROR m");
  EXPECT_EQ(alter.id, 7);
  EXPECT_EQ(alter.if_exists, IfExists::yes);
  EXPECT_EQ(alter.reset, (std::vector<std::string>{"api_url", "secret"}));
  EXPECT_EQ(alter.mirrors, (std::vector<std::string>{"m"}));
  EXPECT_EQ(as<AlterAlert>("ALTER ALERT 7 FOR ALL MIRRORS").mirrors, std::vector<std::string>());
  EXPECT_EQ(as<AlterAlert>("ALTER ALERT 7 SET (members = 'U1')").mirrors, std::nullopt);
  EXPECT_EQ(as<DropAlert>("DROP ALERT 7").id, 7);
  EXPECT_EQ(as<TestAlert>("TEST ALERT 7").id, 7);
}

TEST(Parser, APeersOwnWordsAreTakenAsTheyAre) {
  for (const char* sql : {"EXECUTE p $$SELECT 'a'$$", "EXECUTE P ($x$SELECT 'a'$x$)", "execute p 'SELECT ''a'''"}) {
    const auto execute = as<ExecuteOnPeer>(sql);
    EXPECT_EQ(execute.peer, "p") << sql;
    EXPECT_EQ(execute.text, "SELECT 'a'") << sql;
  }
  for (const char* sql : {"EXECUTE p", "EXECUTE p (1)", "EXECUTE p ('x'", "EXECUTE p 'x' y"})
    EXPECT_EQ(refused(sql).sqlstate, "42601") << sql;
  const auto explain = as<ExplainMirror>("EXPLAIN CREATE MIRROR m FROM a TO b WITH TABLE MAPPING (s.t:s.t)");
  EXPECT_EQ(explain.create.request.name, "m");
  EXPECT_NE(as<ShowView>("SHOW mirrors").query.find("FROM mirrors"), std::string_view::npos);
  EXPECT_EQ(as<ShowStatement>("SHOW \"peers\"").name, "peers") << "a setting's name";
}

TEST(Parser, SessionStatementsOfDriversAreKnown) {
  using Kind = TransactionStatement::Kind;
  EXPECT_EQ(as<TransactionStatement>("BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY").kind, Kind::begin);
  EXPECT_EQ(as<TransactionStatement>("START TRANSACTION").kind, Kind::begin);
  EXPECT_EQ(as<TransactionStatement>("END WORK").kind, Kind::commit);
  EXPECT_EQ(as<TransactionStatement>("ROLLBACK").kind, Kind::rollback);
  EXPECT_EQ(as<TransactionStatement>("ROLLBACK TO SAVEPOINT \"_pg3_1\"").kind, Kind::rollback_to);
  EXPECT_EQ(as<TransactionStatement>("RELEASE \"_pg3_1\"").kind, Kind::release);
  EXPECT_EQ(as<TransactionStatement>("SAVEPOINT a").kind, Kind::savepoint);
  EXPECT_EQ(as<SetStatement>("SET extra_float_digits = 3").value, "3");
  EXPECT_EQ(as<SetStatement>("SET application_name TO 'x y'").value, "x y");
  EXPECT_EQ(as<SetStatement>("SET SESSION a.b TO DEFAULT").name, "a.b");
  EXPECT_EQ(as<SetStatement>("SET LOCAL search_path = a, 'b'").value, "a, b");
  EXPECT_EQ(as<SetStatement>("SET TIME ZONE 'UTC'").name, "timezone");
  EXPECT_EQ(as<SetStatement>("SET NAMES 'UTF8'").name, "client_encoding");
  EXPECT_EQ(as<SetStatement>("SET statement_timeout = -1").value, "-1");
  EXPECT_TRUE(as<SetStatement>("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE").ignored);
  EXPECT_EQ(as<ShowStatement>("SHOW TRANSACTION ISOLATION LEVEL").name, "transaction_isolation");
  EXPECT_EQ(as<ShowStatement>("SHOW ALL").name, "all");
  EXPECT_EQ(as<ResetStatement>("RESET ALL").name, "all");
  EXPECT_EQ(as<ForgetStatement>("DISCARD ALL").tag, "DISCARD ALL");
  EXPECT_EQ(as<ForgetStatement>("DEALLOCATE \"_pg3_0\"").name, "_pg3_0");
  EXPECT_EQ(as<ForgetStatement>("DEALLOCATE ALL").tag, "DEALLOCATE ALL");
  EXPECT_EQ(as<ForgetStatement>("CLOSE ALL").tag, "CLOSE CURSOR ALL");
  EXPECT_EQ(as<ForgetStatement>("UNLISTEN *").tag, "UNLISTEN");
  EXPECT_EQ(refused("SET x").sqlstate, "42601");
  EXPECT_EQ(refused("SET x =").sqlstate, "42601");
}

TEST(Parser, NoMessageRepeatsAText) {
  EXPECT_EQ(refused("CREATE PEER a FROM POSTGRES WITH (password = 'one' 'secret')").message.find("secret"),
            std::string::npos);
  EXPECT_EQ(refused("'secret'").message.find("secret"), std::string::npos);
  for (const char* options : {"password = secret", "password = \"secret\"", "password = 'a' secret", "password = -secret",
                              "password = 'it's secret'", "password secret", "password = x) secret", "password = 'a') secret",
                              "password = 1secret", "password = p@secret", "password = (secret)", "password = $1secret"}) {
    std::string message;
    try {
      parsed("CREATE PEER a FROM POSTGRES WITH (host = 'h', " + std::string(options) + ")");
    } catch (const StatementError& error) {
      message = error.text.message + error.text.hint + error.text.detail;
    }
    EXPECT_NE(message, "") << options;
    EXPECT_EQ(message.find("secret"), std::string::npos) << options << ": " << message;
  }
}

TEST(Parser, ATableQuotedAsAWholeIsReadInItsTwoParts) {
  const auto mirror = as<CreateMirror>(
      "CREATE MIRROR m FROM a TO b WITH TABLE MAPPING (\"public.t\":\"public.t\", {from: \"S.Big\", to: \"out.t\"}, "
      "public.\"a.b\":\"a.b.c\")");
  EXPECT_EQ(mirror.request.tables[0].source, "public.t");
  EXPECT_EQ(mirror.request.tables[0].target, "public.t");
  EXPECT_EQ(mirror.request.tables[1].source, "S.Big");
  EXPECT_EQ(mirror.request.tables[1].target, "out.t");
  EXPECT_EQ(mirror.request.tables[2].source, "public.\"a.b\"");
  EXPECT_EQ(mirror.request.tables[2].target, "\"a.b.c\"");
}

}  // namespace
}  // namespace peerd::sql
