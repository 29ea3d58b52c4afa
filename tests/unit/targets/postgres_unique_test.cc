#include "postgres_fixture.h"

// What keeps rows apart at the target beside the key: unique indexes of every kind and exclusion constraints, those that
// the source has too, and those that it lacks.
namespace peerd::testing_postgres {
namespace {

struct Kind {
  const char* name;
  const char* ddl;  ///< Of table "sample"; keeps rows of one value of u apart.
};

constexpr Kind kKinds[] = {
    {"Plain", "CREATE UNIQUE INDEX apart ON sample (u)"},
    {"Constraint", "ALTER TABLE sample ADD CONSTRAINT apart UNIQUE (u)"},
    {"Partial", "CREATE UNIQUE INDEX apart ON sample (u) WHERE v <> 'elsewhere'"},
    {"Expression", "CREATE UNIQUE INDEX apart ON sample ((u + 1), (v IS NULL))"},
    {"NullsNotDistinct", "CREATE UNIQUE INDEX apart ON sample (u) NULLS NOT DISTINCT"},
    {"Exclusion", "ALTER TABLE sample ADD CONSTRAINT apart EXCLUDE USING btree (u WITH =) WHERE (u > 0)"},
    {"Deferrable", "ALTER TABLE sample ADD CONSTRAINT apart UNIQUE (u) DEFERRABLE"},
    {"Deferred", "ALTER TABLE sample ADD CONSTRAINT apart UNIQUE (u) DEFERRABLE INITIALLY DEFERRED"},
};

class PostgresUnique : public RealPostgres {
 protected:
  /// An operator's empty table, with peerd's columns, the key and whatever `ddl` adds.
  void adopted(const std::string& ddl) {
    sql("CREATE TABLE sample (id bigint PRIMARY KEY, v text, big text, u integer, \"_PEERDB_IS_DELETED\" boolean,"
        " \"_PEERDB_SYNCED_AT\" timestamptz)");
    if (!ddl.empty()) sql(ddl);
  }
  Problems problems() { return target().preflight(std::span(&table_, 1), wait()); }
  std::string failure(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(retry_of(error.text), Retry::after_operator) << error.text.message;
      return error.text.message + " | " + error.text.hint;
    }
    return "no error";
  }
  void copy(ChunkWriter& writer, std::uint32_t number, const std::string& rows) {
    CopyCounts known;
    writer.begin(table_, Chunk{table_.schema.id, table_.start, number, 0, number, number + 1},
                 CopyPlan{CopyForm::text, std::vector<std::string>(4)}, known, wait());
    writer.write(std::as_bytes(std::span(rows)), wait());
    writer.finish(wait());
  }
};

TEST_F(PostgresUnique, AnIndexThatTheSourceLacksIsRefusedByNameWithItsCure) {
  for (const Kind& kind : kKinds) {
    sql("DROP TABLE IF EXISTS sample");
    adopted(kind.ddl);
    const Problems found = problems();
    ASSERT_EQ(found.size(), 1u) << kind.name;
    EXPECT_NE(found[0].text.message.find("apart"), std::string::npos) << found[0].text.message;
    EXPECT_EQ(found[0].text.table, "public.sample");
    sql(found[0].cure_sql);
    EXPECT_TRUE(problems().empty()) << kind.name;
    EXPECT_EQ(sql("SELECT count(*) FROM pg_class WHERE relname = 'apart'")[0][0], "0") << "the cure took nothing away";
  }
}

TEST_F(PostgresUnique, AnIndexThatTheSourceHasTooIsNoProblem) {
  for (const Kind& kind : kKinds) {
    sql("DROP TABLE IF EXISTS sample");
    adopted(kind.ddl);
    unique_as_at_target();
    EXPECT_TRUE(problems().empty()) << kind.name;
  }
}

TEST_F(PostgresUnique, WhatTheSourcesRuleImpliesIsNoProblemAndWhatItDoesNotIs) {
  adopted("CREATE UNIQUE INDEX theirs ON sample (u)");
  unique_as_at_target();
  sql("DROP INDEX theirs");
  const auto refused = [&](const std::string& ddl) {
    sql(ddl);
    const bool any = !problems().empty();
    sql("DROP INDEX apart");
    return any;
  };
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (u, v)"));
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (u) WHERE v = 'x'"));
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (u) WHERE NOT \"_PEERDB_IS_DELETED\""));
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (id, lower(v))"));
  EXPECT_TRUE(refused("CREATE UNIQUE INDEX apart ON sample (v)"));
  EXPECT_TRUE(refused("CREATE UNIQUE INDEX apart ON sample (lower(v))"));
  EXPECT_TRUE(refused("CREATE UNIQUE INDEX apart ON sample (u) NULLS NOT DISTINCT"));
  EXPECT_TRUE(refused("CREATE UNIQUE INDEX apart ON sample (u, \"_PEERDB_IS_DELETED\")"));
  sql("ALTER TABLE sample ADD own int, ADD serial bigserial, ADD one int DEFAULT 1");
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (own)")) << "always NULL in what the mirror writes";
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (serial)"));
  EXPECT_TRUE(refused("CREATE UNIQUE INDEX apart ON sample (one)"));
  sql("ALTER TABLE sample ALTER u TYPE bigint");
  EXPECT_FALSE(refused("CREATE UNIQUE INDEX apart ON sample (u)")) << "a wider type keeps the same values apart";
}

