#include "postgres_fixture.h"

// dropped_columns = 'drop': what becomes of a column, and what the target knows of it after a crash; against a real server.
namespace peerd::testing_postgres {
namespace {

class PostgresDropped : public RealPostgres {
 protected:
  void SetUp() override {
    RealPostgres::SetUp();
    if (IsSkipped()) return;
    mirror_.options["dropped_columns"] = "drop";
    for (std::size_t i = 0; i < table_.schema.columns.size(); ++i) table_.schema.columns[i].number = static_cast<std::int16_t>(i + 1);
    streaming();
  }
  /// The table without its last column.
  MirrorTable narrower() const {
    MirrorTable table = table_;
    table.schema.columns.pop_back();
    table.notes.excluded.push_back({"u", 4});
    return table;
  }
  bool stands(const std::string& column) {
    return sql("SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = '" + table_.target_name + "'::regclass AND attname = '" + column +
               "' AND NOT attisdropped)")[0][0] == "t";
  }
};

TEST_F(PostgresDropped, GoesWithTheRowsOfItsTransactionOrNotAtAll) {
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "b", "7"});
  apply(writer);
  target().alter(table_, narrower(), wait());
  restart();
  EXPECT_TRUE(stands("u"));
  EXPECT_TRUE(target().dropped(table_, wait()).empty());
  EXPECT_TRUE(live().empty());
  target().alter(table_, narrower(), wait());
  restart();  // Before anybody has noted it.
  EXPECT_FALSE(stands("u"));
  EXPECT_EQ(target().dropped(table_, wait()), std::vector<std::int16_t>{4});
  MirrorTable another = table_;
  another.schema.id = {70002};
  EXPECT_TRUE(target().dropped(another, wait()).empty());
}

TEST_F(PostgresDropped, WhatIsOverOtherColumnsTooStaysAndIsNamed) {
  sql("CREATE INDEX alone ON " + table_.target_name + " (u); CREATE INDEX shared ON " + table_.target_name + " (v) WHERE u > 0");
  try {
    target().alter(table_, narrower(), wait());
    ADD_FAILURE() << "an index went in silence";
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("shared"), std::string::npos) << error.text.message;
    EXPECT_NE(error.text.hint.find("dropped_columns = 'keep'"), std::string::npos) << error.text.hint;
    EXPECT_EQ(error.text.retry, Retry::after_operator);
  }
  EXPECT_TRUE(stands("u"));
  sql("DROP INDEX shared");
  target().alter(table_, narrower(), wait());
  EXPECT_FALSE(stands("u"));
}

TEST_F(PostgresDropped, WhatWasKeptIsNoBodysToDrop) {
  restart();
  mirror_.options["dropped_columns"] = "keep";
  target().alter(table_, narrower(), wait());
  restart();
  mirror_.options["dropped_columns"] = "drop";
  MirrorTable narrowest = narrower();
  narrowest.schema.columns.pop_back();
  narrowest.notes.excluded.push_back({"big", 3});
  target().alter(narrower(), narrowest, wait());
  EXPECT_TRUE(stands("u"));
  EXPECT_FALSE(stands("big"));
  EXPECT_EQ(target().dropped(narrowest, wait()), std::vector<std::int16_t>{3});
}

}  // namespace
}  // namespace peerd::testing_postgres
