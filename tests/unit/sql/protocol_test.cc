#include <gtest/gtest.h>

#include "fake_client.h"
#include "peerd/sql/sql_server.h"
#include "scram_client.h"
#include "settings.h"
#include "statement_error.h"
#include "unit/control/control_fixture.h"
#include "values.h"

namespace peerd::sql {
namespace {

class Protocol : public ControlTest {
 protected:
  net::Server::MakeHandler handlers(const std::string& password = "") {
    return make_sql_handlers({peers_, mirrors_, *catalog_, operators_, password, attempts_});
  }
  static std::string types(const std::vector<Message>& messages) {
    std::string types;
    for (const auto& message : messages) types += message.type;
    return types;
  }
  static const Message& of(const std::vector<Message>& messages, char type) {
    for (const auto& message : messages) {
      if (message.type == type) return message;
    }
    ADD_FAILURE() << "no message " << type << " in " << types(messages);
    return messages.at(0);
  }
  static std::string tag(const std::vector<Message>& messages) {
    const auto& body = of(messages, 'C').body;
    return body.substr(0, body.size() - 1);
  }
  static std::string sqlstate(const std::vector<Message>& messages) { return of(messages, 'E').field('C'); }
  /// The cells of all rows, joined by commas; NULL as "-".
  static std::string cells(const std::vector<Message>& messages) {
    std::string text;
    for (const auto& message : messages) {
      if (message.type != 'D') continue;
      const std::string& body = message.body;
      for (std::size_t at = 2; at < body.size();) {
        std::int32_t length = 0;
        for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(body[at++]);
        if (!text.empty()) text += ",";
        text += length < 0 ? "-" : body.substr(at, static_cast<std::size_t>(length));
        at += static_cast<std::size_t>(std::max(length, 0));
      }
    }
    return text;
  }
  using C = FakeClient;
  net::AttemptLimit attempts_;
  net::Operators operators_{2, 8};
};

TEST_F(Protocol, LogInReportsWhatDriversNeed) {
  FakeClient client(handlers());
  const auto messages = client.log_in();
  EXPECT_EQ(messages.front().body, C::int32(0));
  std::string all;
  for (const auto& message : messages) {
    if (message.type == 'S') all += message.body;
  }
  for (const char* name : {"server_version", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes",
                           "standard_conforming_strings"}) {
    EXPECT_NE(all.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(of(messages, 'K').body.size(), 8u);
  EXPECT_EQ(messages.back().body, "I");
}

TEST_F(Protocol, BytesMayComeOneAtATime) {
  FakeClient client(handlers());
  for (const char c : C::startup(C::z("user") + C::z("a")) + C::query("SELECT 1")) client.feed(std::string(1, c));
  client.until_ready();
  EXPECT_EQ(cells(client.until_ready()), "1");
}

TEST_F(Protocol, ScramLetsTheRightPasswordIn) {
  FakeClient client(handlers("pencil"));
  ScramClient scram("pencil");
  client.feed(C::startup(C::z("user") + C::z("alice")));
  EXPECT_EQ(client.next().body, C::int32(10) + C::z("SCRAM-SHA-256") + '\0');
  const std::string first = scram.first();
  client.feed(C::message('p', C::z("SCRAM-SHA-256") + C::int32(static_cast<std::int32_t>(first.size())) + first));
  client.feed(C::message('p', scram.final(client.next().body.substr(4))));
  EXPECT_EQ(client.next().body, C::int32(12) + scram.expected_server_final());
  EXPECT_EQ(client.next().body, C::int32(0));
  client.until_ready();
}

TEST_F(Protocol, ScramRefusesAnotherPassword) {
  FakeClient client(handlers("pencil"));
  ScramClient scram("crayon");
  client.feed(C::startup(C::z("user") + C::z("alice")));
  client.next();
  const std::string first = scram.first();
  client.feed(C::message('p', C::z("SCRAM-SHA-256") + C::int32(static_cast<std::int32_t>(first.size())) + first));
  client.feed(C::message('p', scram.final(client.next().body.substr(4))));
  const auto refusal = client.next();
  EXPECT_EQ(refusal.field('S'), "FATAL");
  EXPECT_EQ(refusal.field('C'), "28P01");
  client.wait_for_close();
}

TEST_F(Protocol, QueriesBeforeTheLogInAreRefused) {
  FakeClient client(handlers("pencil"));
  client.feed(C::startup(C::z("user") + C::z("alice")));
  client.next();
  client.feed(C::query("SELECT 1"));
  EXPECT_EQ(client.next().field('C'), "08P01");
  client.wait_for_close();
}

TEST_F(Protocol, EncryptionIsAnsweredByWhatThereIs) {
  const std::string ssl = C::int32(8) + C::int32(80877103), gss = C::int32(8) + C::int32(80877104);
  FakeClient plain(handlers());
  plain.feed(gss);
  EXPECT_EQ(plain.byte(), 'N');
  plain.feed(ssl);
  EXPECT_EQ(plain.byte(), 'N');
  plain.log_in();
  FakeClient tls(handlers(), true);
  tls.feed(ssl);
  EXPECT_EQ(tls.byte(), 'S');
  EXPECT_TRUE(tls.connection().tls_started);
}

TEST_F(Protocol, GarbageEndsTheConnection) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), C::int32(3), C::int32(8) + C::int32(131072),
                                   C::startup(C::z("user")), C::startup(C::z("user") + C::z("")),
                                   C::startup(C::z("user") + C::z("a") + C::z("replication") + C::z("database"))}) {
    FakeClient client(handlers());
    client.feed(bytes);
    EXPECT_EQ(client.next().field('S'), "FATAL");
    client.wait_for_close();
  }
  FakeClient client(handlers());
  client.log_in();
  client.feed(C::message('?', ""));
  EXPECT_EQ(client.next().field('C'), "08P01");
  client.wait_for_close();
}

