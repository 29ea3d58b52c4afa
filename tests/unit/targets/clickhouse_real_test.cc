#include "clickhouse_fixture.h"

// apply() against a real server: every path, row by row through FINAL.
namespace peerd::testing_clickhouse {
namespace {

class ClickHouseApply : public RealClickHouse {};

TEST_F(ClickHouseApply, InsertsArriveWithEveryCharacter) {
  streaming();
  Writer writer(table_);
  const std::string odd = "tab\t line\n return\r back\\slash \\N quote' zero";
  writer.begin(100)
      .insert({"1", odd, Cell{}, "7"})
      .insert({"2", "", "x", Cell{}})
      .insert({"-9223372036854775808", "\\N", "", "-1"})
      .commit();
  const ApplyResult result = apply(writer);
  EXPECT_EQ(result.durable.lsn, Lsn{101});
  EXPECT_EQ(result.applied.lsn, Lsn{101});
  EXPECT_EQ(live(), (Rows{{"-9223372036854775808", "\\N", "", "-1"}, {"1", odd, Cell{}, "7"}, {"2", "", "x", Cell{}}}));
  EXPECT_TRUE(source_.asked.empty());
  EXPECT_EQ(
      value("SELECT toTypeName(_PEERDB_IS_DELETED) || toTypeName(_peerdb_synced_at) || toTypeName(_peerdb_version)" +
            from() + "LIMIT 1"),
      "UInt8DateTime64(9)UInt128");
}

TEST_F(ClickHouseApply, AnEmptyBatchMovesThePositionAlone) {
  Writer writer(table_);
  writer.idle(500);
  EXPECT_EQ(apply(writer).durable.lsn, Lsn{500});
}

TEST_F(ClickHouseApply, AnOpenTailIsVisibleButNotDurable) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit().begin(200).insert({"2", "b", "B", "2"});
  EXPECT_EQ(apply(writer).durable.lsn, Lsn{101});
  EXPECT_EQ(live().size(), 2u);
  writer.update({"2", "b2", kSame, "2"}).commit();
  EXPECT_EQ(apply(writer).durable.lsn, Lsn{201});
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", "b2", "B", "2"}}));
}

// Rule 1: heap_insert writes WAL before the unique check, so that a delete that commits first can have the higher
// position.
TEST_F(ClickHouseApply, TheLaterCommitWinsThoughItsChangeLiesLower) {
  streaming();
  BatchBuilder builder;
  const std::uint32_t index = builder.table(table_);
  const auto add = [&](ChangeView::Kind kind, std::uint64_t commit, std::uint64_t change, const char* v) {
    const auto cells = builder.cells(4);
    cells[0] = {CellView::Kind::text, "1"};
    if (v != nullptr) cells[1] = {CellView::Kind::text, builder.keep(v)};
    builder.append({kind, index, {Lsn{commit}, Lsn{change}}, cells, {}});
  };
  builder.begin(1);
  add(ChangeView::Kind::remove, 200, 290, nullptr);
  builder.commit(Lsn{201});
  apply(*builder.take());
  builder.table(table_);
  builder.begin(1);
  add(ChangeView::Kind::insert, 300, 250, "back");
  builder.commit(Lsn{301});
  apply(*builder.take());
  EXPECT_EQ(live(), (Rows{{"1", "back", Cell{}, Cell{}}}));
}

TEST_F(ClickHouseApply, UpdatesDeletesAndInsertsOfOneBatch) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).insert({"3", "c", "C", "3"}).commit();
  apply(writer);
  writer.begin(200).update({"1", "a2", kSame, "1"}).remove({"2"}).insert({"4", "d", Cell{}, "4"}).commit();
  writer.begin(300).update({"4", "d2", kSame, Cell{}}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a2", "A", "1"}, {"3", "c", "C", "3"}, {"4", "d2", Cell{}, Cell{}}}));
  EXPECT_EQ(marked(), (Rows{{"2"}}));
  EXPECT_TRUE(source_.asked.empty());
  writer.begin(400).insert({"2", "again", Cell{}, Cell{}}).commit();
  apply(writer);
  EXPECT_EQ(live()[1], (Row{"2", "again", Cell{}, Cell{}}));
}

