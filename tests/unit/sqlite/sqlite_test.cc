#include "peerd/sqlite/sqlite.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "support/error_of.h"

namespace peerd::sqlite {
namespace {

std::vector<std::string> texts(Database& database, std::string_view sql) {
  std::vector<std::string> rows;
  for (Statement statement = database.prepare(sql); statement.step();) rows.push_back(statement.text(0));
  return rows;
}

TEST(Sqlite, ValuesComeBackAsTheyWereBound) {
  Database database(":memory:");
  database.run("CREATE TABLE t(a, b, c)");
  database.prepare("INSERT INTO t VALUES (?1, ?2, ?3)")
      .bind(1, nullptr)
      .bind(2, std::int64_t{-9223372036854775807 - 1})
      .bind(3, std::string("x\0y", 3))
      .step();
  EXPECT_EQ(database.changes(), 1);
  Statement row = database.prepare("SELECT a, b, c FROM t");
  ASSERT_TRUE(row.step());
  EXPECT_TRUE(row.null(0));
  EXPECT_EQ(row.integer(1), std::int64_t{-9223372036854775807 - 1});
  EXPECT_EQ(row.text(2), std::string("x\0y", 3));
  EXPECT_FALSE(row.step());
  EXPECT_TRUE(row.step()) << "after its last row a statement starts again";
}

TEST(Sqlite, BadSqlIsASyntaxErrorInSqlitesWords) {
  Database database(":memory:");
  const ErrorText text = error_of([&] { database.prepare("SELEKT 1"); });
  EXPECT_EQ(text.code, ErrorCode::syntax);
  EXPECT_NE(text.message.find("near \"SELEKT\""), std::string::npos) << text.message;
  EXPECT_EQ(error_of([&] { database.prepare("SELECT nothing FROM nowhere"); }).code, ErrorCode::syntax);
}

TEST(Sqlite, ExactlyOneStatementIsPrepared) {
  Database database(":memory:");
  EXPECT_EQ(error_of([&] { database.prepare("SELECT 1; SELECT 2"); }).code, ErrorCode::syntax);
  EXPECT_EQ(error_of([&] { database.prepare("  -- nothing"); }).code, ErrorCode::syntax);
  EXPECT_EQ(texts(database, "SELECT 1; -- and no more"), std::vector<std::string>{"1"});
}

TEST(Sqlite, ATransactionNotCommittedLeavesNothing) {
  Database database(":memory:");
  database.run("CREATE TABLE t(a)");
  {
    Transaction transaction(database);
    database.run("INSERT INTO t VALUES ('lost')");
  }
  {
    Transaction transaction(database);
    database.run("INSERT INTO t VALUES ('kept')");
    transaction.commit();
  }
  EXPECT_EQ(texts(database, "SELECT a FROM t"), std::vector<std::string>{"kept"});
}

TEST(Sqlite, AFullDatabaseIsDiskFullAndTheTransactionIsGone) {
  Database database(":memory:");
  database.run("CREATE TABLE t(a); INSERT INTO t VALUES ('before'); PRAGMA max_page_count = 4");
  EXPECT_EQ(error_of([&] {
              Transaction transaction(database);
              database.run("INSERT INTO t VALUES (zeroblob(100000))");
            }).code,
            ErrorCode::disk_full);
  EXPECT_EQ(texts(database, "SELECT a FROM t"), std::vector<std::string>{"before"});
}

TEST(Sqlite, AFileKeepsWhatWasCommitted) {
  std::string directory = "/tmp/peerd-sqlite-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/a.db";
  { Database(path).run("CREATE TABLE t(a); INSERT INTO t VALUES ('x')"); }
  Database again(path);
  EXPECT_EQ(texts(again, "SELECT a FROM t"), std::vector<std::string>{"x"});
  EXPECT_EQ(texts(again, "PRAGMA journal_mode"), std::vector<std::string>{"wal"});
  EXPECT_EQ(texts(again, "PRAGMA synchronous"), std::vector<std::string>{"2"});
  std::filesystem::remove_all(directory);
}

TEST(Sqlite, AnUnopenablePathIsNamed) {
  const ErrorText text = error_of([] { Database database("/nowhere/at/all.db"); });
  EXPECT_NE(text.message.find("/nowhere/at/all.db"), std::string::npos);
  EXPECT_FALSE(text.hint.empty());
}

TEST(Sqlite, AStatementMayOutliveItsDatabase) {
  auto database = std::make_unique<Database>(":memory:");
  Statement statement = database->prepare("SELECT 7");
  database.reset();
  ASSERT_TRUE(statement.step());
  EXPECT_EQ(statement.integer(0), 7);
}

}  // namespace
}  // namespace peerd::sqlite
