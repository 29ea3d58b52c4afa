#include "postgres/shared_connections.h"

#include <atomic>

#include "real_source.h"

namespace peerd {
namespace {

/// Shared connections to the test's own database.
class RealShared : public RealSource {
 protected:
  void SetUp() override {
    RealSource::SetUp();
    if (IsSkipped()) return;
    options_ = postgres::connect_options(peer_.options);
    shared_ = std::make_shared<SharedConnections>(options_);
  }
  void TearDown() override {
    shared_.reset();
    RealSource::TearDown();
  }
  int ask(const std::string& name = "peerd test", std::chrono::milliseconds patience = 0ms) {
    int pid = 0;
    shared_->ask(name, patience, wait_, [&](postgres::Connection& connection) {
      EXPECT_EQ(connection.run("SHOW application_name", wait_).text(0, 0), name);
      pid = connection.backend_pid();
    });
    return pid;
  }
  /// Holds `count` of them, each on a thread of its own, until release().
  void hold(int count) {
    const int wanted = held_ + count;
    for (int i = 0; i < count; ++i) {
      holders_.push_back(in_background([this](const std::stop_token&) {
        shared_->ask("peerd holder", 0ms, wait_, [&](postgres::Connection&) {
          ++held_;
          released_.wait(false);
        });
      }));
    }
    while (held_ < wanted) wait_.check("waiting for connections to be lent");
  }
  void release() {
    released_ = true;
    released_.notify_all();
    holders_.clear();
  }
  /// How many are open, the test's own aside, once it is `expected`.
  void await_open(int expected) {
    const std::string open = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'peerd %' AND datname = '" + database_ + "'";
    while (sql(open).integer(0, 0) != expected) wait_.check("waiting for connections to close");
  }