TEST_F(Protocol, NewerMinorVersionsAndUnknownOptionsAreNegotiated) {
  FakeClient client(handlers());
  const std::string body = C::int32(196610) + C::z("user") + C::z("a") + C::z("_pq_.x") + C::z("1") + '\0';
  const auto messages = client.ask(C::int32(static_cast<std::int32_t>(body.size()) + 4) + body);
  EXPECT_EQ(messages.front().type, 'v');
  EXPECT_EQ(messages.front().body, C::int32(0) + C::int32(1) + C::z("_pq_.x"));
}

TEST_F(Protocol, StatementsOfOneQueryRunUntilTheFirstError) {
  FakeClient client(handlers());
  client.log_in();
  const auto messages = client.ask(C::query("SELECT 1; SELECT nope; SELECT 3"));
  EXPECT_EQ(types(messages), "TDCEZ");
  EXPECT_EQ(sqlstate(messages), "42703");
  EXPECT_EQ(of(messages, 'E').field('P'), "18");
  EXPECT_EQ(types(client.ask(C::query(""))), "IZ");
  EXPECT_EQ(types(client.ask(C::query(" ; -- x"))), "IZ");
}

TEST_F(Protocol, PeersAndMirrorsAreMadeShownAndDropped) {
  FakeClient client(handlers());
  client.log_in();
  world_.source("src").add_table("public.t", {"id", "name"});
  EXPECT_EQ(tag(client.ask(C::query("CREATE PEER src FROM POSTGRES WITH (host = 'a')"))), "OK");
  EXPECT_EQ(tag(client.ask(C::query("CREATE PEER dst FROM POSTGRES WITH (host = 'b')"))), "OK");
  EXPECT_EQ(cells(client.ask(C::query("SELECT id, name, type FROM peers;"))), "2,dst,3,1,src,3");
  EXPECT_EQ(tag(client.ask(C::query("CREATE MIRROR m FROM src TO dst WITH TABLE MAPPING (public.t:public.t)"))),
            "CREATE MIRROR m");
  EXPECT_EQ(
      tag(client.ask(C::query("CREATE MIRROR IF NOT EXISTS m FROM src TO dst WITH TABLE MAPPING (public.t:public.t)"))),
      "MIRROR ALREADY EXISTS");
  EXPECT_EQ(cells(client.ask(C::query("SELECT name FROM mirrors"))), "m");
  EXPECT_EQ(sqlstate(client.ask(C::query("DROP PEER src"))), "55000");
  EXPECT_EQ(tag(client.ask(C::query("DROP MIRROR m"))), "DROP MIRROR m");
  EXPECT_EQ(tag(client.ask(C::query("DROP PEER src"))), "DROP PEER src");
  EXPECT_EQ(tag(client.ask(C::query("DELETE FROM peers WHERE name == 'dst'"))), "DELETE 1");
  EXPECT_EQ(tag(client.ask(C::query("DELETE FROM peers WHERE name = 'dst'"))), "DELETE 0");
  const auto absent = client.ask(C::query("PAUSE MIRROR IF EXISTS m"));
  EXPECT_EQ(tag(absent), "NO SUCH MIRROR");
  EXPECT_EQ(of(absent, 'N').field('S'), "NOTICE");
}

