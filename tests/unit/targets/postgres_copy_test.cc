#include "postgres_fixture.h"

// The Postgres target's tables and chunks against a real server.
namespace peerd::testing_postgres {
namespace {

class PostgresCopy : public RealPostgres {
 protected:
  Chunk chunk(std::uint32_t number) { return {table_.schema.id, table_.start, number, 0, number, number + 1}; }
  /// Loads text rows as one chunk.
  ChunkWriter::Begun load(ChunkWriter& writer, std::uint32_t number, const std::string& rows) {
    CopyCounts known;
    const auto begun =
        writer.begin(table_, chunk(number), {CopyForm::text, std::vector<std::string>(4)}, known, wait());
    if (begun == ChunkWriter::Begun::known_done) {
      counts_ = known;
      return begun;
    }
    writer.write(std::as_bytes(std::span(rows)), wait());
    counts_ = writer.finish(wait());
    return begun;
  }
  ErrorText refusal() {
    try {
      prepare_table(target(), table_, wait());
    } catch (const Error& error) {
      return error.text;
    }
    ADD_FAILURE() << "it was taken";
    return {};
  }
  CopyCounts counts_;
};

TEST_F(PostgresCopy, TheTableIsMadeAsTheSourcesIs) {
  table_.schema.columns.push_back({"n", 1700, 655366, "numeric(10,2)", false, true, {}});
  table_.schema.columns.push_back({"mood", 70500, -1, "public.no_such_mood", false, true, {}});
  EXPECT_EQ(prepare_table(target(), table_, wait()).form, CopyForm::text);
  EXPECT_EQ(sql("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = "
                "'sample'::regclass"
                " AND attnum > 0 ORDER BY attnum"),
            (Rows{{"id", "bigint", "t"},
                  {"v", "text", "f"},
                  {"big", "text", "f"},
                  {"u", "integer", "f"},
                  {"n", "numeric(10,2)", "f"},
                  {"mood", "text", "f"},
                  {"_PEERDB_IS_DELETED", "boolean", "f"},
                  {"_PEERDB_SYNCED_AT", "timestamp with time zone", "f"}}));
}

TEST_F(PostgresCopy, AnAbsentSchemaIsMade) {
  table_.target_name = schema_ + "_more.\"Odd.Name\"";
  EXPECT_EQ(prepare_table(target(), table_, wait()).form, CopyForm::binary);
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema_ + "_more.\"Odd.Name\""), (Rows{{"0"}}));
  sql("DROP SCHEMA " + schema_ + "_more CASCADE");
}

TEST_F(PostgresCopy, AChunkAndItsNoteAreOne) {
  prepare_table(target(), table_, wait());
  auto writer = target().open_writer(wait());
  EXPECT_EQ(load(*writer, 0, "1\ta\tA\t1\n2\tb\t\\N\t2\n"), ChunkWriter::Begun::ready);
  EXPECT_EQ(counts_.rows, 2u);
  CopyCounts known;
  writer->begin(table_, chunk(1), {CopyForm::text, {}}, known, wait());
  writer->write(std::as_bytes(std::span("3\tc\tC\t3\n", 8)), wait());
  writer.reset();  // It dies with chunk 1 in flight.
  writer = target().open_writer(wait());
  EXPECT_EQ(load(*writer, 0, ""), ChunkWriter::Begun::known_done);
  EXPECT_EQ(counts_.rows, 2u);
  EXPECT_GT(counts_.bytes, 0u);
  writer->begin(table_, chunk(2), {CopyForm::text, {}}, known, wait());  // Abandoned.
  EXPECT_EQ(load(*writer, 1, "3\tc\tC\t3\n"), ChunkWriter::Begun::ready);
  target().end_copy(table_, wait());
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", "b", Cell{}, "2"}, {"3", "c", "C", "3"}}));
  EXPECT_EQ(
      sql("SELECT count(*) FROM sample WHERE \"_PEERDB_IS_DELETED\" = false AND \"_PEERDB_SYNCED_AT\" IS NOT NULL"),
      (Rows{{"3"}}));
}

// Rule 24.
TEST_F(PostgresCopy, AChunkOfAnOlderEpochIsFenced) {
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  const auto older = std::move(target_);
  lease_.epoch = 2;
  target();
  try {
    load(*writer, 0, "1\ta\tA\t1\n");
    ADD_FAILURE() << "the chunk was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::fenced);
  }
  EXPECT_TRUE(live().empty());
}

