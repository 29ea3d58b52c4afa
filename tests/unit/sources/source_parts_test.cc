#include <gtest/gtest.h>

#include "peerd/postgres/array_literal.h"
#include "postgres/chunk_reader.h"
#include "postgres/preflight.h"
#include "postgres/promotion.h"
#include "postgres/row_lookup.h"
#include "postgres/slot.h"
#include "postgres/snapshot_plan.h"
#include "source_parts.h"

namespace peerd {
namespace {

TEST(SourceNames, SlotsHoldTheUuidAndArePlain) {
  MirrorSpec mirror;
  mirror.name = "m";
  mirror.tables = {{"public.T", "t", {}}};
  const SourceNames names = source_names(mirror, {{1}, 1, "0123ABCD-4567-4abc-8def-001122334455"});
  EXPECT_EQ(names.slot, "peerd_0123abcd45674abc8def0011");
  EXPECT_EQ(names.publication, names.slot);
  EXPECT_TRUE(names.is_ours(names.application_name("stream")));
  EXPECT_FALSE(names.is_ours("peerd ffffffff stream m"));
  mirror.options["replication_slot_name"] = "mine";
  EXPECT_EQ(source_names(mirror, {}).slot, "mine");
  EXPECT_FALSE(source_names(mirror, {}).own_slot);
}

TEST(Promotion, TheHistoryTellsWhereATimelineWasLeft) {
  const std::string history = "# a remark\n1\t0/3000148\tno recovery target specified\n\n2\t1/A0\tafter 5\n";
  EXPECT_EQ(left_at(history, 1), Lsn{0x3000148});
  EXPECT_EQ(left_at(history, 2), (Lsn{0x1000000A0}));
  EXPECT_EQ(left_at(history, 3), std::nullopt) << "no ancestor";
  EXPECT_EQ(left_at("12\t0/1\tx\n", 1), std::nullopt);
  EXPECT_EQ(left_at("1\tnonsense\n", 1), std::nullopt);
  EXPECT_EQ(left_at("", 1), std::nullopt);
}

TEST(Promotion, ASlotThatAFailoverWouldLoseIsToldOnlyWhereStandbysKeepSlots) {
  SlotStatus status;
  status.slot = "s";
  note_failover(status);
  EXPECT_EQ(status.concern, "");
  status.standby_slots = "standby";
  note_failover(status);
  EXPECT_NE(status.concern.find("failover would lose it"), std::string::npos);
  EXPECT_NE(status.concern_cure.find("(FAILOVER true)"), std::string::npos);
  SlotStatus kept = status;
  kept.failover = true;
  kept.concern.clear();
  note_failover(kept);
  EXPECT_EQ(kept.concern, "");
}

TEST(SnapshotPlan, ChunksCoverEveryBlockOnceAndTheLastIsOpen) {
  for (const std::uint64_t blocks : {0ull, 1ull, 7ull, 1000ull, 1234567ull}) {
    const auto chunks = cut(table({"id"}), 42, {blocks, 100.0}, 1000, 1'000'000);
    ASSERT_FALSE(chunks.empty());
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      EXPECT_EQ(chunks[i].number, i);
      EXPECT_EQ(chunks[i].first_block, next);
      EXPECT_EQ(chunks[i].file_node, 42u);
      EXPECT_EQ(chunks[i].start, Lsn{5});
      next = chunks[i].end_block;
    }
    EXPECT_EQ(next, Chunk::kNoEndBlock);
    EXPECT_EQ(chunks.size(), std::max<std::uint64_t>(1, (blocks * 100 + 999) / 1000));
  }
}

TEST(SnapshotPlan, ChunksAreNeverSmallerThanABlockNorMoreThanAllowed) {
  EXPECT_EQ(cut(table({"id"}), 1, {5, 100.0}, 1, 100).size(), 5u);
  EXPECT_EQ(cut(table({"id"}), 1, {5000, 100.0}, 1, 8).size(), 8u);
  EXPECT_EQ(cut(table({"id"}), 1, {5000, 100.0}, 0, 8).size(), 1u);
}

TEST(CopyStatement, NamesItsRangeItsColumnsAndItsChunk) {
  MirrorTable t = table({"id", "a\"b"});
  t.schema.name = "x*/";
  Chunk chunk;
  chunk.number = 3;
  chunk.first_block = 10;
  chunk.end_block = 20;
  EXPECT_EQ(copy_statement(t, chunk, {CopyForm::binary, {"", "text"}}),
            "COPY (SELECT \"id\", \"a\"\"b\"::text FROM ONLY \"s\".\"x*/\" WHERE ctid >= '(10,0)'::tid AND ctid < "
            "'(20,0)'::tid)"
            " TO STDOUT (FORMAT binary) /* peerd chunk s.x_/ 3 */");
  chunk.end_block = Chunk::kNoEndBlock;
  EXPECT_EQ(copy_statement(t, chunk, {}).find("ctid <"), std::string::npos);
}

TEST(CopyStatement, OfARangeComparesTheKeyAsARow) {
  MirrorTable t = table({"id", "a\"b"});
  for (Column& column : t.schema.columns) column.type_name = "integer";
  t.schema.key = {1, 0};
  Chunk chunk;
  chunk.range = Chunk::KeyRange{{"1", "it's"}, {"2", "3"}, 0};
  EXPECT_NE(copy_statement(t, chunk, {}).find(" WHERE true AND (\"a\"\"b\", \"id\") >= ('1'::integer, 'it''s'::integer)"
                                              " AND (\"a\"\"b\", \"id\") < ('2'::integer, '3'::integer)) TO"),
            std::string::npos)
      << copy_statement(t, chunk, {});
  chunk.range = Chunk::KeyRange{};
  EXPECT_NE(copy_statement(t, chunk, {}).find(" WHERE true) TO"), std::string::npos);
}

TEST(Preflight, LogicalMessagesNeedPostgres14) {
  EXPECT_FALSE(messages_unfit(140000));
  EXPECT_FALSE(messages_unfit(180001));
  for (const int version : {120022, 130022}) {
    const auto problem = messages_unfit(version);
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->text.code, ErrorCode::not_supported);
    EXPECT_EQ(problem->text.field, "logical_messages");
    EXPECT_EQ(problem->text.message, "Postgres " + std::to_string(version / 10000) + " does not send logical messages to subscribers");
  }
}