TEST_F(Protocol, AnOptionsErrorPointsAtTheOption) {
  FakeClient client(handlers());
  client.log_in();
  const auto messages = client.ask(C::query("CREATE PEER a FROM POSTGRES WITH (host = 'x', prot = 1)"));
  EXPECT_EQ(sqlstate(messages), "22023");
  EXPECT_EQ(of(messages, 'E').field('P'), "47");
  EXPECT_NE(of(messages, 'E').field('H'), "");
}

TEST_F(Protocol, ParametersAreBoundNotPasted) {
  create_peer("a");
  create_peer("b");
  FakeClient client(handlers());
  client.log_in();
  const auto messages =
      client.ask(C::parse("SELECT name, $2::int + 1 AS n, $3 AS q, '$1' AS l FROM peers WHERE name = $1") +
                 C::describe('S') + C::bind({"a", "41", "it's"}) + C::describe('P') + C::execute() + C::sync());
  EXPECT_EQ(types(messages), "1tT2TDCZ");
  EXPECT_EQ(of(messages, 't').body, C::int16(3) + C::int32(25) + C::int32(23) + C::int32(25));
  EXPECT_EQ(cells(messages), "a,42,it's,$1");
  EXPECT_EQ(tag(messages), "SELECT 1");
}

TEST_F(Protocol, PeerdsStatementsTakeParametersToo) {
  FakeClient client(handlers());
  client.log_in();
  EXPECT_EQ(tag(client.ask(C::parse("CREATE PEER a FROM POSTGRES WITH (host = $1, port = $2)", {25, 23}) +
                           C::bind({"h", "99"}) + C::execute() + C::sync())),
            "OK");
  EXPECT_EQ(peers_.get("a").options.at("port"), "99");
  EXPECT_EQ(tag(client.ask(C::parse("DELETE FROM peers WHERE name = $1") + C::bind({"a"}) + C::describe('P') +
                           C::execute() + C::sync())),
            "DELETE 1");
  EXPECT_EQ(sqlstate(client.ask(C::query("DELETE FROM peers WHERE name = $1"))), "42P02");
}

TEST_F(Protocol, BinaryParametersAndResultsAreTranslated) {
  FakeClient client(handlers());
  client.log_in();
  const auto messages =
      client.ask(C::parse("SELECT $1::int8 AS a, true AS b, 'x' AS c, 7 AS d", {20}) +
                 C::bind({std::string("\0\0\0\0\0\0\1\2", 8)}, 1, 1) + C::describe('P') + C::execute() + C::sync());
  EXPECT_EQ(cells(messages), std::string("\0\0\0\0\0\0\1\2", 8) + "," + "\1" + ",x," + std::string("\0\0\0\7", 4));
  const auto numbers = client.ask(C::parse("SELECT 1.5, -12345.6789, 0.00, 100000000::numeric, '2000-01-02'::date, interval '1 mon 2 days'") + C::bind({}, 1) + C::execute() + C::sync());
  const auto numeric = [](std::vector<int> fields) { std::string bytes; for (const int f : fields) bytes += C::int16(static_cast<std::int16_t>(f)); return bytes; };
  EXPECT_EQ(cells(numbers), numeric({2, 0, 0, 1, 1, 5000}) + "," + numeric({3, 1, 0x4000, 4, 1, 2345, 6789}) + "," + numeric({0, 0, 0, 2}) + "," +
                                numeric({1, 2, 0, 0, 1}) + "," + C::int32(1) + "," + std::string(8, '\0') + C::int32(2) + C::int32(1));
  EXPECT_EQ(cells(client.ask(C::parse("SELECT $1::text", {1700}) + C::bind({numeric({3, 1, 0x4000, 4, 1, 2345, 6789})}, 0, 1) + C::execute() + C::sync())), "-12345.6789");
  const auto array = client.ask(C::parse("SELECT ARRAY[7]") + C::bind({}, 1) + C::execute() + C::sync());
  EXPECT_EQ(cells(array), C::int32(1) + C::int32(0) + C::int32(23) + C::int32(1) + C::int32(1) + C::int32(4) + C::int32(7));
  EXPECT_EQ(sqlstate(client.ask(C::parse("SELECT $1::int", {23}) + C::bind({"abc"}, 0, 1) + C::sync())), "22P03");
}