  postgres::ConnectOptions options_;
  std::shared_ptr<SharedConnections> shared_;
  std::atomic<int> held_ = 0;
  std::atomic<bool> released_ = false;
  std::vector<std::jthread> holders_;
};

TEST_F(RealShared, OneServesAllThatAskInTurn) {
  const int pid = ask("peerd one");
  EXPECT_EQ(ask("peerd it's \\ another"), pid);
  EXPECT_EQ(ask("peerd one"), pid);
  await_open(1);
  shared_.reset();
  await_open(0);
}

TEST_F(RealShared, WhatABorrowerSetIsGone) {
  sql("ALTER ROLE " + options_.user + " IN DATABASE " + database_ + " SET search_path = public");
  sql("ALTER ROLE " + options_.user + " IN DATABASE " + database_ + " SET idle_session_timeout = '90s'");
  sql("ALTER ROLE " + options_.user + " IN DATABASE " + database_ + " SET work_mem = '5MB'");
  const std::string all = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name <> 'application_name'";
  std::string before;
  int pid = 0;
  shared_->ask("peerd one", 0ms, wait_, [&](postgres::Connection& connection) {
    pid = connection.backend_pid();
    before = connection.run(all, wait_).string(0, 0);
    connection.run("SET search_path = public; SET DateStyle = 'German'; SET idle_session_timeout = '80s'; SET lc_monetary = 'POSIX';"
                   " SET enable_seqscan = off; SET work_mem = '6MB'", wait_);
    connection.prepare("mine", "SELECT 1", wait_);
  });
  shared_->ask("peerd two", 0ms, wait_, [&](postgres::Connection& connection) {
    EXPECT_EQ(connection.backend_pid(), pid);
    EXPECT_EQ(connection.run(all, wait_).text(0, 0), before);
    EXPECT_EQ(connection.run("SELECT count(*) FROM pg_prepared_statements", wait_).integer(0, 0), 0);
    EXPECT_EQ(connection.run("SHOW search_path", wait_).text(0, 0), "pg_catalog");
    EXPECT_EQ(connection.run("SHOW idle_session_timeout", wait_).text(0, 0), "0");
  });
}

TEST_F(RealShared, AFewAreWaitedForAndThenOneMoreIsOpened) {
  hold(static_cast<int>(SharedConnections::kFew));
  await_open(3);
  ask("peerd impatient", 0ms);
  await_open(4);
  ask("peerd finds the idle one", 60s);
  hold(1);
  std::jthread patient = in_background([&](const std::stop_token&) { ask("peerd patient", 60s); });
  std::stop_source stop;
  std::jthread stopped = in_background([&](const std::stop_token&) {
    const Wait wait = Wait::at_most(60s, stop.get_token());
    EXPECT_THROW(shared_->ask("peerd stopped", 60s, wait, [](postgres::Connection&) {}), Stopped);
  });
  stop.request_stop();
  stopped.join();
  release();
  patient.join();
  await_open(4);
}

TEST_F(RealShared, OnesThatAreNotAskedAreClosed) {
  shared_ = std::make_shared<SharedConnections>(options_, 100ms);
  hold(5);
  release();
  while (sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'peerd %' AND datname = '" + database_ + "'").integer(0, 0) != 1) {
    wait_.check("waiting for idle connections to close");
    ask();
  }
}

TEST_F(RealShared, BrokenOnesAreThrownAway) {
  const int first = ask();
  sql("SELECT pg_terminate_backend(" + std::to_string(first) + ")");
  const int second = ask();
  EXPECT_NE(second, first);
  // A question that fails may have left anything behind.
  const auto fail = [&](const char* statement) {
    shared_->ask("peerd fails", 0ms, wait_, [&](postgres::Connection& connection) {
      EXPECT_EQ(connection.backend_pid(), second);
      connection.run(statement, wait_);
    });
  };
  EXPECT_THROW(fail("SELECT 1 / 0"), Error);
  const int third = ask();
  EXPECT_NE(third, second);
  shared_->ask("peerd leaves", 0ms, wait_, [&](postgres::Connection& connection) { connection.run("BEGIN", wait_); });
  EXPECT_NE(ask(), third);
  await_open(1);
}

TEST_F(RealShared, WhatIsOutdatedIsLentNoMore) {
  const int first = ask();
  shared_->outdate();
  await_open(0);
  int second = 0;
  shared_->ask("peerd during", 0ms, wait_, [&](postgres::Connection& connection) {
    second = connection.backend_pid();
    shared_->outdate();
  });
  await_open(0);
  const int third = ask();
  EXPECT_EQ((std::set{first, second, third}.size()), 3u);
}

TEST_F(RealShared, OnlyEqualOptionsShare) {
  SharedBySource sharing;
  const auto one = sharing.of(options_), same = sharing.of(options_);
  EXPECT_EQ(one, same);
  const auto other = [&](auto change) {
    postgres::ConnectOptions options = options_;
    change(options);
    return sharing.of(options) != one;
  };
  EXPECT_TRUE(other([](auto& options) { options.password = "another"; }));
  EXPECT_TRUE(other([](auto& options) { options.user = "another"; }));
  EXPECT_TRUE(other([](auto& options) { options.host = "another"; }));
  EXPECT_TRUE(other([](auto& options) { options.database = "another"; }));
  EXPECT_TRUE(other([](auto& options) { options.sslmode = "require"; }));
  EXPECT_TRUE(other([](auto& options) { options.options = "-c work_mem=1MB"; }));
}

TEST_F(RealShared, ManyThreadsEachHaveOneOfTheirOwnMeanwhile) {
  std::atomic<int> together = 0, most = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.push_back(in_background([&, name = "peerd thread " + std::to_string(i)](const std::stop_token&) {
        for (int round = 0; round < 20; ++round) {
          shared_->ask(name, 60s, wait_, [&](postgres::Connection& connection) {
            const int now = ++together;
            for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            EXPECT_EQ(connection.run("SHOW application_name", wait_).text(0, 0), name);
            --together;
          });
          if (round == 10) shared_->outdate();
        }
      }));
    }
  }
  EXPECT_LE(most, static_cast<int>(SharedConnections::kFew));
  ask();
}

TEST_F(RealShared, AnIdleMirrorHoldsItsWalsenderAlone) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  const auto tables = set_up();
  const auto lookup = source().open_lookup(wait_);
  const auto stream = source().open_stream(start_, tables, shaped_at_, wait_);
  EXPECT_TRUE(source().slot_status(wait_).exists);
  await_open(2);
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type <> 'walsender' AND application_name LIKE 'peerd %'"
      " AND datname = '" + database_ + "'");
  EXPECT_TRUE(source().slot_status(wait_).exists);
}

}  // namespace
}  // namespace peerd