TEST_F(PostgresCopy, BinaryRowsPassAsTheyAre) {
  const CopyPlan plan = prepare_table(target(), table_, wait());
  ASSERT_EQ(plan.form, CopyForm::binary);
  server_->run(
      "CREATE TABLE origin (id bigint, v text, big text, u integer); INSERT INTO origin SELECT i, 'v' || i, NULL, i "
      "FROM generate_series(1, 3) i",
      wait());
  server_->copy_out("COPY origin TO STDOUT (FORMAT binary)", wait());
  std::string rows;
  for (std::string_view part = server_->copy_read(wait()); part.data() != nullptr; part = server_->copy_read(wait()))
    rows += part;
  rows = rows.substr(19, rows.size() - 21);  // Neither header nor trailer.
  const auto writer = target().open_writer(wait());
  CopyCounts known;
  writer->begin(table_, chunk(0), plan, known, wait());
  writer->write(std::as_bytes(std::span(rows)), wait());
  EXPECT_EQ(writer->finish(wait()).rows, 3u);
  EXPECT_EQ(live(), (Rows{{"1", "v1", Cell{}, "1"}, {"2", "v2", Cell{}, "2"}, {"3", "v3", Cell{}, "3"}}));
}

TEST_F(PostgresCopy, OneOfTwoCopiesOfARowStays) {
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait()), other = target().open_writer(wait());
  load(*writer, 0, "1\ta\tA\t1\n2\tb\tB\t2\n");
  load(*other, 1, "2\tb2\tB\t2\n3\tc\tC\t3\n");
  target().end_copy(table_, wait());
  target().end_copy(table_, wait());
  EXPECT_EQ(sql("SELECT id FROM sample ORDER BY id"), (Rows{{"1"}, {"2"}, {"3"}}));
  EXPECT_EQ(sql("SELECT count(*) FROM pg_constraint WHERE conrelid = 'sample'::regclass AND contype = 'p'"),
            (Rows{{"1"}}));
}

TEST_F(PostgresCopy, WithAKeyOfTheOperatorsChunksStepAsideForEachOther) {
  soft(false);
  mirror_.options["synced_at_col_name"] = "";
  sql("CREATE TABLE sample (id bigint PRIMARY KEY, v text, big text, u integer)");
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  load(*writer, 0, "1\ta\tA\t1\n2\tb\tB\t2\n");
  load(*writer, 1, "2\tb2\tB\t2\n3\tc\tC\t3\n");
  target().end_copy(table_, wait());
  EXPECT_EQ(live(), (Rows{{"1", "a", "A", "1"}, {"2", "b", "B", "2"}, {"3", "c", "C", "3"}}));
}

TEST_F(PostgresCopy, AFreshStartRemovesWhatWasCopied) {
  target().restart_copy(table_, {}, wait());  // Nothing is known of it yet.
  prepare_table(target(), table_, wait());
  auto writer = target().open_writer(wait());
  load(*writer, 0, "1\ta\tA\t1\n");
  target().end_copy(table_, wait());
  target().restart_copy(table_, {}, wait());  // The same start: what was loaded stays.
  EXPECT_EQ(live().size(), 1u);
  table_.start = Lsn{20};
  target().restart_copy(table_, {}, wait());
  prepare_table(target(), table_, wait());
  EXPECT_TRUE(live().empty());
  EXPECT_EQ(sql("SELECT count(*) FROM pg_constraint WHERE conrelid = 'sample'::regclass"), (Rows{{"0"}}));
  EXPECT_EQ(load(*writer, 0, "2\tb\tB\t2\n"), ChunkWriter::Begun::ready);
  target().end_copy(table_, wait());
  EXPECT_EQ(live(), (Rows{{"2", "b", "B", "2"}}));
}

TEST_F(PostgresCopy, AFreshStartInAnotherShapeMakesTheTableAnew) {
  prepare_table(target(), table_, wait());
  table_.schema.columns[3] = {"u", 25, -1, "text", false, true, {}};
  table_.start = Lsn{20};
  target().restart_copy(table_, {}, wait());
  prepare_table(target(), table_, wait());
  EXPECT_EQ(
      sql("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'sample'::regclass AND attname = 'u'"),
      (Rows{{"text"}}));
}

TEST_F(PostgresCopy, AForeignTableIsRefusedWithItsCure) {
  sql("CREATE TABLE sample (id bigint, v text, big text, u integer, \"_PEERDB_IS_DELETED\" boolean, "
      "\"_PEERDB_SYNCED_AT\" timestamptz);"
      " INSERT INTO sample (id) VALUES (1)");
  EXPECT_EQ(refusal().code, ErrorCode::target_unfit);
  const Problems problems = target().preflight(std::span(&table_, 1), wait());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].cure_sql, "TRUNCATE \"" + schema_ + "\".\"sample\"");
  sql("TRUNCATE sample");
  prepare_table(target(), table_, wait());
  target().end_copy(table_, wait());
  Writer writer(table_);
  target().set_position(Durable{Lsn{10}}, wait());
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  apply(writer);
  EXPECT_EQ(sql("SELECT id, \"_PEERDB_IS_DELETED\" FROM sample"), (Rows{{"1", "f"}}));
}