TEST_F(ClickHouseApply, KeysMoveOntoKeysFreedAMomentBefore) {
  streaming();
  const std::string a(100000, 'a'), b(100000, 'b'), c(100000, 'c');
  Writer writer(table_);
  writer.begin(100).insert({"1", "one", a, "1"}).insert({"2", "two", b, "2"}).insert({"3", "three", c, "3"}).commit();
  apply(writer);
  // A swap of 1 and 2 through 9, and 3 moves on through 4 to 5; their long values are not sent.
  writer.begin(200)
      .update({"9", "one", kSame, "1"}, {"1"})
      .update({"1", "two", kSame, "2"}, {"2"})
      .update({"2", "one", kSame, "1"}, {"9"});
  writer.update({"4", "three", kSame, "3"}, {"3"}).update({"5", "three!", kSame, "3"}, {"4"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "two", b, "2"}, {"2", "one", a, "1"}, {"5", "three!", c, "3"}}));
  EXPECT_TRUE(source_.asked.empty());
}

TEST_F(ClickHouseApply, AnUnsentNullStaysNullThoughAnOlderVersionHadAValue) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  writer.begin(200).update({"1", "b", Cell{}, "1"}).commit();
  apply(writer);
  writer.begin(300).update({"1", "c", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "c", Cell{}, "1"}}));
}

TEST_F(ClickHouseApply, AtOrBelowTheHorizonTheSourceIsAskedByTheNewKey) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "from the future of another row", "1"}).commit();
  apply(writer);
  horizons_.raise(table_.schema.id, Lsn{250});
  source_.rows["2"] = {"2", "later", "B", "9"};
  source_.now = Lsn{900};
  writer.begin(200).update({"2", "a2", kSame, "1"}, {"1"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"2"}));
  EXPECT_EQ(live(), (Rows{{"2", "a2", "B", "1"}}));
  EXPECT_EQ(horizons_.highest(), Lsn{900});
  // The look-up raised that key's own horizon: a change at 300 is above the table's and still asks.
  source_.asked.clear();
  writer.begin(300).update({"2", "a3", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"2"}));
  // And from there on a new key: not the target's row, which is later than the change.
  source_.asked.clear();
  source_.rows = {{"7", {"7", "x", "B7", "9"}}};
  writer.begin(400).update({"7", "a4", kSame, "1"}, {"2"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"7"}));
  EXPECT_EQ(live(), (Rows{{"7", "a4", "B7", "1"}}));
}

TEST_F(ClickHouseApply, ARowThatIsGoneEverywhereIsPassedOverAndItsOldKeyRemoved) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  horizons_.raise(table_.schema.id, Lsn{500});
  writer.begin(200).update({"2", "a2", kSame, "1"}, {"1"}).commit();
  apply(writer);
  EXPECT_TRUE(live().empty());
  EXPECT_EQ(marked(), (Rows{{"1"}}));
  EXPECT_TRUE(horizons_.below(table_.schema.id, Lsn{500}));
  EXPECT_EQ(horizons_.highest(), source_.now);
}

TEST_F(ClickHouseApply, AboveTheHorizonAMissingRowIsReadAtTheSource) {
  streaming();
  source_.rows["5"] = {"5", "s", "S", "5"};
  Writer writer(table_);
  writer.begin(200).update({"5", "u", kSame, "1"}).update({"6", "u", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"5", "6"}));
  EXPECT_EQ(live(), (Rows{{"5", "u", "S", "1"}}));
}

TEST_F(ClickHouseApply, TombstonesAnswerNoLookUp) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  // Version order, not arrival, decides: the tombstone is of a later transaction than what comes now.
  writer.begin(150).remove({"2"}).commit();
  apply(writer);
  source_.rows["2"] = {"2", "s", "S", "5"};
  writer.begin(200).update({"2", "u", kSame, "1"}).update({"1", "b", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"2"}));
  EXPECT_EQ(live(), (Rows{{"1", "b", "A", "1"}, {"2", "u", "S", "1"}}));
}

TEST_F(ClickHouseApply, ATruncateRemovesWhatWasBeforeItAndNothingElse) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  writer.begin(200).insert({"3", "c", "C", "3"}).truncate().insert({"4", "d", "D", "4"}).commit();
  const auto batch = writer.take();
  apply(*batch);
  EXPECT_EQ(live(), (Rows{{"4", "d", "D", "4"}}));
  writer.begin(300).insert({"5", "e", "E", "5"}).commit();
  apply(writer);
  restart();
  apply(*batch);  // Replayed late, it leaves what came after it.
  EXPECT_EQ(live(), (Rows{{"4", "d", "D", "4"}, {"5", "e", "E", "5"}}));
}