TEST_F(PostgresUnique, ACollationThatTakesTextsForOneIsRefused) {
  sql("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
  sql("CREATE TABLE sample (id bigint PRIMARY KEY, v text, big text, u integer, \"_PEERDB_IS_DELETED\" boolean,"
      " \"_PEERDB_SYNCED_AT\" timestamptz); CREATE UNIQUE INDEX apart ON sample (v)");
  unique_as_at_target();
  EXPECT_TRUE(problems().empty());
  sql("DROP INDEX apart; CREATE UNIQUE INDEX apart ON sample (v COLLATE ci)");
  EXPECT_FALSE(problems().empty());
  unique_as_at_target();
  EXPECT_TRUE(problems().empty());
}

TEST_F(PostgresUnique, AnIndexOfOnePartitionIsSeen) {
  sql("CREATE TABLE sample (id bigint PRIMARY KEY, v text, big text, u integer, \"_PEERDB_IS_DELETED\" boolean,"
      " \"_PEERDB_SYNCED_AT\" timestamptz) PARTITION BY RANGE (id)");
  sql("CREATE TABLE low PARTITION OF sample FOR VALUES FROM (MINVALUE) TO (100)");
  sql("CREATE TABLE high PARTITION OF sample FOR VALUES FROM (100) TO (MAXVALUE)");
  EXPECT_TRUE(problems().empty());
  sql("CREATE UNIQUE INDEX apart ON high (u)");
  const Problems found = problems();
  ASSERT_EQ(found.size(), 1u);
  sql(found[0].cure_sql);
  EXPECT_TRUE(problems().empty());
}

TEST_F(PostgresUnique, AStricterIndexThatComesLaterStopsTheMirrorByName) {
  streaming();
  Writer writer(table_);
  writer.begin(20).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  sql("CREATE UNIQUE INDEX apart ON sample (v)");
  // No row clashes yet, and nobody looks; then one does: it is not dropped.
  writer.begin(30).insert({"3", "b", "B", "3"}).commit();
  const std::string told = failure([&] { apply(writer); });
  EXPECT_NE(told.find("apart"), std::string::npos) << told;
  EXPECT_NE(told.find("DROP INDEX"), std::string::npos) << told;
  restart();
  EXPECT_NE(failure([&] { prepare_table(target(), table_, wait()); }).find("apart"), std::string::npos);
  sql("DROP INDEX apart");
  restart();
  prepare_table(target(), table_, wait());
  Writer again(table_);
  again.begin(30).insert({"3", "b", "B", "3"}).commit();
  apply(again);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", "b", "B", "2"}, {"3", "b", "B", "3"}}));
}

TEST_F(PostgresUnique, AStricterIndexInAChunksWayStopsTheCopyByName) {
  adopted("");
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  copy(*writer, 0, "1\tx\tA\t1\n");
  sql("CREATE UNIQUE INDEX apart ON sample (v)");
  const std::string told = failure([&] { copy(*writer, 1, "2\tx\tB\t2\n"); });
  EXPECT_NE(told.find("apart"), std::string::npos) << told;
  EXPECT_EQ(live(), (Rows{{"1", "x", "A", "1"}}));
}

TEST_F(PostgresUnique, WhatATableLeavesOutInSilenceStopsTheCopy) {
  adopted("CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF;"
          " RETURN NEW; END'; CREATE TRIGGER leave_out BEFORE INSERT ON sample FOR EACH ROW EXECUTE FUNCTION leave_out();"
          " ALTER TABLE sample ENABLE ALWAYS TRIGGER leave_out");
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  EXPECT_NE(failure([&] { copy(*writer, 0, "1\tx\tA\t1\n2\ty\tB\t2\n"); }).find("left out"), std::string::npos);
}

TEST_F(PostgresUnique, ARowThatStoodInTheWayAndIsTakenByAnotherChunkIsCopiedAfterAll) {
  adopted("");
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  copy(*writer, 0, "1\tx\tA\t1\n");
  // The other chunk's part: a row that stood when the insert passed it over is gone when it is looked for.
  sql("CREATE SEQUENCE once; CREATE FUNCTION clash_away() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS"
      " 'BEGIN IF nextval(''once'') = 1 THEN DELETE FROM sample WHERE id = 1; END IF; RETURN NULL; END';"
      " CREATE TRIGGER clash_away AFTER INSERT ON sample FOR EACH STATEMENT EXECUTE FUNCTION clash_away();"
      " ALTER TABLE sample ENABLE ALWAYS TRIGGER clash_away");
  copy(*target().open_writer(wait()), 1, "1\tlater\tA\t1\n2\ty\tB\t2\n");
  EXPECT_EQ(live(), (Rows{{"1", "x", "A", "1"}, {"2", "y", "B", "2"}}));
}

class PostgresUniqueKinds : public PostgresUnique, public testing::WithParamInterface<std::tuple<Kind, bool>> {
 protected:
  void SetUp() override {
    PostgresUnique::SetUp();
    if (!server_) return;
    soft(std::get<1>(GetParam()));
    if (soft_) {
      adopted(std::get<0>(GetParam()).ddl);
    } else {
      mirror_.options["synced_at_col_name"] = "";
      sql("CREATE TABLE sample (id bigint PRIMARY KEY, v text, big text, u integer)");
      sql(std::get<0>(GetParam()).ddl);
    }
    unique_as_at_target();
  }
};

TEST_P(PostgresUniqueKinds, DeletedRowsBlockNobodyAndValuesSwapPlaces) {
  streaming();
  Writer writer(table_);
  writer.begin(20).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).insert({"3", "c", "C", "3"}).commit();
  apply(writer);
  writer.begin(30).remove({"1"}).commit();
  apply(writer);
  // A new row, then an update, take what a deleted row had.
  writer.begin(40).insert({"4", "d", "D", "1"}).remove({"2"}).commit();
  apply(writer);
  writer.begin(50).update({"3", "c", kSame, "2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"3", "c", "C", "2"}, {"4", "d", "D", "1"}}));
  writer.begin(60).update({"3", "c", kSame, "9"}).update({"4", "d", kSame, "2"}).update({"3", "c", kSame, "1"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"3", "c", "C", "1"}, {"4", "d", "D", "2"}}));
  // A deleted row comes again, its value moved on meanwhile.
  writer.begin(70).insert({"1", "again", "A", "5"}).update({"4", "d", kSame, "3"}).commit();
  apply(writer);
  writer.begin(80).remove({"4"}).remove({"1"}).commit();
  writer.begin(90).insert({"5", "e", "E", "3"}).insert({"6", "f", "F", "5"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"3", "c", "C", "1"}, {"5", "e", "E", "3"}, {"6", "f", "F", "5"}}));
}

