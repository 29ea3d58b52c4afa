#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "peerd/postgres/connection.h"
#include "peerd/postgres/pipeline.h"

// Against the server that PEERD_TEST_POSTGRES names: "host=… port=… user=… dbname=…" or
// postgres://user@host:port/database.
namespace peerd::postgres {
namespace {

using namespace std::chrono_literals;

/// postgres://user:password@host:port/database
ConnectOptions from_uri(std::string uri) {
  ConnectOptions options;
  uri.erase(0, uri.find("://") + 3);
  std::string user = uri.substr(0, uri.find('@'));
  uri.erase(0, user.size() + 1);
  const std::size_t colon = user.find(':');
  if (colon != std::string::npos) options.password = user.substr(colon + 1);
  options.user = user.substr(0, colon);
  options.host = uri.substr(0, uri.find(':'));
  options.port = uri.substr(options.host.size() + 1, uri.find('/') - options.host.size() - 1);
  options.database = uri.substr(uri.find('/') + 1);
  return options;
}

class RealServer : public testing::Test {
 protected:
  void SetUp() override {
    const char* uri = std::getenv("PEERD_TEST_POSTGRES");
    if (uri == nullptr) GTEST_SKIP() << "PEERD_TEST_POSTGRES names no server";
    options_ = from_uri(uri);
  }
  std::unique_ptr<Connection> open() { return Connection::open(options_, wait_); }
  ConnectOptions options_;
  Wait wait_ = Wait::at_most(20s);
};

TEST_F(RealServer, PinsTheSessionWhateverTheOperatorsOptions) {
  options_.options = "-c DateStyle=German -c work_mem=7MB";
  auto connection = open();
  EXPECT_EQ(connection->run("SHOW DateStyle", wait_).text(0, 0).substr(0, 3), "ISO");
  EXPECT_EQ(connection->run("SHOW work_mem", wait_).text(0, 0), "7MB");
  EXPECT_EQ(connection->run("SHOW default_transaction_isolation", wait_).text(0, 0), "read committed");
  EXPECT_EQ(connection->run("SHOW search_path", wait_).text(0, 0), "pg_catalog");
  EXPECT_GE(connection->server_version(), 120000);
}

TEST_F(RealServer, AReplicationReaderThatWaitsIsWokenAndReadsOn) {
  auto connection = open();
  connection->run("CREATE PUBLICATION wakes", wait_);
  connection->run("SELECT pg_create_logical_replication_slot('wakes', 'pgoutput')", wait_);
  ConnectOptions options = options_;
  options.replication = true;
  auto stream = Connection::open(options, wait_);
  stream->start_replication("START_REPLICATION SLOT wakes LOGICAL 0/0 (proto_version '1', publication_names 'wakes')", wait_);
  const Wait patient = Wait::at_most(60s);
  for (int i = 0; i < 3; ++i) {
    std::jthread waker([&] { stream->wake(); });
    while (const auto message = stream->replication_read(patient)) EXPECT_EQ(message->substr(0, 1), "k");
    EXPECT_FALSE(patient.expired());
  }
  stream.reset();
  const Wait soon = Wait::at_most(20s);
  while (!soon.expired() && connection->run("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'wakes' AND active", wait_).rows() > 0) {
  }
  connection->run("SELECT pg_drop_replication_slot('wakes')", wait_);
  connection->run("DROP PUBLICATION wakes", wait_);
}

TEST_F(RealServer, WhatIsPlannedOnceIsAnsweredAnew) {
  auto connection = open();
  constexpr std::string_view kAsk = "SELECT $1::int + 1, (SELECT count(*) FROM pg_prepared_statements)";
  EXPECT_EQ(connection->run_planned(kAsk, {{"1"}}, wait_).integer(0, 0), 2);
  EXPECT_EQ(connection->run_planned(kAsk, {{"2"}}, wait_).text(0, 0), "3");
  EXPECT_EQ(connection->run_planned(kAsk, {{"2"}}, wait_).text(0, 1), "1") << "planned once";
  EXPECT_THROW(connection->run_planned("SELECT nothing_of_that_name", {}, wait_), Error);
  connection->renew("another user", wait_);
  EXPECT_EQ(connection->run_planned(kAsk, {{"3"}}, wait_).text(0, 1), "1") << "kept";
  connection->prepare("mine", "SELECT 1", wait_);
  connection->renew("a third", wait_);
  EXPECT_EQ(connection->run_planned(kAsk, {{"3"}}, wait_).text(0, 1), "1") << "mine is gone, the plan is made again";
}

TEST_F(RealServer, APipelineTellsTheRowsOfEachStatement) {
  auto connection = open();
  connection->run("CREATE TEMPORARY TABLE p (id int PRIMARY KEY, v text); BEGIN", wait_);
  connection->prepare("put", "INSERT INTO pg_temp.p SELECT $1::int + g, $2 FROM generate_series(1, $1::int) g", wait_);
  std::vector<std::uint64_t> affected;
  {
    Pipeline pipeline(*connection);
    const char* const three[] = {"3", nullptr};
    const char* const none[] = {"nobody"};
    pipeline.run_prepared("put", three);
    pipeline.run("DELETE FROM pg_temp.p WHERE v = $1", none);
    pipeline.run("UPDATE pg_temp.p SET v = 'x' WHERE v IS NULL", {});
    pipeline.finish(affected, wait_);
  }
  EXPECT_EQ(affected, (std::vector<std::uint64_t>{3, 0, 3}));
  EXPECT_EQ(connection->run("COMMIT; SELECT count(*) FROM pg_temp.p WHERE v = 'x'", wait_).integer(0, 0), 3);
}

TEST_F(RealServer, APipelineThrowsItsFirstErrorAndLeavesTheConnectionWell) {
  auto connection = open();
  connection->run("CREATE TEMPORARY TABLE p (id int PRIMARY KEY)", wait_);
  connection->run("BEGIN", wait_);
  std::vector<std::uint64_t> affected;
  {
    Pipeline pipeline(*connection);
    const char* const word[] = {"word"};
    pipeline.run("INSERT INTO pg_temp.p VALUES (1)", {});
    pipeline.run("INSERT INTO pg_temp.p VALUES ($1)", word);
    pipeline.run("INSERT INTO pg_temp.p VALUES (1)", {});
    try {
      pipeline.finish(affected, wait_);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.text.origin, "22P02") << error.text.message;
    }
  }
  EXPECT_FALSE(connection->broken());
  EXPECT_EQ(connection->run("ROLLBACK; SELECT count(*) FROM pg_temp.p", wait_).integer(0, 0), 0);
}

TEST_F(RealServer, APipelineThatIsNotFinishedGivesTheConnectionUp) {
  auto connection = open();
  { Pipeline pipeline(*connection); }
  EXPECT_TRUE(connection->broken());
}

TEST_F(RealServer, ParametersNullsAndSeveralStatementsWork) {
  auto connection = open();
  const Result result = connection->run("SELECT $1::int + 1, $2::text IS NULL", {{"41", std::nullopt}}, wait_);
  EXPECT_EQ(result.integer(0, 0), 42);
  EXPECT_TRUE(result.boolean(0, 1));
  EXPECT_EQ(connection->run("SELECT 1; SELECT 2", wait_).integer(0, 0), 2);
  int rows = 0;
  connection->each_row("SELECT generate_series(1, 1000)", {}, wait_, [&](const Result&) { ++rows; });
  EXPECT_EQ(rows, 1000);
  connection->prepare("p", "SELECT $1::text", wait_);
  EXPECT_EQ(connection->run_prepared("p", {{"x"}}, wait_).text(0, 0), "x");
}

TEST_F(RealServer, AnErrorLeavesTheConnectionUsable) {
  auto connection = open();
  try {
    connection->run("SELECT * FROM no_such_table", wait_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::not_found);
    EXPECT_EQ(error.text.origin, "42P01");
  }
  EXPECT_THROW(connection->copy_out("COPY no_such_table TO STDOUT", wait_), Error);
  EXPECT_EQ(connection->run("SELECT 1", wait_).integer(0, 0), 1);
}

TEST_F(RealServer, CopiesOutAndIn) {
  auto connection = open();
  connection->run("CREATE TEMP TABLE c (i int, t text)", wait_);
  connection->copy_in("COPY c FROM STDIN", wait_);
  const std::string rows = "1\tone\n2\t\\N\n";
  connection->copy_write(rows, wait_);
  EXPECT_EQ(connection->copy_finish(wait_), 2u);
  std::string back;
  connection->copy_out("COPY c TO STDOUT", wait_);
  for (std::string_view piece = connection->copy_read(wait_); piece.data() != nullptr;
       piece = connection->copy_read(wait_)) {
    back += piece;
  }
  EXPECT_EQ(back, rows);
  connection->copy_in("COPY c FROM STDIN", wait_);
  connection->copy_fail("changed our mind", wait_);
  EXPECT_EQ(connection->run("SELECT count(*) FROM c", wait_).integer(0, 0), 2);
}

TEST_F(RealServer, AStopCancelsTheQueryAtTheServer) {
  auto connection = open();
  const int pid = connection->backend_pid();
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_THROW(connection->run("SELECT pg_sleep(30)", Wait::at_most(20s, stop.get_token())), Stopped);
  stopper.join();
  EXPECT_TRUE(connection->broken());
  auto other = open();
  const std::string query =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid = " + std::to_string(pid);
  while (other->run(query, wait_).integer(0, 0) != 0) wait_.check("waiting for the cancel");
}

TEST_F(RealServer, ADeadlineIsATimeout) {
  auto connection = open();
  try {
    connection->run("SELECT pg_sleep(30)", Wait::at_most(100ms));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::timeout);
  }
}