TEST_F(ClickHouseApply, TwiceIsAsOnce) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  writer.begin(200).update({"3", "b2", kSame, "2"}, {"2"}).remove({"1"}).insert({"1", "z", "Z", Cell{}}).commit();
  const auto first = writer.take();
  writer.begin(300).update({"3", "b3", kSame, "3"}).remove({"1"}).commit();
  const auto second = writer.take();
  apply(*first);
  apply(*second);
  const Rows once = live();
  EXPECT_EQ(once, (Rows{{"3", "b3", "B", "3"}}));
  restart();
  horizons_.raise(table_.schema.id, Lsn{400});  // Rule 15.
  source_.rows["3"] = {"3", "b3", "B", "3"};
  apply(*first);
  EXPECT_EQ(live(), once);
  apply(*second);
  EXPECT_EQ(live(), once);
}

TEST_F(ClickHouseApply, LooksUpMoreKeysThanAStatementCouldHold) {
  streaming();
  constexpr int kRows = 70'000;
  Writer writer(table_);
  writer.begin(100);
  for (int i = 0; i < kRows; ++i) writer.insert({std::to_string(i), "v", "big" + std::to_string(i), "1"});
  writer.commit();
  apply(writer);
  writer.begin(200);
  for (int i = 0; i < kRows; ++i) writer.update({std::to_string(i), "w", kSame, "2"});
  writer.commit();
  apply(writer);
  EXPECT_TRUE(source_.asked.empty());
  EXPECT_EQ(value("SELECT countIf(v = 'w' AND u = 2 AND big = concat('big', toString(id)))" + from()),
            std::to_string(kRows));
}

TEST_F(ClickHouseApply, LooksUpLongValuesInSlices) {
  streaming();
  Writer writer(table_);
  writer.begin(100);
  for (int i = 0; i < 600; ++i)
    writer.insert({std::to_string(i), "v", std::string(100000, static_cast<char>('a' + i % 26)), "1"});
  writer.commit();
  apply(writer);
  writer.begin(200);
  for (int i = 0; i < 600; ++i) writer.update({std::to_string(i + 1000), "w", kSame, "2"}, {std::to_string(i)});
  writer.commit();
  apply(writer);
  EXPECT_TRUE(source_.asked.empty());
  EXPECT_EQ(value("SELECT countIf(big = repeat(char(97 + (id - 1000) % 26), 100000))" + from() + "WHERE id >= 1000"),
            "600");
  EXPECT_EQ(value("SELECT count()" + from()), "600");
}

TEST_F(ClickHouseApply, ArraysAndTheirNullsAreLookedUpToo) {
  table_.schema.columns.push_back({"tags", 1009, -1, "text[]", false, true, {}});
  streaming();
  Writer writer(table_);
  writer.begin(100)
      .insert({"1", "a", "A", "1", "{x,NULL,\"\"}"})
      .insert({"2", "b", "B", "2", Cell{}})
      .insert({"3", "c", "C", "3", "{}"})
      .commit();
  apply(writer);
  writer.begin(200);
  for (const char* id : {"1", "2", "3"}) writer.update({id, "w", kSame, "1", kSame});
  writer.commit();
  apply(writer);
  EXPECT_EQ(
      sql("SELECT id, v, big, toString(tags), _peerdb_null_tags" + from() + "ORDER BY id"),
      (Rows{{"1", "w", "A", "['x',NULL,'']", "false"}, {"2", "w", "B", "[]", "true"}, {"3", "w", "C", "[]", "false"}}));
}

TEST_F(ClickHouseApply, ATableInFullIdentityNeedsNoLookUp) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).update({"1", "a", "A", "2"}, {"1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "2"}}));
  EXPECT_TRUE(marked().empty());
}

TEST_F(ClickHouseApply, ADroppedTableIsAnErrorThatNamesIt) {
  streaming();
  sql("DROP TABLE `public.sample` SYNC");
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  try {
    apply(writer);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::target_unfit);  // As a start says it.
    EXPECT_EQ(error.text.table, "public.sample");
    EXPECT_FALSE(error.text.hint.empty());
  }
}

TEST_F(ClickHouseApply, TooManyPartsAreForLaterAndSlowTheFlushesDown) {
  prepare_table(target(), table_, wait());
  EXPECT_EQ(target().flush_interval(), 1000ms);
  sql("SYSTEM STOP MERGES `public.sample`");
  sql("ALTER TABLE `public.sample` MODIFY SETTING parts_to_throw_insert = 3, parts_to_delay_insert = 2");
  try {
    for (std::uint64_t i = 1; i < 10; ++i) {
      Writer writer(table_);
      writer.begin(100 * i).insert({"1", "a", "A", "1"}).commit();
      apply(writer);
    }
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::too_busy);
    EXPECT_EQ(error.text.origin, "CH 252");
    EXPECT_EQ(retry_of(error.text), Retry::later);
  }
}

}  // namespace
}  // namespace peerd::testing_clickhouse
