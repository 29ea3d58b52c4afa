#include "postgres_fixture.h"

// Few changed rows of a table go directly, a statement a row; what that cannot settle goes by the temporary table.
namespace peerd::testing_postgres {
namespace {

class PostgresDirect : public RealPostgres {
 protected:
  /// Temporary tables of all sessions.
  std::string temporary() { return *sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'peerd\\_%' AND relpersistence = 't'")[0][0]; }
  void rows(std::initializer_list<Row> rows) {
    Writer writer(table_);
    writer.begin(100);
    for (const Row& row : rows) writer.insert(row);
    writer.commit();
    apply(writer);
  }
};

TEST_F(PostgresDirect, FewRowsNeedNoTemporaryTable) {
  streaming();
  rows({{"1", "a", "A", "1"}, {"2", "b", "B", "2"}});
  const std::string before = temporary();
  for (std::uint64_t commit = 200; commit < 1200; commit += 200) {
    Writer writer(table_);
    const std::string text = std::to_string(commit);
    writer.begin(commit).update({"1", text, kSame, Cell{}}).remove({"2"}).commit();
    writer.begin(commit + 100).insert({"2", text, "B", "2"}).commit();
    apply(writer);
    EXPECT_EQ(live(), (Rows{{"1", text, "A", Cell{}}, {"2", text, "B", "2"}}));
  }
  EXPECT_EQ(temporary(), before);
  EXPECT_TRUE(source_.asked.empty());
}

TEST_F(PostgresDirect, ManyRowsHaveOneThatIsEmptyAfterEachMerge) {
  streaming();
  for (std::uint64_t commit = 100; commit < 400; commit += 100) {
    Writer writer(table_);
    writer.begin(commit);
    for (int id = 0; id < 200; ++id) {
      const Row row{std::to_string(id), std::to_string(commit), "A", Cell{}};
      commit == 100 ? writer.insert(row) : writer.update(row);
    }
    writer.commit();
    apply(writer);
    EXPECT_EQ(live().size(), 200u);
    EXPECT_EQ(live()[199][1], std::to_string(commit));
  }
}

TEST_F(PostgresDirect, ARowThatIsNotThereIsReadFromTheSource) {
  streaming();
  rows({{"1", "a", "A", "1"}});
  source_.rows["2"] = {"2", "b2", "B", "2"};
  Writer writer(table_);
  writer.begin(200).update({"1", "a2", kSame, "1"}).update({"2", "b2", kSame, "2"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"2"}));
  EXPECT_EQ(live(), (Rows{{"1", "a2", "A", "1"}, {"2", "b2", "B", "2"}}));
}

TEST_F(PostgresDirect, ARowThatIsNotThereAndCameWholeIsPlaced) {
  streaming();
  Writer writer(table_);
  writer.begin(200).update({"2", "b", "B", "2"}).commit();
  apply(writer);
  EXPECT_TRUE(source_.asked.empty());
  EXPECT_EQ(live(), (Rows{{"2", "b", "B", "2"}}));
}

TEST_F(PostgresDirect, ValuesThatSwapPlacesUnderAUniqueIndexDoSo) {
  unique_at_source("u");
  streaming();
  sql("CREATE UNIQUE INDEX ON " + table_.target_name + " (u)");
  restart();
  rows({{"1", "a", "A", "1"}, {"2", "b", "B", "2"}});
  Writer writer(table_);
  writer.begin(200).update({"1", "a", kSame, "2"}).update({"2", "b", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "2"}, {"2", "b", "B", "1"}}));
}

/// Both ways: what the batch tells apart is one key to the target's index.
class PostgresSpelling : public PostgresDirect, public testing::WithParamInterface<std::tuple<bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(SoftOrDirect, PostgresSpelling, testing::Combine(testing::Bool(), testing::Bool()));

TEST_P(PostgresSpelling, AKeyThatComesBackSpelledAsBeforeStands) {
  soft(std::get<0>(GetParam()));
  if (!std::get<1>(GetParam())) direct_rows_ = 0;
  table_.schema.columns[0] = {"id", 1700, -1, "numeric", true, false, {}};
  streaming();
  rows({{"1.0", "a", "A", "1"}});
  Writer writer(table_);
  writer.begin(200).remove({"1.0"}).insert({"1.00", "b", "B", "2"}).commit();
  writer.begin(300).remove({"1.00"}).insert({"1.0", "c", "C", "3"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1.0", "c", "C", "3"}}));
}

TEST_F(PostgresDirect, OnlyTheTableThatIsRefusedGoesTheOtherWay) {
  unique_at_source("u");
  streaming();
  sql("CREATE UNIQUE INDEX ON " + table_.target_name + " (u)");
  MirrorTable other = sample_table(schema_ + ".other", 70002);
  prepare_table(target(), other, wait());
  target().end_copy(other, wait());
  restart();
  rows({{"1", "a", "A", "1"}, {"2", "b", "B", "2"}});
  const std::string before = temporary();
  BatchBuilder builder;
  const auto add = [&](const MirrorTable& table, ChangeView::Kind kind, std::initializer_list<std::string_view> row) {
    const std::uint32_t index = builder.table(table);
    const auto cells = builder.cells(row.size());
    std::size_t at = 0;
    for (const std::string_view cell : row) cells[at++] = {CellView::Kind::text, builder.keep(cell)};
    builder.append({kind, index, {Lsn{200}, Lsn{200 + at}}, cells, {}});
  };
  builder.begin(1);
  add(other, ChangeView::Kind::insert, {"7", "x", "X", "7"});
  add(table_, ChangeView::Kind::update, {"1", "a", "A", "2"});
  add(table_, ChangeView::Kind::update, {"2", "b", "B", "1"});
  builder.commit(Lsn{201});
  apply(*builder.take());
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "2"}, {"2", "b", "B", "1"}}));
  EXPECT_EQ(sql("SELECT id, v FROM " + other.target_name), (Rows{{"7", "x"}}));
  EXPECT_EQ(std::stoi(temporary()) - std::stoi(before), 1);
}

TEST_F(PostgresDirect, ARefusedValueIsToldWithItsColumn) {
  streaming();
  rows({{"1", "a", "A", "1"}});
  sql("ALTER TABLE " + table_.target_name + " ADD CHECK (u < 100)");
  Writer writer(table_);
  writer.begin(200).update({"1", "a", kSame, "100"}).commit();
  try {
    apply(writer);
    FAIL() << "the CHECK took it";
  } catch (const Error& error) {
    EXPECT_EQ(error.text.origin, "23514");
    EXPECT_NE(error.text.message.find("key (\"id\")"), std::string::npos) << error.text.message;
  }
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
}

TEST_F(PostgresDirect, ATypeThatIsNarrowerNowRefusesWhatItWouldCutShort) {
  streaming();
  rows({{"1", "a", "A", "1"}});
  sql("ALTER TABLE " + table_.target_name + " ALTER v TYPE varchar(3)");
  Writer writer(table_);
  writer.begin(200).update({"1", "abcd", kSame, "1"}).commit();
  EXPECT_THROW(apply(writer), Error);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
}

}  // namespace
}  // namespace peerd::testing_postgres
