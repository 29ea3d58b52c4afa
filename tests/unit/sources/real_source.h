#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "peerd/postgres/connection.h"
#include "peerd/sources/postgres_source.h"

// A source on the server that PEERD_TEST_POSTGRES names (postgres://user:password@host:port/database, a superuser,
// wal_level=logical). Each test has a database of its own.
namespace peerd {

using namespace std::chrono_literals;

class StalledStandby;
class QuietWalWriter;

class RealSource : public testing::Test {
 protected:
  void SetUp() override {
    const char* uri = std::getenv("PEERD_TEST_POSTGRES");
    if (uri == nullptr) GTEST_SKIP() << "PEERD_TEST_POSTGRES names no server";
    parse(uri);
    database_ = "peerd_" + std::to_string(getpid()) + "_" + std::to_string(++made_);
    admin_ = postgres::Connection::open(postgres::connect_options(peer_.options), wait_);
    admin_->run("CREATE DATABASE " + database_, wait_);
    peer_.options["database"] = database_;
    connection_ = connect();
  }
  void TearDown() override {
    if (!admin_) return;
    wait_ = Wait::at_most(60s);  // Also a test that ran out of time leaves nothing behind for the next one.
    source_.reset();
    connection_.reset();
    admin_->run(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL AND database = "
        "'" +
            database_ + "'",
        wait_);
    for (;;) {
      try {
        admin_->run(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '" + database_ + "'",
            wait_);
        break;
      } catch (const Error&) {
        wait_.check("waiting for the slots to be free");
      }
    }
    // Backends of closed connections may take a moment to go.
    admin_->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database_ + "'", wait_);
    const std::string others = "SELECT 1 FROM pg_stat_activity WHERE datname = '" + database_ + "'";
    while (admin_->run(others, wait_).rows() > 0) wait_.check("waiting for backends to end");
    admin_->run("DROP DATABASE " + database_, wait_);
  }

  friend class StalledStandby;
  friend class QuietWalWriter;
  std::unique_ptr<postgres::Connection> connect() {
    return postgres::Connection::open(postgres::connect_options(peer_.options), wait_);
  }
  postgres::Result sql(const std::string& statement) { return connection_->run(statement, wait_); }

  Source& source() {
    if (!source_) source_ = postgres_sources()(peer_, mirror_, lease_);
    return *source_;
  }
  void map(const std::string& table, std::vector<std::string> exclude = {}) {
    mirror_.tables.push_back({table, table, std::move(exclude)});
  }
  /// Publication, slot and tables, as SETUP makes them; start is the slot's.
  std::vector<MirrorTable> set_up() {
    source().ensure_publication(wait_);
    start_ = source().ensure_slot(false, {}, wait_).consistent_point;
    std::vector<MirrorTable> tables = source().describe(wait_);
    for (MirrorTable& table : tables) table.start = start_;
    shaped_at_ = source().insert_position(wait_);
    return tables;
  }

  PeerSpec peer_;
  MirrorSpec mirror_{.name = "m", .source = "a", .target = "b", .tables = {}, .options = {}};
  /// Slots are named after its first 24 digits, and belong to the server: each test's are its own.
  Lease lease_{{1}, 1, "0" + std::to_string(1000000 + getpid() % 9000000) + "-4567-4abc-8def-001122334455"};
  Wait wait_ = Wait::at_most(90s);
  std::unique_ptr<postgres::Connection> admin_, connection_;
  std::unique_ptr<Source> source_;
  std::string database_;
  Lsn start_, shaped_at_;

 private:
  void parse(std::string uri) {
    peer_ = {"a", "POSTGRES", {}};
    uri.erase(0, uri.find("://") + 3);
    const std::string user = uri.substr(0, uri.find('@'));
    uri.erase(0, user.size() + 1);
    const std::size_t colon = user.find(':');
    peer_.options["user"] = user.substr(0, colon);
    if (colon != std::string::npos) peer_.options["password"] = user.substr(colon + 1);
    const std::size_t host = uri.find(':'), port = uri.find('/');
    peer_.options["host"] = uri.substr(0, host);
    peer_.options["port"] = uri.substr(host + 1, port - host - 1);
    peer_.options["database"] = uri.substr(port + 1);
  }
  static inline int made_ = 0;
};

