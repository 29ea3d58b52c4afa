#include "postgres_fixture.h"

// The Postgres target against a real server: every path of apply(), row by row.
namespace peerd::testing_postgres {
namespace {

class PostgresApply : public RealPostgres {};
/// Both kinds of delete, each by both ways.
class PostgresDeletes : public RealPostgres, public testing::WithParamInterface<std::tuple<bool, bool>> {
 protected:
  void SetUp() override {
    RealPostgres::SetUp();
    soft(std::get<0>(GetParam()));
    if (!std::get<1>(GetParam())) direct_rows_ = 0;
  }
};
INSTANTIATE_TEST_SUITE_P(SoftOrDirect, PostgresDeletes, testing::Combine(testing::Bool(), testing::Bool()));

TEST_F(PostgresApply, InsertsArriveWithEveryCharacter) {
  streaming();
  Writer writer(table_);
  const std::string odd = "tab\t line\n return\r back\\slash \\N \\. end";
  writer.begin(100)
      .insert({"1", odd, Cell{}, "7"})
      .insert({"2", "", "\\.", Cell{}})
      .insert({"3", "\\N", "x", "-1"})
      .commit();
  const ApplyResult result = apply(writer);
  EXPECT_EQ(result.applied.lsn, Lsn{101});
  EXPECT_EQ(live(), (Rows{{"1", odd, Cell{}, "7"}, {"2", "", "\\.", Cell{}}, {"3", "\\N", "x", "-1"}}));
  EXPECT_EQ(target().position(wait())->lsn, Lsn{101});
}

TEST_F(PostgresApply, AnIdlePositionMovesForwardOnly) {
  streaming();
  Writer writer(table_);
  writer.idle(500);
  EXPECT_EQ(apply(writer).durable.lsn, Lsn{500});
  EXPECT_EQ(target().position(wait())->lsn, Lsn{500});
}

TEST_P(PostgresDeletes, UpdatesDeletesAndInsertsOfOneBatch) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).insert({"3", "c", "C", "3"}).commit();
  apply(writer);
  writer.begin(200).update({"1", "a2", kSame, "1"}).remove({"2"}).insert({"4", "d", Cell{}, "4"}).commit();
  writer.begin(300).update({"4", "d2", kSame, Cell{}}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a2", "A", "1"}, {"3", "c", "C", "3"}, {"4", "d2", Cell{}, Cell{}}}));
  if (soft_) {
    EXPECT_EQ(marked(), (Rows{{"2", "b", "B", "2"}}));
  }
  EXPECT_TRUE(source_.asked.empty());
}

TEST_P(PostgresDeletes, ARowInsertedAgainIsWholeAndNotMarked) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  writer.begin(200).remove({"1"}).commit();
  apply(writer);
  EXPECT_TRUE(live().empty());
  writer.begin(300).insert({"1", "b", Cell{}, Cell{}}).insert({"2", "x", "X", "2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "b", Cell{}, Cell{}}, {"2", "x", "X", "2"}}));
}

TEST_P(PostgresDeletes, AKeyDeletedBeforeTheTargetSawItsRowIsMarked) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).remove({"1"}).commit();
  apply(writer);
  EXPECT_TRUE(live().empty());
  if (soft_) {
    EXPECT_EQ(marked(), (Rows{{"1", Cell{}, Cell{}, Cell{}}}));
  }
}

TEST_P(PostgresDeletes, KeysMoveOntoKeysFreedAMomentBefore) {
  streaming();
  const std::string a(100000, 'a'), b(100000, 'b'), c(100000, 'c');
  Writer writer(table_);
  writer.begin(100).insert({"1", "one", a, "1"}).insert({"2", "two", b, "2"}).insert({"3", "three", c, "3"}).commit();
  apply(writer);
  // 3 goes, 2 takes its key, 1 takes 2's, a new row takes 1's: no big value is sent again.
  writer.begin(200).remove({"3"});
  writer.update({"3", "two", kSame, "2"}, {"2"})
      .update({"2", "one", kSame, "1"}, {"1"})
      .insert({"1", "new", "n", "9"})
      .commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "new", "n", "9"}, {"2", "one", a, "1"}, {"3", "two", b, "2"}}));
  // A swap through a third key.
  writer.begin(300).update({"9", "one", kSame, "1"}, {"2"}).update({"2", "two", kSame, "2"}, {"3"});
  writer.update({"3", "one", kSame, "1"}, {"9"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "new", "n", "9"}, {"2", "two", b, "2"}, {"3", "one", a, "1"}}));
  EXPECT_TRUE(source_.asked.empty());
  if (soft_) {
    EXPECT_TRUE(marked().empty());
  }
}

