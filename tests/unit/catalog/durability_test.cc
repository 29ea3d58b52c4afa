// kill -9 of a process that writes: what it was told is stored is there. The only unit tests that fork, since nothing
// else dies as a process does.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "catalog_fixture.h"
#include "migrate.h"
#include "peerd/sqlite/sqlite.h"

namespace peerd {
namespace {

class DurabilityTest : public CatalogTest {
 protected:
  /// A child that opens the catalog and runs `write(catalog, report)`; report(n) says that write n has returned.
  template <typename Write>
  pid_t fork_writer(int reports, Write write) {
    const pid_t child = fork();
    if (child != 0) return child;
    try {
      const auto mine = open(path_);
      write(*mine, [&](std::uint64_t n) {
        if (::write(reports, &n, sizeof n) != sizeof n) _exit(1);
      });
    } catch (...) {
      _exit(2);
    }
    _exit(0);
  }
};

TEST_F(DurabilityTest, WhatReturnedIsThereAfterKillAtAnyInstant) {
  const Lease first = made();
  const MirrorTable t = table(1, "t", Lsn{10});
  catalog().set_tables(first, std::vector{t}, Lsn{});
  catalog().plan(first, t, chunks_of(t, 5000));
  catalog_.reset();
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  std::uint64_t stored = 0, killed_while_writing = 0;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork_writer(ends[1], [&](Catalog& catalog, auto report) {
      const Lease lease = catalog.lease(first.mirror, "writer", std::chrono::hours(1)).value();
      for (std::uint64_t n = stored + 1; n < 5000; ++n) {
        catalog.chunk_done(lease, chunks_of(t, 5000)[n], {n, n});
        catalog.checkpoint(lease, Durable{Lsn{n}}, {.first = Lsn{n}, .end = Lsn{n}, .inserts = 1});
        report(n);
      }
    });
    close(ends[1]);
    std::uint64_t reported = stored;
    ASSERT_EQ(read(ends[0], &reported, sizeof reported), static_cast<ssize_t>(sizeof reported)) << "seed " << seed;
    usleep(std::uniform_int_distribution<useconds_t>(0, 20'000)(random));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    killed_while_writing += WIFSIGNALED(status);
    while (read(ends[0], &reported, sizeof reported) > 0) {
    }
    close(ends[0]);

    const MirrorProgress progress = reopen().progress(first.mirror);
    stored = progress.checkpoint->lsn.value;
    EXPECT_TRUE(stored == reported || stored == reported + 1)
        << stored << " is stored, " << reported << " reported, seed " << seed;
    EXPECT_LE(done_chunks(first.mirror) - stored, 1u) << "seed " << seed;
    EXPECT_EQ(catalog().batches(first.mirror).back().batch.end, Lsn{stored}) << "seed " << seed;
    catalog_.reset();
  }
  EXPECT_GT(killed_while_writing, 10u);
}

TEST_F(DurabilityTest, ASecondOpenerIsRefusedByNameAndADeadOneIsNot) {
  catalog();
  const ErrorText text = error_of([&] { open(path_); });
  EXPECT_EQ(text.code, ErrorCode::wrong_state);
  EXPECT_TRUE(has(text.message, path_)) << text.message;
  EXPECT_TRUE(has(text.message, "pid " + std::to_string(getpid()))) << text.message;
  catalog_.reset();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork_writer(ends[1], [](Catalog&, auto report) {
    report(1);
    pause();
  });
  std::uint64_t ready = 0;
  ASSERT_EQ(read(ends[0], &ready, sizeof ready), static_cast<ssize_t>(sizeof ready));
  EXPECT_TRUE(has(error_of([&] { open(path_); }).message, "pid " + std::to_string(child)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  EXPECT_NE(open(path_), nullptr);
}

TEST_F(DurabilityTest, ACatalogOfANewerVersionIsRefused) {
  catalog();
  catalog_.reset();
  sqlite::Database(path_).run("INSERT INTO schema_version VALUES (1000)");
  const ErrorText text = error_of([&] { open(path_); });
  EXPECT_EQ(text.code, ErrorCode::not_supported);
  EXPECT_TRUE(has(text.message, "version 1000")) << text.message;
  EXPECT_TRUE(has(text.message, path_)) << text.message;
}

TEST_F(DurabilityTest, MigrationsRunOnceInOrderAndAFailedOneLeavesTheVersionBefore) {
  sqlite::Database database(path_);
  const std::string_view good[] = {"CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('kept')",
                                   "ALTER TABLE a ADD COLUMN y TEXT"};
  migrate(database, std::span(good).first(1), path_);
  const std::string_view bad[] = {good[0], "ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO nowhere VALUES (1)"};
  error_of([&] { migrate(database, bad, path_); });
  const auto version = [&] {
    sqlite::Statement statement = database.prepare("SELECT MAX(version) FROM schema_version");
    statement.step();
    return statement.integer(0);
  };
  EXPECT_EQ(version(), 1);
  migrate(database, good, path_);
  migrate(database, good, path_);
  EXPECT_EQ(version(), 2);
  sqlite::Statement row = database.prepare("SELECT x, y FROM a");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.text(0), "kept");
  EXPECT_TRUE(row.null(1));
}

TEST_F(DurabilityTest, WrongUrlsAndPathsSayWhatToWrite) {
  const auto url = [](const std::string& text) {
    return error_of(
        [&] { Catalog::open(text, SecretBox::from_text(kKeyA), [](std::string_view) { return nullptr; }); });
  };
  EXPECT_EQ(url("postgres://h/d").code, ErrorCode::not_supported);
  EXPECT_EQ(url("/a/path").code, ErrorCode::invalid_option);
  EXPECT_EQ(url("sqlite:").code, ErrorCode::invalid_option);
  EXPECT_TRUE(has(url("sqlite:/proc/nowhere/c.db").message, "/proc/nowhere/c.db"));
  EXPECT_NE(Catalog::open("sqlite:" + directory_ + "/new/deep/c.db", SecretBox::from_text(kKeyA),
                          [](std::string_view) { return nullptr; }),
            nullptr);
}

}  // namespace
}  // namespace peerd