TEST(CopyFrame, TakesHeaderAndTrailerOffHoweverTheyCome) {
  const std::string header("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19), trailer("\377\377", 2);
  CopyFrame frame(CopyForm::binary);
  EXPECT_EQ(frame.rows(header + "row"), "row");
  EXPECT_EQ(frame.rows("more"), "more");
  EXPECT_EQ(frame.rows(trailer), "");
  CopyFrame empty(CopyForm::binary);
  EXPECT_EQ(empty.rows(header), "");
  EXPECT_EQ(empty.rows(trailer), "");
  CopyFrame together(CopyForm::binary);
  EXPECT_EQ(together.rows(header + trailer), "");
  CopyFrame text(CopyForm::text);
  EXPECT_EQ(text.rows("PGCOPY"), "PGCOPY");
  CopyFrame wrong(CopyForm::binary);
  EXPECT_THROW(wrong.rows("no header at all, and long enough"), Error);
}

TEST(SynchronousStandbys, AStarOrOurNameMatches) {
  for (const char* setting : {"*", "a, *", "FIRST 2 (a, *)", "ANY 1 (\"*\")", "2 (*)", "PEERD X", "\"peerd x\""}) {
    EXPECT_TRUE(matches_synchronous_standby(setting, "peerd x")) << setting;
  }
  for (const char* setting : {"", "a", "FIRST 1 (a, b)", "ANY 2 (peerd, x)"}) {
    EXPECT_FALSE(matches_synchronous_standby(setting, "peerd x")) << setting;
  }
}

TEST(ArrayLiteral, QuotesWhatArraysTreatSpecially) {
  EXPECT_EQ(postgres::array_literal(std::vector<std::string_view>{"a", "b\"c\\", "", "NULL", "{,}"}),
            R"({"a","b\"c\\","","NULL","{,}"})");
  EXPECT_EQ(postgres::array_literal({}), "{}");
}