TEST_F(PostgresCopy, DifferencesAreNamed) {
  sql("CREATE TABLE sample (id bigint, v integer, big text, extra integer NOT NULL)");
  const ErrorText text = refusal();
  EXPECT_NE(text.message.find("column \"v\" is integer, not text"), std::string::npos) << text.message;
  EXPECT_NE(text.message.find("column \"u\" is missing"), std::string::npos);
  EXPECT_NE(text.message.find("column \"extra\" is NOT NULL"), std::string::npos);
  EXPECT_EQ(text.message.find("_PEERDB_IS_DELETED"), std::string::npos) << "the mirror adds it itself";
  const Problems problems = target().preflight(std::span(&table_, 1), wait());
  ASSERT_EQ(problems.size(), 1u);
  sql(problems[0].cure_sql);
  prepare_table(target(), table_, wait());
  EXPECT_EQ(sql("SELECT count(\"_PEERDB_IS_DELETED\"), count(\"_PEERDB_SYNCED_AT\") FROM sample"), (Rows{{"0", "0"}}));
}

TEST_F(PostgresCopy, ATableOfAnotherMirrorIsRefused) {
  prepare_table(target(), table_, wait());
  Lease other{MirrorId{2}, 1, make_uuid()};
  auto second = make_postgres_target(peer_, mirror_, other);
  second->open(wait());
  try {
    prepare_table(*second, table_, wait());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("belongs to mirror m"), std::string::npos) << error.text.message;
  }
  second->forget(wait());
  second->forget(wait());
  target().forget(wait());
  EXPECT_EQ(sql("SELECT count(*) FROM _peerd.tables WHERE mirror = " + quote_literal(lease_.uuid)), (Rows{{"0"}}));
  EXPECT_EQ(live().size(), 0u);
}

TEST_F(PostgresCopy, AUserWithoutRightsIsToldTheStatement) {
  const std::string user = "peerd_poor_" + std::to_string(getpid());
  sql("CREATE ROLE " + user + " LOGIN");
  peer_.options["user"] = user;
  auto poor = make_postgres_target(peer_, mirror_, lease_);
  const Problems problems = poor->preflight(std::span(&table_, 1), wait());
  bool told = false;
  for (const Problem& problem : problems)
    told |= problem.text.code == ErrorCode::no_privilege && !problem.text.hint.empty();
  EXPECT_TRUE(told);
  EXPECT_THROW(poor->open(wait()), Error);
  sql("DROP ROLE " + user);
}

class Collected final : public RowSink {
 public:
  void columns(std::span<const std::string> names) override { this->names.assign(names.begin(), names.end()); }
  void row(std::span<const std::optional<std::string_view>> cells) override {
    rows.emplace_back();
    for (const auto& cell : cells) rows.back().push_back(cell ? Cell(std::string(*cell)) : Cell{});
  }
  std::vector<std::string> names;
  Rows rows;
};

TEST_F(PostgresCopy, ASessionChecksAndQueries) {
  const auto session = make_postgres_session(peer_);
  EXPECT_TRUE(session->check(wait()).empty());
  EXPECT_FALSE(session->server_version(wait()).empty());
  Collected some, none;
  session->query("SELECT 1 AS a, NULL AS b UNION ALL SELECT 2, 'x'", some, wait());
  EXPECT_EQ(some.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(some.rows, (Rows{{"1", Cell{}}, {"2", "x"}}));
  session->query("SELECT 1 AS a WHERE false -- nothing", none, wait());
  EXPECT_EQ(none.names, (std::vector<std::string>{"a"}));
  EXPECT_THROW(session->query("CREATE TABLE public.written (a int)", none, wait()), Error);
}

TEST_F(PostgresCopy, AWrongAddressIsAProblemAndNotACrash) {
  peer_.options["port"] = "1";
  EXPECT_FALSE(make_postgres_session(peer_)->check(wait()).empty());
  const Problems problems = make_postgres_target(peer_, mirror_, lease_)->preflight(std::span(&table_, 1), wait());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text.code, ErrorCode::unreachable);
}

}  // namespace
}  // namespace peerd::testing_postgres