TEST_F(Protocol, APortalGivesItsRowsInPortions) {
  for (const char* name : {"a", "b", "c"}) create_peer(name);
  FakeClient client(handlers());
  client.log_in();
  const auto messages = client.ask(C::parse("SELECT name FROM peers ORDER BY 1") + C::bind({}) + C::execute(2) +
                                   C::execute(2) + C::execute(2) + C::sync());
  EXPECT_EQ(types(messages), "12DDsDCEZ");
  EXPECT_EQ(cells(messages), "a,b,c");
  EXPECT_EQ(sqlstate(messages), "55000");
}

TEST_F(Protocol, AfterAnErrorMessagesAreSkippedUntilSync) {
  FakeClient client(handlers());
  client.log_in();
  EXPECT_EQ(types(client.ask(C::parse("SELEC") + C::bind({}) + C::execute() + C::sync())), "EZ");
  EXPECT_EQ(types(client.ask(C::parse("") + C::bind({}) + C::describe('P') + C::execute() + C::sync())), "12nIZ");
  EXPECT_EQ(sqlstate(client.ask(C::parse("SELECT 1; SELECT 2") + C::sync())), "42601");
  EXPECT_EQ(sqlstate(client.ask(C::parse("SELECT $1") + C::bind({}) + C::sync())), "08P01");
  EXPECT_EQ(sqlstate(client.ask(C::execute() + C::sync())), "34000");
  EXPECT_EQ(types(client.ask(C::message('B', "x") + C::sync())), "EZ");
}

TEST_F(Protocol, TransactionStatusFollowsTheStatements) {
  FakeClient client(handlers());
  client.log_in();
  EXPECT_EQ(client.ask(C::query("BEGIN")).back().body, "T");
  EXPECT_EQ(client.ask(C::query("SELECT nope")).back().body, "E");
  EXPECT_EQ(sqlstate(client.ask(C::query("SELECT 1"))), "25P02");
  EXPECT_EQ(tag(client.ask(C::query("COMMIT"))), "ROLLBACK");
  EXPECT_EQ(client.ask(C::query("SELECT 1")).back().body, "I");
  client.ask(C::query("BEGIN; CREATE PEER a FROM POSTGRES WITH (host = 'x')"));
  EXPECT_EQ(of(client.ask(C::query("ROLLBACK")), 'N').field('S'), "WARNING");
}

TEST_F(Protocol, SettingsAreKeptAndShown) {
  FakeClient client(handlers());
  client.log_in();
  EXPECT_EQ(types(client.ask(C::query("SET application_name = 'x'"))), "SCZ");
  EXPECT_EQ(cells(client.ask(C::query("SHOW application_name"))), "x");
  EXPECT_EQ(tag(client.ask(C::query("SET foo.bar = 1"))), "SET");
  EXPECT_EQ(cells(client.ask(C::query("SELECT current_setting('foo.bar'), current_database(), current_user"))),
            "1,db,alice");
  EXPECT_EQ(sqlstate(client.ask(C::query("SET client_encoding = 'LATIN1'"))), "22023");
  EXPECT_EQ(sqlstate(client.ask(C::query("SHOW nothing"))), "42704");
  EXPECT_EQ(tag(client.ask(C::query("DISCARD ALL"))), "DISCARD ALL");
  EXPECT_EQ(cells(client.ask(C::query("SHOW application_name"))), "");
}