TEST_P(PostgresDeletes, TruncateIsABarrier) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  writer.begin(200).insert({"3", "c", "C", "3"}).truncate().insert({"2", "b2", Cell{}, "2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"2", "b2", Cell{}, "2"}}));
  if (soft_) {
    EXPECT_EQ(marked(), (Rows{{"1", "a", "A", "1"}}));
  }
}

TEST_P(PostgresDeletes, UniqueValuesSwapPlaces) {
  unique_at_source("u");
  streaming();
  sql("CREATE UNIQUE INDEX ON " + table_.target_name + " (u)");
  const std::string big(100000, 'x');
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", big, "1"}).insert({"2", "b", "B", "2"}).insert({"3", "c", "C", "3"}).commit();
  apply(writer);
  writer.begin(200).update({"1", "a", kSame, "-1"}).update({"2", "b", kSame, "1"}).update({"1", "a2", kSame, "2"});
  writer.remove({"3"}).insert({"4", "d", "D", "3"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a2", big, "2"}, {"2", "b", "B", "1"}, {"4", "d", "D", "3"}}));
  // A marked row's unique value is free for others, in a batch of inserts too.
  writer.begin(300).remove({"4"}).commit();
  apply(writer);
  writer.begin(400).insert({"5", "e", "E", "3"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a2", big, "2"}, {"2", "b", "B", "1"}, {"5", "e", "E", "3"}}));
}

TEST_F(PostgresApply, AUniqueIndexMadeWhileTheStreamRunsIsNoticed) {
  unique_at_source("u");
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  writer.begin(200).update({"1", "a", kSame, "1"}).commit();
  apply(writer);
  sql("CREATE UNIQUE INDEX ON " + table_.target_name + " (u)");
  writer.begin(300).update({"1", "a", kSame, "2"}).update({"2", "b", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "2"}, {"2", "b", "B", "1"}}));
}

TEST_P(PostgresDeletes, AnOpenTailStaysInvisibleUntilItsEnd) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  writer.begin(200).insert({"2", "b", "B", "2"});
  ApplyResult result = apply(writer);
  EXPECT_EQ(result.durable.lsn, Lsn{101});
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
  writer.update({"2", "b2", kSame, "2"}).update({"1", "a2", kSame, "1"});
  result = apply(writer);
  EXPECT_EQ(result.durable.lsn, Lsn{101});
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
  writer.remove({"1"}).update({"3", "b3", kSame, "2"}, {"2"}).commit();
  result = apply(writer);
  EXPECT_EQ(result.applied.lsn, Lsn{201});
  EXPECT_EQ(target().settle(wait())->lsn, Lsn{201});
  EXPECT_EQ(live(), (Rows{{"3", "b3", "B", "2"}}));
}

TEST_F(PostgresApply, InsertsInAnOpenTailMeetAMarkedRow) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  writer.begin(200).remove({"1"}).commit();
  apply(writer);
  writer.begin(300).insert({"2", "b", "B", "2"});
  apply(writer);
  writer.insert({"1", "again", "A", "1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "again", "A", "1"}, {"2", "b", "B", "2"}}));
}

TEST_F(PostgresApply, AReplayAfterACrashInAnOpenTailLeavesWhatOneRunLeaves) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  writer.begin(200).update({"1", "b", kSame, "1"}).insert({"2", "x", "X", "2"});
  apply(writer);
  restart();
  EXPECT_EQ(target().position(wait())->lsn, Lsn{101});
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
  Writer again(table_);
  again.begin(200).update({"1", "b", kSame, "1"}).insert({"2", "x", "X", "2"}).commit();
  apply(again);
  EXPECT_EQ(live(), (Rows{{"1", "b", "A", "1"}, {"2", "x", "X", "2"}}));
}

TEST_F(PostgresApply, ChangesThatStandAlreadyAreRefused) {
  streaming();
  Writer writer(table_), again(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  again.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  try {
    apply(again);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::wrong_state);
  }
}

TEST_F(PostgresApply, AnOlderEpochIsFenced) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  auto older = std::move(target_);
  lease_.epoch = 2;
  target();
  writer.begin(200).insert({"2", "b", "B", "2"}).commit();
  const auto batch = writer.take();
  const ApplyContext context{source_, horizons_, wait()};
  const auto code_of = [](auto work) {
    try {
      work();
    } catch (const Error& error) {
      return error.text.code;
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of([&] { older->apply(*batch, context); }), ErrorCode::fenced);
  lease_.epoch = 1;
  EXPECT_EQ(code_of([&] { make_postgres_target(peer_, mirror_, lease_)->open(wait()); }), ErrorCode::fenced);
  lease_.epoch = 2;
  apply(*batch);
  EXPECT_EQ(live().size(), 2u);
}

TEST_F(PostgresApply, ANewEpochEndsAnOpenTransactionOfTheOldOne) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"});
  apply(writer);
  auto older = std::move(target_);
  lease_.epoch = 2;
  target();
  writer.commit();
  const auto batch = writer.take();
  EXPECT_THROW(older->apply(*batch, ApplyContext{source_, horizons_, wait()}), Error);
  EXPECT_TRUE(live().empty());
}

TEST_F(PostgresApply, AnAddedColumnIsFollowedInTheMiddleOfATransaction) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  writer.begin(200).insert({"2", "b", "B", "2"});
  apply(writer);
  table_.schema.columns.push_back({"extra", 25, -1, "text", false, true, "it's old"});
  prepare_table(target(), table_, wait());
  writer.widen(table_);
  writer.insert({"3", "c", "C", "3", "new"}).update({"2", "b2", kSame, "2", kSame}).commit();
  apply(writer);
  EXPECT_EQ(sql("SELECT id, v, big, extra FROM sample ORDER BY id"),
            (Rows{{"1", "a", "A", "it's old"}, {"2", "b2", "B", "it's old"}, {"3", "c", "C", "new"}}));
}