/// A thread whose error fails the test. Thrown out of the thread it would end the process, and the test would leave its slot behind.
template <typename Work>
std::jthread in_background(Work work) {
  return std::jthread([work = std::move(work)](const std::stop_token& stop) {
    try {
      work(stop);
    } catch (const Error& error) {
      ADD_FAILURE() << error.text.message;
    } catch (const Stopped&) {
      ADD_FAILURE() << "stopped";
    }
  });
}

/// While it lives, commits of session() wait for a standby that never comes: they are in the WAL, and not visible.
class StalledStandby {
 public:
  explicit StalledStandby(RealSource& test) : admin_(test.connect()), session_(test.connect()) {
    admin_->run("ALTER SYSTEM SET synchronous_standby_names = 'peerd_test_nobody'", wait_);
    admin_->run("SELECT pg_reload_conf()", wait_);
    while (session_->run("SHOW synchronous_standby_names", wait_).text(0, 0) != "peerd_test_nobody")
      wait_.check("waiting for the reload");
    session_->run("SET synchronous_commit = on", wait_);
    // The checkpointer tells the others that commits wait: until it has read the setting, they do not.
    while (commits(test)) wait_.check("waiting for commits to wait");
    const char* const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    while (admin_->run(waits, wait_).rows() > 0) wait_.check("waiting for the trial to end");
  }
  ~StalledStandby() {
    wait_ = Wait::at_most(30s);
    release();
  }
  postgres::Connection* session() { return session_.get(); }
  void release() {
    admin_->run("ALTER SYSTEM RESET synchronous_standby_names", wait_);
    admin_->run("SELECT pg_reload_conf()", wait_);
  }

 private:
  static bool commits(RealSource& test) {
    const auto trial = test.connect();
    trial->run("SET synchronous_commit = on", test.wait_);
    try {
      trial->run("SELECT pg_logical_emit_message(true, 'test', '')", Wait::at_most(1s));
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  Wait wait_ = Wait::at_most(30s);
  std::unique_ptr<postgres::Connection> admin_, session_;
};

/// While it lives, an asynchronous commit stays unflushed until somebody asks for more.
class QuietWalWriter {
 public:
  explicit QuietWalWriter(RealSource& test) : admin_(test.connect()), session_(test.connect()) {
    admin_->run("ALTER SYSTEM SET wal_writer_delay = '10s'", wait_);
    admin_->run("ALTER SYSTEM SET wal_writer_flush_after = '1GB'", wait_);
    admin_->run("SELECT pg_reload_conf()", wait_);
    while (session_->run("SHOW wal_writer_delay", wait_).text(0, 0) != "10s") wait_.check("waiting for the reload");
    session_->run("SET synchronous_commit = off", wait_);
  }
  ~QuietWalWriter() {
    wait_ = Wait::at_most(30s);
    admin_->run("ALTER SYSTEM RESET wal_writer_delay", wait_);
    admin_->run("ALTER SYSTEM RESET wal_writer_flush_after", wait_);
    admin_->run("SELECT pg_reload_conf()", wait_);
  }
  /// Commits `statement`; answers its position, which is not flushed. A WAL writer that hibernates flushes once more.
  Lsn commit(const std::string& statement) {
    for (;;) {
      session_->run("SELECT pg_logical_emit_message(true, 'test', '')", wait_);
      std::this_thread::sleep_for(500ms);  // The WAL writer, when it was woken, is asleep again.
      session_->run(statement, wait_);
      const Lsn position = *parse_lsn(session_->run("SELECT pg_current_wal_insert_lsn()", wait_).text(0, 0));
      if (flushed() < position) return position;
      wait_.check("waiting for an unflushed commit");
    }
  }
  Lsn flushed() { return *parse_lsn(session_->run("SELECT pg_current_wal_flush_lsn()", wait_).text(0, 0)); }

 private:
  Wait wait_ = Wait::at_most(30s);
  std::unique_ptr<postgres::Connection> admin_, session_;
};

}  // namespace peerd