Shape compared(const MirrorTable& t, std::vector<std::int16_t> numbers, const SentRelation& relation) {
  return compare(t.schema, numbers, relation);
}

TEST(RelationShape, ColumnsAreFoundByTheirNumbers) {
  const MirrorTable t = table({"id", "a"});
  const Shape shape = compared(t, {1, 0, 2}, sent({"id", "x", "b"}));
  EXPECT_EQ(shape.from, (std::vector<std::uint16_t>{0, 2}));
  EXPECT_TRUE(shape.added.empty());
  EXPECT_FALSE(shape.whole);
  ASSERT_EQ(shape.renamed.size(), 1u);
  EXPECT_EQ(shape.renamed[0].number, 2);
  EXPECT_EQ(shape.renamed[0].name, "b");
  EXPECT_TRUE(compared(t, {1, 2}, sent({"a", "id"})).whole);
  const Shape more = compared(t, {1, 3}, sent({"id", "a"}));
  EXPECT_EQ(more.absent, (std::vector<std::string>{"a"}));
  EXPECT_EQ(more.added.at(0).number, 3) << "another one of that name";
}

pgoutput::Cell cell(std::string_view text) { return {pgoutput::Cell::Kind::text, text}; }
constexpr pgoutput::Cell kUnchanged{pgoutput::Cell::Kind::unchanged, {}};
constexpr pgoutput::Cell kNull{pgoutput::Cell::Kind::null, {}};

std::vector<CellView> projected(const MirrorTable& t, const SentRelation& relation, std::vector<pgoutput::Cell> now,
                                std::vector<pgoutput::Cell> old, pgoutput::OldTuple kind) {
  pgoutput::Message message;
  message.new_row.cells = now;
  message.old_row.cells = old;
  message.old_kind = kind;
  std::vector<CellView> row(t.schema.columns.size());
  std::vector<std::int16_t> numbers;
  for (const Column& column : relation.columns) numbers.push_back(column.number);
  project(t.schema, compared(t, numbers, relation), message, row);
  return row;
}

TEST(RelationShape, AKeyOnlyOldRowNeverFillsAnythingButTheKey) {
  const MirrorTable t = table({"id", "a"});
  const auto row =
      projected(t, sent({"id", "a"}), {kUnchanged, kUnchanged}, {cell("1"), kNull}, pgoutput::OldTuple::key);
  EXPECT_EQ(row[0].bytes, "1");
  EXPECT_EQ(row[1].kind, CellView::Kind::unchanged);
}

TEST(RelationShape, AFullOldRowFillsEveryUnchangedValueNullsToo) {
  const MirrorTable t = table({"id", "a", "b"});
  const auto row = projected(t, sent({"id", "a", "b"}), {cell("1"), kUnchanged, cell("new")},
                             {cell("1"), kNull, cell("old")}, pgoutput::OldTuple::full);
  EXPECT_EQ(row[1].kind, CellView::Kind::null);
  EXPECT_EQ(row[2].bytes, "new");
}

TEST(RelationShape, ColumnsThatWereNotSentHaveTheirMissingValue) {
  MirrorTable t = table({"id", "a", "b"});
  t.schema.columns[1].missing_value = "5";
  const auto row = projected(t, sent({"id"}), {cell("1")}, {}, pgoutput::OldTuple::none);
  EXPECT_EQ(row[1].bytes, "5");
  EXPECT_EQ(row[2].kind, CellView::Kind::null);
  EXPECT_THROW(projected(t, sent({"id"}), {cell("1"), cell("2")}, {}, pgoutput::OldTuple::none), Error);
}

TEST(TableNotes, AColumnIsKnownByItsNumber) {
  MirrorTable t = table({"id", "a"});
  ASSERT_TRUE(take_notes(t, {"x"}, looked({"id", "a", "x"})));
  EXPECT_EQ(what_changed(t, looked({"id", "a", "x", "b"})), "");
  EXPECT_EQ(what_changed(t, looked({"id", "a", "-"})), "");
  EXPECT_EQ(what_changed(t, looked({"id", "b", "x", "a"})), "");
  EXPECT_EQ(what_changed(t, looked({"id", "-", "x", "a"})), "");
  EXPECT_NE(what_changed(t, looked({"-", "a", "x"})), "") << "the key";
  EXPECT_TRUE(excluded_renamed(t, looked({"id", "a", "x"})).empty());
  EXPECT_EQ(excluded_renamed(t, looked({"id", "a", "y"})).size(), 1u);
  EXPECT_FALSE(take_notes(t, {}, looked({"id", "b"})));
}

