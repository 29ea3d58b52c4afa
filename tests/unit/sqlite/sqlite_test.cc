#include "peerd/sqlite/sqlite.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "peerd/base/error.h"

namespace peerd::sqlite {
namespace {

template <typename F>
ErrorText error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.text;
  }
  ADD_FAILURE() << "did not throw";
  return {};
}

std::vector<std::string> texts(Database& database, std::string_view sql) {
  std::vector<std::string> rows;
  for (Statement statement = database.prepare(sql); statement.step();) rows.push_back(statement.text(0));
  return rows;
}

/// Three mirrors, one of them without a lag; counts how often it is read.
VirtualTable mirrors(int& reads) {
  return {"mirrors", {{"name", "TEXT"}, {"lag", "INTEGER"}, {"share", "REAL"}}, [&reads] {
            ++reads;
            return std::vector<std::vector<Value>>{
                {"a", std::int64_t{3}, 0.5}, {"b", nullptr, 1.0}, {std::string("c\0d", 3), std::int64_t{1}, 2.0}};
          }};
}

TEST(Sqlite, ValuesComeBackAsTheyWereBound) {
  Database database(":memory:");
  database.run("CREATE TABLE t(a, b, c, d)");
  database.prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4)")
      .bind(1, nullptr)
      .bind(2, std::int64_t{-9223372036854775807 - 1})
      .bind(3, 0.25)
      .bind(4, std::string("x\0y", 3))
      .step();
  EXPECT_EQ(database.changes(), 1);
  EXPECT_EQ(database.last_row_id(), 1);
  Statement row = database.prepare("SELECT a, b, c, d FROM t");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.columns(), 4);
  EXPECT_TRUE(row.null(0));
  EXPECT_EQ(row.value(1), Value(std::int64_t{-9223372036854775807 - 1}));
  EXPECT_EQ(row.value(2), Value(0.25));
  EXPECT_EQ(row.text(3), std::string("x\0y", 3));
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

TEST(SqliteVirtualTable, GivesTypedRowsThatCanBeFilteredSortedAndJoined) {
  int reads = 0;
  Database database(":memory:");
  database.add_table(mirrors(reads));
  EXPECT_EQ(texts(database, "SELECT name FROM mirrors WHERE lag IS NOT NULL ORDER BY lag"),
            (std::vector<std::string>{std::string("c\0d", 3), "a"}));
  EXPECT_EQ(texts(database, "SELECT m.share FROM mirrors m WHERE m.name = 'a'"), std::vector<std::string>{"0.5"});
  EXPECT_EQ(database.prepare("SELECT lag FROM mirrors").column_declared_type(0), "INTEGER");
  EXPECT_EQ(database.prepare("SELECT lag + 1 FROM mirrors").column_declared_type(0), "");
}

TEST(SqliteVirtualTable, IsReadOncePerStatementHoweverOftenItIsScanned) {
  int reads = 0;
  Database database(":memory:");
  database.add_table(mirrors(reads));
  EXPECT_EQ(texts(database, "SELECT count(*) FROM mirrors a, mirrors b, mirrors c").at(0), "27");
  EXPECT_LE(reads, 3);
  const int before = reads;
  texts(database, "SELECT name FROM mirrors");
  EXPECT_EQ(reads, before + 1) << "the next statement sees the rows of its own time";
}

TEST(SqliteVirtualTable, CannotBeWritten) {
  int reads = 0;
  Database database(":memory:");
  database.add_table(mirrors(reads));
  error_of([&] { database.run("DELETE FROM mirrors"); });
  error_of([&] { database.run("INSERT INTO mirrors VALUES (1, 2, 3)"); });
}

TEST(SqliteVirtualTable, AnErrorOfItsRowsArrivesAsItWasThrown) {
  Database database(":memory:");
  database.add_table({"t", {{"a", "TEXT"}}, []() -> std::vector<std::vector<Value>> {
                        throw Error(ErrorCode::unreachable, "the catalog is away", "wait");
                      }});
  const ErrorText text = error_of([&] { texts(database, "SELECT * FROM t"); });
  EXPECT_EQ(text.code, ErrorCode::unreachable);
  EXPECT_EQ(text.hint, "wait");
}

TEST(SqliteSelectAlone, RefusesEverythingElse) {
  int reads = 0;
  Database database(":memory:");
  database.add_table(mirrors(reads));
  database.run("CREATE TABLE t(a)");
  database.read_only_select_alone();
  for (const char* sql : {"INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "DROP TABLE t",
                          "CREATE TABLE u(a)", "ATTACH '/tmp/x' AS x", "PRAGMA table_info(t)", "BEGIN", "VACUUM",
                          "CREATE TEMP VIEW v AS SELECT 1", "DETACH main"}) {
    EXPECT_EQ(error_of([&] { database.prepare(sql).step(); }).code, ErrorCode::not_supported) << sql;
  }
  for (const char* sql : {"SELECT * FROM pragma_table_info('t')", "SELECT load_extension('x')"}) {
    EXPECT_NE(error_of([&] { database.prepare(sql).step(); }).message.find("not authorized"), std::string::npos) << sql;
  }
  EXPECT_EQ(texts(database,
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
                  "SELECT upper(name) FROM mirrors, n WHERE i = 3 AND name = 'a'"),
            std::vector<std::string>{"A"});
  EXPECT_EQ(error_of([&] { texts(database, "SELECT zeroblob(1000000000)"); }).code, ErrorCode::bad_value);
}

TEST(Sqlite, AStatementThatIsGivenUpEndsWithTimeout) {
  constexpr const char* kEndless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n";
  Database database(":memory:");
  int asked = 0;
  database.give_up_when([&] { return ++asked == 3; });
  EXPECT_EQ(error_of([&] { texts(database, kEndless); }).code, ErrorCode::timeout);
  EXPECT_EQ(asked, 3);
  database.give_up_when({});
  EXPECT_EQ(texts(database, "SELECT 1"), std::vector<std::string>{"1"});
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
