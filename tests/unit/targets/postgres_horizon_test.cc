#include "postgres_fixture.h"

// What the Postgres target does with values that were not sent, and with rows from the future (rules.md 14 to 18, 25).
namespace peerd::testing_postgres {
namespace {

class PostgresHorizon : public RealPostgres {
 protected:
  /// The table as a copy left it that may show rows of up to `horizon`.
  void copied(const Rows& rows, std::uint64_t horizon) {
    streaming();
    for (const Row& row : rows) {
      std::vector<std::string> values;
      for (const Cell& cell : row) values.push_back(cell ? quote_literal(*cell) : "NULL");
      sql("INSERT INTO " + table_.target_name + " (id, v, big, u) VALUES (" + join(values, ", ") + ")");
    }
    horizons_.raise(table_.schema.id, Lsn{horizon});
  }
};

TEST_F(PostgresHorizon, BelowItMissingValuesComeFromTheSourceByTheNewKey) {
  copied({{"1", "future", "another row's", "1"}}, 150);
  source_.rows = {{"2", {"2", "now", "the row's own", "1"}}};
  source_.now = Lsn{180};
  Writer writer(table_);
  writer.begin(100).update({"2", "a", kSame, "1"}, {"1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"2", "a", "the row's own", "1"}}));
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"2"}));
  // The lookup raised the key's horizon, found: the next move of it asks again although the table's lies below.
  source_.rows = {{"3", {"3", "now", "later still", "1"}}};
  writer.begin(170).update({"3", "b", kSame, "1"}, {"2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"3", "b", "later still", "1"}}));
  EXPECT_EQ(horizons_.highest(), Lsn{180});
}

TEST_F(PostgresHorizon, BelowItARowThatIsGoneIsPassedOverAndItsOldKeyRemoved) {
  copied({{"1", "a", "A", "1"}}, 150);
  source_.now = Lsn{190};
  Writer writer(table_);
  writer.begin(100).update({"2", "b", kSame, "1"}, {"1"}).commit();
  apply(writer);
  EXPECT_TRUE(live().empty());
  EXPECT_TRUE(marked().empty());
  // What follows of it is below the horizon that the lookup raised: asked for again, not waited for.
  writer.begin(160).update({"2", "c", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"2", "2"}));
  writer.begin(170).remove({"2"}).commit();
  apply(writer);
  EXPECT_TRUE(live().empty());
}

TEST_F(PostgresHorizon, BelowItARowFromTheFutureMakesRoomForAUniqueValue) {
  unique_at_source("u");
  streaming();
  sql("CREATE UNIQUE INDEX ON sample (u)");
  copied({{"7", "moved here later", "F", "5"}}, 150);
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "5"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "5"}}));
  source_.rows = {{"7", {"7", "x", "F", "5"}}};
  writer.begin(120).update({"1", "a", kSame, "6"}).update({"7", "mine", kSame, "5"}).commit();
  source_.rows["1"] = {"1", "x", "A", "6"};
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "6"}, {"7", "mine", "F", "5"}}));
}

TEST_F(PostgresHorizon, BelowItInsertsMeetTheirOwnRowsFromTheFuture) {
  copied({{"1", "later", "L", "1"}}, 150);
  Writer writer(table_);
  writer.begin(100).insert({"1", "first", "F", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "first", "F", "1"}, {"2", "b", "B", "2"}}));
}

TEST_F(PostgresHorizon, ABatchAcrossItTrustsNoRowThatChangedBelow) {
  // Key 1 was taken by another row in the future: what stands there is not what moved to 2 and on to 3.
  copied({{"1", "another", "another's", "9"}}, 150);
  source_.rows = {{"3", {"3", "now", "own", "1"}}};
  Writer writer(table_);
  writer.begin(100).update({"2", "a", kSame, "1"}, {"1"}).commit();
  writer.begin(160).update({"3", "b", kSame, "1"}, {"2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"3", "b", "own", "1"}}));
}

TEST_F(PostgresHorizon, AboveItAMissingRowIsReadFromTheSource) {
  copied({{"1", "a", "A", "1"}, {"2", "b", "B", "2"}}, 50);
  sql("DELETE FROM sample WHERE id IN (1, 2)");
  source_.rows = {{"1", {"1", "now", "A", "1"}}, {"3", {"3", "now", "B", "2"}}};
  Writer writer(table_);
  writer.begin(100)
      .update({"1", "a2", kSame, "1"})
      .update({"3", "b2", kSame, "2"}, {"2"})
      .update({"4", "gone", kSame, "4"})
      .commit();
  writer.begin(110).update({"5", "whole", "W", "5"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a2", "A", "1"}, {"3", "b2", "B", "2"}, {"5", "whole", "W", "5"}}));
}

TEST_F(PostgresHorizon, AboveItAMarkedRowCountsAsGone) {
  copied({{"1", "old", "old", "1"}}, 50);
  sql("UPDATE sample SET \"_PEERDB_IS_DELETED\" = true");
  source_.rows = {{"1", {"1", "now", "A", "1"}}};
  Writer writer(table_);
  writer.begin(100).update({"1", "a", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
}

TEST_F(PostgresHorizon, AboveItTheTargetsOwnValuesStayUntouched) {
  copied({{"1", "a", std::string(100000, 'A'), "1"}, {"2", "b", Cell{}, "2"}}, 50);
  Writer writer(table_);
  writer.begin(100).update({"1", "a2", kSame, Cell{}}).update({"2", Cell{}, Cell{}, "2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a2", std::string(100000, 'A'), Cell{}}, {"2", Cell{}, Cell{}, "2"}}));
  EXPECT_TRUE(source_.asked.empty());
}

}  // namespace
}  // namespace peerd::testing_postgres
