#include "postgres_fixture.h"
#include "support/error_of.h"

// What comes to fire on the mirror's own changes while it runs: no transaction that it may have fired in is committed.
namespace peerd::testing_postgres {
namespace {

class PostgresFiring : public RealPostgres {
 protected:
  void SetUp() override {
    RealPostgres::SetUp();
    if (!server_) return;
    table_.target_name = schema_ + ".sample";
    sql("CREATE TABLE log (what text); CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO " +
        schema_ + ".log VALUES (TG_OP); IF TG_LEVEL = 'ROW' AND TG_WHEN = 'BEFORE' THEN NEW.v = 'altered'; END IF;"
                  " RETURN NEW; END $$");
  }
  void TearDown() override {
    RealPostgres::TearDown();
    if (server_ && !role_.empty()) sql("DROP OWNED BY " + role_ + " CASCADE; DROP ROLE " + role_);
  }
  /// From here on the mirror's role may not set session_replication_role.
  void plain_role() {
    target().open(wait());  // Makes the bookkeeping, where it is the first.
    restart();
    role_ = "role_" + schema_;
    const std::string database = quote_identifier(peer_.options["database"]);
    sql("CREATE ROLE " + role_ + " LOGIN; GRANT TEMPORARY ON DATABASE " + database + " TO " + role_ +
        "; GRANT ALL ON SCHEMA " + schema_ + ", _peerd TO " + role_ + "; GRANT ALL ON ALL TABLES IN SCHEMA " + schema_ +
        ", _peerd TO " + role_);
    peer_.options["user"] = role_;
  }
  template <typename Doing>
  ErrorText refusal(Doing doing) {
    return error_of(doing);
  }
  /// What a start says of the table as it stands.
  ErrorText of_a_start() {
    restart();
    const auto noted = target().recognize(table_, wait());
    ErrorText text = refusal([&] { target().verify(table_, noted, wait()); });
    restart();
    return text;
  }
  /// Once what was in the way is gone.
  void start_again() {
    restart();
    target().verify(table_, target().recognize(table_, wait()), wait());
  }
  void expect_same(const ErrorText& text, const ErrorText& start, const std::string& words) {
    EXPECT_NE(text.message.find(words), std::string::npos) << text.message;
    EXPECT_EQ(text.message, start.message);
    EXPECT_EQ(text.hint, start.hint);
    EXPECT_EQ(text.code, ErrorCode::target_unfit);
    EXPECT_EQ(text.table, "public.sample");
    EXPECT_EQ(retry_of(text), Retry::after_operator);
  }
  Rows logged() { return sql("SELECT * FROM log"); }