TEST_P(PostgresUniqueKinds, ChunksOfDifferentMomentsMeetAndTheStreamBringsBothRows) {
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  copy(*writer, 0, "1\ta\tA\t5\n2\tb\tB\t6\n");
  copy(*writer, 1, "7\tg\tG\t5\n8\th\tH\t8\n");  // Row 1 had given 5 to row 7 meanwhile.
  target().end_copy(table_, wait());
  target().set_position(Durable{Lsn{10}}, wait());
  horizons_.raise(table_.schema.id, Lsn{100});
  source_.rows = {{"1", {"1", "a", "A", "4"}}, {"7", {"7", "g", "G", "5"}}};
  Writer changes(table_);
  changes.begin(20).update({"1", "a", kSame, "4"}).update({"7", "g", kSame, "5"}).commit();
  apply(changes);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "4"}, {"2", "b", "B", "6"}, {"7", "g", "G", "5"}, {"8", "h", "H", "8"}}));
}

INSTANTIATE_TEST_SUITE_P(Kinds, PostgresUniqueKinds,
                         testing::Combine(testing::ValuesIn(kKinds), testing::Bool()), [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + (std::get<1>(info.param) ? "Soft" : "Hard");
                         });

}  // namespace
}  // namespace peerd::testing_postgres