TEST_F(RealServer, RefusedConnectionsSayWhy) {
  const auto code_of = [&](const ConnectOptions& options) {
    try {
      Connection::open(options, wait_);
    } catch (const Error& error) {
      EXPECT_NE(error.text.hint, "") << error.text.message;
      return error.text.code;
    }
    return ErrorCode::internal;
  };
  ConnectOptions wrong = options_;
  wrong.database = "no such database";
  EXPECT_EQ(code_of(wrong), ErrorCode::not_found);
  wrong = options_;
  wrong.port = "1";
  EXPECT_EQ(code_of(wrong), ErrorCode::unreachable);
  wrong = options_;
  wrong.sslmode = "sometimes";
  EXPECT_EQ(code_of(wrong), ErrorCode::invalid_option);
  wrong = options_;
  wrong.user = "no such role";
  EXPECT_EQ(code_of(wrong), ErrorCode::bad_password);
}

TEST_F(RealServer, OfSeveralHostsOneThatNeverAnswersIsPassedOver) {
  // It takes connections and says nothing, as a machine that hangs does.
  const int silent = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(options_.port)));
  address.sin_addr.s_addr = htonl(0x7F000009);
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(silent, 8), 0);
  options_.host = "127.0.0.9," + options_.host;
  options_.connect_timeout_seconds = 2;
  EXPECT_EQ(open()->run("SELECT 1", wait_).integer(0, 0), 1);
  close(silent);
}

TEST_F(RealServer, AnAddressThatNeverAnswersIsGivenUp) {
  ConnectOptions dead = options_;
  dead.host = "192.0.2.1";
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(Connection::open(dead, Wait::at_most(20s, stop.get_token())), Stopped);
}

}  // namespace
}  // namespace peerd::postgres