  std::string role_;
};

struct Firing {
  const char *add, *words, *remove;
};

TEST_F(PostgresFiring, WhatIsAddedWhileTheStreamRunsStopsItBeforeItsEffectCounts) {
  plain_role();
  streaming();
  const std::vector<Firing> cases = {
      {"CREATE TRIGGER altering BEFORE INSERT OR UPDATE ON sample FOR EACH ROW EXECUTE FUNCTION tell()", "trigger \"altering\"",
       "DROP TRIGGER altering ON sample"},
      {"CREATE TRIGGER telling AFTER UPDATE ON sample FOR EACH STATEMENT EXECUTE FUNCTION tell()", "trigger \"telling\"",
       "ALTER TABLE sample DISABLE TRIGGER telling"},
      {"ALTER TABLE sample ENABLE TRIGGER telling", "trigger \"telling\"", "DROP TRIGGER telling ON sample"},
      {"CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON sample DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION"
       " tell()",
       "trigger \"late\"", "DROP TRIGGER late ON sample"},
      {"CREATE TABLE child (id bigint REFERENCES sample ON DELETE CASCADE); INSERT INTO child VALUES (1)",
       "foreign key \"child_id_fkey\"", "DROP TABLE child"},
      {"CREATE TABLE colour (u int PRIMARY KEY); INSERT INTO colour SELECT DISTINCT u FROM sample;"
       "ALTER TABLE sample ADD CONSTRAINT of_colour FOREIGN KEY (u) REFERENCES colour",
       "foreign key \"of_colour\"", "ALTER TABLE sample DROP CONSTRAINT of_colour; DROP TABLE colour"},
      // These fail before the commit; they are told alike.
      {"CREATE TABLE colour (u int PRIMARY KEY); ALTER TABLE sample ADD CONSTRAINT of_none FOREIGN KEY (u) REFERENCES colour"
       " NOT VALID",
       "foreign key \"of_none\"", "ALTER TABLE sample DROP CONSTRAINT of_none; DROP TABLE colour"},
      {"CREATE RULE also AS ON INSERT TO sample DO ALSO INSERT INTO log VALUES ('rule')", "rule \"also\"",
       "DROP RULE also ON sample"},
      {"CREATE RULE also AS ON DELETE TO sample DO ALSO INSERT INTO log VALUES ('rule')", "rule \"also\"",
       "DROP RULE also ON sample"}};
  Writer first(table_);
  first.begin(100).insert({"1", "a", "A", "1"}).insert({"2", "b", "B", "2"}).commit();
  apply(first);
  std::uint64_t at = 200;
  for (const Firing& given : cases) {
    SCOPED_TRACE(given.add);
    const Rows before = live();
    sql(given.add);
    Writer writer(table_);
    const std::string value = "v" + std::to_string(at);
    writer.begin(at).update({"2", value, kSame, "2"}).remove({"3"}).insert({"3", value, "C", "1"}).commit();
    const auto batch = writer.take();
    const ErrorText text = refusal([&] { apply(*batch); });
    EXPECT_EQ(live(), before);
    EXPECT_EQ(logged(), Rows{});
    expect_same(text, of_a_start(), given.words);
    sql(given.remove);
    start_again();
    apply(*batch);
    EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", value, "B", "2"}, {"3", value, "C", "1"}}));
    at += 100;
  }
  EXPECT_EQ(logged(), Rows{});
}

// The locks of those who write and those who add a trigger exclude each other: what was written stays looked at.
TEST_F(PostgresFiring, NothingIsAddedWhileATransactionOfTheMirrorIsOpen) {
  plain_role();
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"});
  apply(writer);
  for (const char* add :
       {"CREATE TRIGGER telling AFTER INSERT ON sample FOR EACH ROW EXECUTE FUNCTION tell()",
        "CREATE TABLE child (id bigint REFERENCES sample)",
        "CREATE RULE also AS ON INSERT TO sample DO ALSO INSERT INTO log VALUES ('rule')"}) {
    EXPECT_EQ(refusal([&] { sql(std::string("SET lock_timeout = '200ms'; ") + add); }).origin, "55P03") << add;
  }
  writer.insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", "b", "B", "2"}}));
}

TEST_F(PostgresFiring, APartsTriggerIsTheTables) {
  plain_role();
  sql("CREATE TABLE sample (id bigint, v text, big text, u int, \"_PEERDB_IS_DELETED\" boolean,"
      " \"_PEERDB_SYNCED_AT\" timestamptz, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
      "CREATE TABLE low PARTITION OF sample FOR VALUES FROM (0) TO (100); ALTER TABLE sample OWNER TO " + role_ +
      "; ALTER TABLE low OWNER TO " + role_);
  streaming();
  sql("CREATE TRIGGER telling AFTER INSERT ON low FOR EACH ROW EXECUTE FUNCTION tell()");
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  EXPECT_NE(refusal([&] { apply(writer); }).message.find("trigger \"telling\""), std::string::npos);
  EXPECT_EQ(live(), Rows{});
  EXPECT_EQ(logged(), Rows{});
}

TEST_F(PostgresFiring, AChunkAndACopyThatStartsAnewAreLookedAtToo) {
  plain_role();
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  const auto load = [&](std::uint32_t number, const std::string& rows) {
    CopyCounts known;
    const Chunk chunk{table_.schema.id, table_.start, number, 0, number, number + 1};
    writer->begin(table_, chunk, {CopyForm::text, std::vector<std::string>(4)}, known, wait());
    writer->write(std::as_bytes(std::span(rows)), wait());
    writer->finish(wait());
  };
  load(0, "1\ta\tA\t1\n");
  sql("CREATE TRIGGER telling AFTER INSERT OR DELETE OR TRUNCATE ON sample EXECUTE FUNCTION tell()");
  EXPECT_NE(refusal([&] { load(1, "2\tb\tB\t2\n"); }).message.find("trigger \"telling\""), std::string::npos);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
  table_.start = Lsn{20};
  EXPECT_NE(refusal([&] { target().restart_copy(table_, {}, wait()); }).message.find("trigger \"telling\""), std::string::npos);
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}}));
  EXPECT_EQ(logged(), Rows{});
  sql("DROP TRIGGER telling ON sample");
  restart();
  target().restart_copy(table_, {}, wait());
  EXPECT_EQ(live(), Rows{});
}

// With the right to stand aside only what was made to fire for replicas does: triggers of that kind are their maker's wish.
TEST_F(PostgresFiring, InTheReplicaRoleOrdinaryOnesAreNoTroubleAndRulesThatFireThereAre) {
  soft(false);
  streaming();
  Writer writer(table_);
  sql("CREATE TRIGGER telling AFTER INSERT ON sample FOR EACH ROW EXECUTE FUNCTION tell();"
      "CREATE TABLE child (id bigint REFERENCES sample);"
      "CREATE RULE also AS ON DELETE TO sample DO ALSO INSERT INTO log VALUES ('rule')");
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  EXPECT_EQ(logged(), Rows{});
  sql("ALTER TABLE sample ENABLE ALWAYS TRIGGER telling");
  writer.begin(200).insert({"2", "b", "B", "2"}).commit();
  apply(writer);
  EXPECT_EQ(logged(), (Rows{{"INSERT"}}));
  sql("ALTER TABLE sample ENABLE ALWAYS RULE also");
  writer.begin(300).remove({"1"}).commit();
  const ErrorText text = refusal([&] { apply(writer); });
  EXPECT_EQ(live().size(), 2u);
  EXPECT_EQ(logged().size(), 1u);
  expect_same(text, of_a_start(), "rule \"also\"");
}

}  // namespace
}  // namespace peerd::testing_postgres