TEST(TableNotes, OnlyARewriteTogetherWithAnAlteredColumnIsADoubt) {
  MirrorTable t = table({"id", "a"});
  LookedTable now = looked({"id", "a"});
  now.columns[0].mark.attached = {5, 9};
  ASSERT_TRUE(take_notes(t, {}, now));
  now.columns[1].mark.altered = 2;
  EXPECT_EQ(what_may_differ(t, now), "") << "SET STATISTICS, DROP NOT NULL";
  now.file_node = 2;
  EXPECT_NE(what_may_differ(t, now), "");
  now.columns[1].mark.altered = 1;
  EXPECT_EQ(what_may_differ(t, now), "") << "VACUUM FULL";
  now.columns[0].mark = {2, {7, 9}, {}};
  EXPECT_EQ(what_may_differ(t, now), "") << "an index that stayed";
  now.columns[0].mark = {2, {7}, {}};
  EXPECT_NE(what_may_differ(t, now), "");
}

TEST(TableNotes, WhatOlderRowsHoldIsKnownOnlyWithoutARewrite) {
  MirrorTable t = table({"id"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id"})));
  LookedTable now = looked({"id", "a"});
  const std::vector<Column> added = {table({"id", "a"}).schema.columns[1]};
  EXPECT_TRUE(gained_columns(t.notes, added, now).at(0).older_rows_known);
  now.file_node = 2;
  EXPECT_FALSE(gained_columns(t.notes, added, now).at(0).older_rows_known);
  now.columns[1].has_missing = true;
  EXPECT_TRUE(gained_columns(t.notes, added, now).at(0).older_rows_known);
  EXPECT_FALSE(renew_notes(t, {}, now, false, Doubt::no)) << "not before the column is announced";
  ASSERT_TRUE(renew_notes(t, {}, now, false, Doubt::yes));
  now.columns[1].has_missing = false;
  EXPECT_FALSE(gained_columns(t.notes, added, now).at(0).older_rows_known);
  // It was dropped since. One that was renamed is known by its number, and called as it was sent.
  EXPECT_TRUE(gained_columns(t.notes, added, looked({"id", "-", "a"})).empty());
  EXPECT_EQ(gained_columns(t.notes, added, looked({"id", "b"})).at(0).column.name, "a");
  EXPECT_TRUE(gained_columns(t.notes, added, looked({"id"})).empty());
}

TEST(CatalogLook, TheOnlyElementOfAnArrayIsReadWhateverItsType) {
  for (const auto& [array, element] : std::vector<std::pair<std::string, std::string>>{
           {"{5}", "5"}, {"{(3,4),(1,2)}", "(3,4),(1,2)"}, {R"({"{1,2}"})", "{1,2}"}, {R"({"a,\"b\\"})", R"(a,"b\)"},
           {R"({""})", ""}, {R"({"NULL"})", "NULL"}})
    EXPECT_EQ(only_element(array), element);
  EXPECT_THROW(only_element("5"), Error);
}

TEST(StreamedTransactions, OnlyWhatWasNotedBeforeTheListIsJudgedByIt) {
  StreamedTransactions sent;
  EXPECT_EQ(sent.mark(), 0u);
  sent.note(Lsn{10}, 1);
  sent.note(Lsn{20}, 2);
  const std::uint64_t mark = sent.mark();
  sent.note(Lsn{30}, 3);  // May run, though the list below does not show it.
  EXPECT_EQ(sent.still_running({{2, "b"}, {9, "x"}}, mark).size(), 1u);
  EXPECT_TRUE(sent.still_running({}, mark).empty());
  EXPECT_EQ(sent.still_running({{3, "c"}}, sent.mark()).size(), 1u);
  sent.forget(Lsn{31});
  EXPECT_EQ(sent.mark(), 0u);
}

}  // namespace
}  // namespace peerd