TEST_F(Protocol, SettingsThatAreNotKnownOrNotFollowedAreRefused) {
  FakeClient client(handlers());
  client.log_in();
  EXPECT_EQ(sqlstate(client.ask(C::query("SET nothing = 1"))), "42704");
  EXPECT_EQ(sqlstate(client.ask(C::query("RESET nothing"))), "42704");
  EXPECT_EQ(sqlstate(client.ask(C::query("SET TIME ZONE 'Europe/Berlin'"))), "22023");
  EXPECT_EQ(tag(client.ask(C::query("SET TIME ZONE 'UTC'"))), "SET");
  EXPECT_EQ(sqlstate(client.ask(C::query("SET extra_float_digits = 0"))), "22023");
  EXPECT_EQ(tag(client.ask(C::query("SET extra_float_digits = 3"))), "SET");
  EXPECT_EQ(sqlstate(client.ask(C::query("SET a.b = '" + std::string(5000, 'x') + "'"))), "22023");
  for (int i = 0; i < 99; ++i) client.ask(C::query("SET a.b" + std::to_string(i) + " = 1"));
  EXPECT_EQ(sqlstate(client.ask(C::query("SET a.more = 1; SET a.evenmore = 1"))), "53400");
}

TEST_F(Protocol, StartupOptionsAreSettingsOrEndTheConnection) {
  const auto start = [&](const std::string& options) { return C::startup(C::z("user") + C::z("a") + C::z("options") + C::z(options)); };
  FakeClient client(handlers());
  client.feed(start("-c statement_timeout=5s --application-name=a\\ b -capp.name=c"));
  client.until_ready();
  EXPECT_EQ(cells(client.ask(C::query("SHOW statement_timeout; SHOW application_name; SHOW app.name"))), "5s,a b,c");
  for (const auto& [options, state] : std::vector<std::pair<std::string, std::string>>{
           {"-c nothing=1", "42704"}, {"-c timezone=Europe/Berlin", "22023"}, {"-z", "42601"}, {"-c", "42601"}, {"--geqo", "42601"}}) {
    FakeClient refused(handlers());
    refused.feed(start(options));
    auto answer = refused.next();
    while (answer.type == 'R') answer = refused.next();
    EXPECT_EQ(answer.field('S'), "FATAL");
    EXPECT_EQ(answer.field('C'), state) << options;
    refused.wait_for_close();
  }
  FakeClient unknown(handlers());
  unknown.feed(C::startup(C::z("user") + C::z("a") + C::z("nothing") + C::z("1")));
  unknown.next();
  EXPECT_EQ(unknown.next().field('C'), "42704");
}