TEST_F(PostgresApply, ManyTablesInOneBatch) {
  std::vector<MirrorTable> tables;
  for (int i = 0; i < 5; ++i) {
    tables.push_back(sample_table(schema_ + ".many" + std::to_string(i), 80000 + static_cast<std::uint32_t>(i)));
    table_ = tables.back();
    streaming();
  }
  BatchBuilder builder;
  builder.begin(1);
  for (int row = 0; row < 100; ++row) {
    for (const MirrorTable& table : tables) {
      const auto cells = builder.cells(4);
      cells[0] = {CellView::Kind::text, builder.keep(std::to_string(row))};
      cells[1] = {CellView::Kind::text, builder.keep(table.target_name)};
      const std::uint32_t index = builder.table(table);
      builder.append({ChangeView::Kind::insert, index, {Lsn{100}, Lsn{100}}, cells, {}});
    }
  }
  builder.commit(Lsn{101});
  apply(*builder.take());
  for (const MirrorTable& table : tables) {
    EXPECT_EQ(sql("SELECT count(*), min(v), max(v) FROM " + table.target_name),
              (Rows{{"100", table.target_name, table.target_name}}));
  }
}

TEST_P(PostgresDeletes, ManyInsertsBesideUpdatesMeetFreedAndMarkedKeys) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).insert({"3", "c", "C", "3"}).commit();
  apply(writer);
  writer.begin(200).remove({"3"}).commit();
  apply(writer);
  Rows wanted{{"1", "again", Cell{}, "1"}, {"3", "back", Cell{}, "3"}, {"4", "b", "B", "2"}};
  for (int round = 0; round < 2; ++round) {
    // 1 is deleted and inserted again, 2 moves to 4; 3 was deleted in a batch before, which the second round does not
    // meet.
    if (round == 0) {
      writer.begin(300).remove({"1"}).insert(wanted[0]).update({"4", "b", kSame, "2"}, {"2"}).insert(wanted[1]);
    } else {
      writer.begin(400).update({"1", "once more", kSame, "1"});
      wanted[0][1] = "once more";
    }
    for (int i = 0; i < 100; ++i) {
      wanted.push_back({std::to_string(1000 * (round + 1) + i), "many", "x\ty", Cell{}});
      writer.insert(wanted.back());
    }
    writer.commit();
    apply(writer);
    EXPECT_EQ(live(), wanted);
  }
}

TEST_F(PostgresApply, SyncedAtIsTheTimeOfTheLastChange) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  sql("UPDATE sample SET \"_PEERDB_SYNCED_AT\" = '2000-01-01'");
  writer.begin(200).update({"1", "a2", kSame, "1"}).remove({"2"}).commit();
  apply(writer);
  EXPECT_EQ(sql("SELECT count(*) FROM sample WHERE \"_PEERDB_SYNCED_AT\" > now() - interval '1 hour'"), (Rows{{"2"}}));
}

}  // namespace
}  // namespace peerd::testing_postgres