TEST_F(Protocol, StatementsThatAreKeptAreBoundedInMemory) {
  FakeClient client(handlers());
  client.log_in();
  const std::string large = "SELECT '" + std::string(5 << 20, 'x') + "'";
  std::string state;
  int kept = 0;
  for (; kept < 20 && state.empty(); ++kept) {
    const auto answer = client.ask(C::message('P', C::z("s" + std::to_string(kept)) + C::z(large) + C::int16(0)) + C::sync());
    if (answer[0].type == 'E') state = sqlstate(answer);
  }
  EXPECT_EQ(state, "53200");
  EXPECT_GE(kept, 3);
  EXPECT_EQ(tag(client.ask(C::query("DEALLOCATE ALL"))), "DEALLOCATE ALL");
  EXPECT_EQ(types(client.ask(C::message('P', C::z("s") + C::z(large) + C::int16(0)) + C::sync())), "1Z");
  std::string many = "SELECT 1";
  for (int i = 0; i < 100'000; ++i) many += ",1";
  EXPECT_EQ(sqlstate(client.ask(C::query(many))), "54001");
}

TEST_F(Protocol, ParametersOfAPeersQueryHaveNoTypeOfPeerds) {
  create_peer("src");
  FakeClient client(handlers());
  client.log_in();
  const auto messages = client.ask(C::parse("SELECT * FROM src.public.t WHERE id = $1") + C::describe('S') +
                                   C::bind({"4c9a1b1e-0000-4000-8000-000000000000"}) + C::execute() + C::sync());
  EXPECT_EQ(of(messages, 't').body, C::int16(1) + C::int32(25));
  EXPECT_EQ(types(messages), "1tT2DCZ");
}

TEST_F(Protocol, QueriesOfAPeerGoThere) {
  create_peer("src");
  FakeClient client(handlers());
  client.log_in();
  const auto messages = client.ask(C::query("SELECT * FROM src.public.t"));
  EXPECT_EQ(types(messages), "TDCZ");
  EXPECT_EQ(cells(messages), "1");
  EXPECT_EQ(world_.peer("src").calls("query"), 1);
  EXPECT_EQ(sqlstate(client.ask(C::query("SELECT * FROM scr.public.t"))), "42P01");
  EXPECT_EQ(sqlstate(client.ask(C::query("SELECT * FROM src.public.t, peers"))), "0A000");
}

TEST_F(Protocol, CancelRequestStopsTheRunningStatement) {
  create_peer("src");
  const auto make = handlers();
  FakeClient client(make);
  const auto key = of(client.log_in(), 'K').body;
  world_.peer("src").stall("query");
  client.feed(C::query("SELECT * FROM src.public.t"));
  world_.peer("src").wait_for_calls("query", 1);
  FakeClient wrong(make);
  wrong.feed(C::int32(16) + C::int32(80877102) + key.substr(0, 4) + "xxxx");
  wrong.wait_for_close();
  FakeClient canceller(make);
  canceller.feed(C::int32(16) + C::int32(80877102) + key);
  canceller.wait_for_close();
  EXPECT_EQ(sqlstate(client.until_ready()), "57014");
  world_.peer("src").release("query");
  EXPECT_EQ(cells(client.ask(C::query("SELECT 1"))), "1");
}

TEST_F(Protocol, AQueryWithoutEndStopsWhenItsClientGoes) {
  const auto make = handlers();
  FakeClient client(make);
  const auto key = of(client.log_in(), 'K').body;
  client.feed(C::query("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"));
  client.vanish();
  EXPECT_TRUE(operators_.stop(Wait::at_most(std::chrono::seconds(60))));
}

TEST_F(Protocol, StatementTimeoutEndsAQueryWithoutEnd) {
  FakeClient client(handlers());
  client.log_in();
  client.ask(C::query("SET statement_timeout = '500ms'"));  // Enough for SELECT 1 on a busy machine.
  EXPECT_EQ(sqlstate(client.ask(C::query(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n"))),
            "57014");
  EXPECT_EQ(cells(client.ask(C::query("SELECT 1"))), "1");
}

TEST_F(Protocol, StatementTimeoutTakesPostgresUnits) {
  Settings settings("15.0", "me");
  for (const auto& [text, milliseconds] : std::vector<std::pair<std::string, int>>{
           {"0", 0}, {"250", 250}, {"5ms", 5}, {"2s", 2000}, {"3min", 180'000}, {"1 h", 3'600'000}, {"1d", 86'400'000}}) {
    settings.set("statement_timeout", text);
    EXPECT_EQ(settings.statement_timeout().count(), milliseconds) << text;
  }
  for (const char* bad : {"", "-1", "soon", "5 weeks", "1.5s", "99999999999", "30d"})
    EXPECT_THROW(settings.set("statement_timeout", bad), StatementError) << bad;
  EXPECT_EQ(settings.get("statement_timeout"), "1d");
  settings.reset("statement_timeout");
  EXPECT_EQ(settings.statement_timeout().count(), 0);
}

TEST_F(Protocol, WhenNoThreadIsFreeTheAnswerIs53300) {
  EXPECT_TRUE(operators_.stop(Wait::at_most(std::chrono::seconds(60))));  // From now on nothing is taken.
  FakeClient client(handlers());
  client.log_in();
  const auto simple = client.ask(C::query("SELECT 1"));
  EXPECT_EQ(types(simple), "EZ");
  EXPECT_EQ(sqlstate(simple), "53300");
  EXPECT_EQ(types(client.ask(C::parse("SELECT 1") + C::bind({}) + C::execute() + C::sync())), "EZ");
}

TEST_F(Protocol, BrokenTextIsRefused) {
  FakeClient client(handlers());
  client.log_in();
  EXPECT_EQ(sqlstate(client.ask(C::query("SELECT '\xff'"))), "22021");
  EXPECT_EQ(sqlstate(client.ask(C::message('Q', "no zero byte"))), "08P01");
}

}  // namespace
}  // namespace peerd::sql
