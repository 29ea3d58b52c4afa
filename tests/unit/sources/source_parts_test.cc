#include <gtest/gtest.h>

#include "postgres/chunk_reader.h"
#include "postgres/preflight.h"
#include "postgres/row_lookup.h"
#include "postgres/snapshot_plan.h"
#include "postgres/tracked_table.h"

namespace peerd {
namespace {

MirrorTable table(std::vector<std::string> columns) {
  MirrorTable table;
  table.schema.id.oid = 7;
  table.schema.schema = "s";
  table.schema.name = "t";
  table.start = Lsn{5};
  for (const std::string& name : columns) {
    Column column;
    column.name = name;
    column.type_oid = 23;
    column.number = static_cast<std::int16_t>(table.schema.columns.size() + 1);
    table.schema.columns.push_back(column);
  }
  table.schema.key = {0};
  table.schema.columns[0].in_key = true;
  return table;
}

/// The same in the catalog; a name with '-' before it is that of a dropped column.
LookedTable looked(std::vector<std::string> columns) {
  LookedTable now;
  now.file_node = 1;
  for (const std::string& name : columns) {
    LookedColumn& column = now.columns.emplace_back();
    column.number = static_cast<std::int16_t>(now.columns.size());
    column.dropped = name.starts_with('-');
    column.name = name;
    column.type_oid = column.dropped ? 0 : 23;
    column.type_name = "integer";
    column.mark.altered = 1;
  }
  return now;
}

SentRelation sent(std::vector<std::string> columns) {
  const MirrorTable like = table(std::move(columns));
  return {'d', like.schema.columns};
}

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
  EXPECT_EQ(array_literal(std::vector<std::string_view>{"a", "b\"c\\", "", "NULL", "{,}"}),
            R"({"a","b\"c\\","","NULL","{,}"})");
  EXPECT_EQ(array_literal({}), "{}");
}

TEST(RelationShape, ColumnsAreFoundByName) {
  const Shape shape = compare(table({"id", "a"}).schema, {"x"}, sent({"id", "x", "a"}));
  EXPECT_EQ(shape.from, (std::vector<std::uint16_t>{0, 2}));
  EXPECT_TRUE(shape.added.empty());
  EXPECT_FALSE(shape.whole);
  EXPECT_TRUE(compare(table({"id", "a"}).schema, {}, sent({"a", "id"})).whole);
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
  project(t.schema, compare(t.schema, {}, relation), message, row);
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

using Settled = TrackedTable::Settled;

TEST(TrackedTable, AnOlderShapeHoldsOnlyUpToWhereTheTablesOwnBegins) {
  TrackedTable tracked(table({"id", "a"}), {});
  tracked.announced(sent({"id"}));
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes);
  EXPECT_EQ(tracked.settle(Lsn{100}, Lsn{100}), Settled::yes);
  EXPECT_THROW(tracked.settle(Lsn{101}, Lsn{100}), Error);
}

TEST(TrackedTable, AColumnDroppedSinceIsPassedOverAndAnAddedOneIsAShape) {
  MirrorTable narrow = table({"id"});
  ASSERT_TRUE(take_notes(narrow, {}, looked({"id"})));
  TrackedTable tracked(narrow, {});
  tracked.announced(sent({"id", "b"}));
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes);
  EXPECT_EQ(tracked.settle(Lsn{100}, Lsn{100}), Settled::gained);
  ASSERT_EQ(tracked.added().size(), 1u);
  EXPECT_EQ(tracked.gain(looked({"id", "b"}), Lsn{200}, tracked.added()), "");
  EXPECT_EQ(tracked.settle(Lsn{100}, Lsn{100}), Settled::yes);
  EXPECT_EQ(tracked.table().schema.columns.size(), 2u);
}

TEST(TrackedTable, AChangedIdentityOrTypeIsRefused) {
  TrackedTable tracked(table({"id", "a"}), {});
  SentRelation relation = sent({"id", "a"});
  relation.identity = 'f';
  tracked.announced(relation);
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes) << "below, FULL shows the key too";
  EXPECT_THROW(tracked.settle(Lsn{101}, Lsn{100}), Error);
  relation = sent({"id", "a"});
  relation.columns[1].type_oid = 25;
  tracked.announced(relation);
  EXPECT_THROW(tracked.settle(Lsn{50}, Lsn{100}), Error);
  relation = sent({"id", "a"});
  relation.columns[0].in_key = false;
  relation.columns[1].in_key = true;
  tracked.announced(relation);
  EXPECT_THROW(tracked.settle(Lsn{50}, Lsn{100}), Error);
}

TEST(TrackedTable, BeforeItsOwnShapeNamesAreOnlyBelievedInTheirOrder) {
  // RENAME q TO q_old; ADD q: by its name alone the old q would be the new one.
  for (const auto& [before, now] : std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>{
           {{"id", "q"}, {"id", "q_old", "q"}}, {{"id", "b", "a"}, {"id", "a", "b"}}, {{"id", "was_a"}, {"id", "a"}}}) {
    TrackedTable tracked(table(now), {});
    tracked.announced(sent(before));
    EXPECT_THROW(tracked.settle(Lsn{50}, Lsn{100}), Error) << before[1];
  }
}

TEST(TrackedTable, AnAddedColumnStandsAfterAllOthers) {
  TrackedTable tracked(table({"id", "a"}), {});
  tracked.announced(sent({"id", "x", "a"}));
  EXPECT_THROW(tracked.settle(Lsn{101}, Lsn{100}), Error);
}

std::string numbers(const MirrorTable& t, std::vector<std::string> now, std::size_t sent,
                    Written written = Written::perhaps_before_the_look) {
  const auto found = numbers_sent(t.schema, t.notes, numbers_of(looked(std::move(now))), sent, written);
  if (!found) return "?";
  std::string text;
  for (const std::int16_t number : *found) text += std::to_string(number);
  return text;
}

TEST(SentColumns, AreToldByTheirCountWhereThatIsEnough) {
  MirrorTable t = table({"id", "p", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
  EXPECT_EQ(numbers(t, {"id", "p", "q"}, 3), "123");
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 3), "123") << "a row of before";
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 2), "12");
  EXPECT_EQ(numbers(t, {"id", "-", "q"}, 2), "13");
  EXPECT_EQ(numbers(t, {"id", "-", "-"}, 1), "1");
  EXPECT_EQ(numbers(t, {"id", "-", "-"}, 2), "10") << "either of them";
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 2), "12");
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 4), "1234");
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 1), "?");
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 4), "?");
}

TEST(SentColumns, AreNotGuessed) {
  MirrorTable t = table({"id", "p", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
  // DROP q; ADD n: the third one is q, or n, which may have been called q.
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 3), "?");
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 3, Written::after_it), "124") << "nothing was altered since";
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 2, Written::after_it), "?");
  // Which of the two was still there decides where p stands.
  EXPECT_EQ(numbers(t, {"id", "-", "q", "-"}, 3), "?");
  // A column that was generated, and of which nobody knows since when it is not.
  t.notes.last_number = 4;
  EXPECT_EQ(numbers(t, {"id", "p", "-", "g"}, 3), "?");
  EXPECT_EQ(numbers(t, {"id", "p", "q", "-"}, 3), "123") << "it was dropped before, or never sent";
}

TEST(SentColumns, ADroppedOneIsACandidateAsLongAsItMayCome) {
  MirrorTable t = table({"id", "b", "p"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "b", "p"})));
  drop_columns(t.schema, t.notes, {2});
  ASSERT_EQ(t.notes.excluded, (std::vector<CatalogNotes::Excluded>{{"b", 2}}));
  EXPECT_EQ(t.notes.marks.size(), 2u);
  EXPECT_EQ(numbers(t, {"id", "-", "p"}, 3), "123");
  t.notes.excluded[0].number = -2;
  EXPECT_EQ(numbers(t, {"id", "-", "p"}, 3), "?");
}

TEST(TrackedTable, ADroppedColumnIsLostWhereTheStreamLosesIt) {
  MirrorTable wide = table({"id", "q", "p"});
  ASSERT_TRUE(take_notes(wide, {}, looked({"id", "q", "p"})));
  wide.schema.key = {2};
  TrackedTable tracked(wide, {});
  EXPECT_EQ(tracked.looked(looked({"id", "-", "p"}), Lsn{500}, Lsn{100}).doubt, "");
  EXPECT_TRUE(tracked.loses());
  EXPECT_FALSE(tracked.lost_all());
  SentRelation relation = sent({"id", "q", "p"});
  relation.columns[0].in_key = false, relation.columns[2].in_key = true;
  tracked.announced(relation);
  EXPECT_EQ(tracked.settle(Lsn{200}, Lsn{50}), Settled::yes) << "a row of before";
  relation.columns.erase(relation.columns.begin() + 1);
  tracked.announced(relation);
  EXPECT_EQ(tracked.settle(Lsn{300}, Lsn{50}), Settled::lost);
  tracked.lose(true);
  EXPECT_EQ(tracked.settle(Lsn{300}, Lsn{50}), Settled::yes);
  const MirrorTable noted = tracked.noted();
  EXPECT_EQ(noted.schema.columns.size(), 2u);
  EXPECT_EQ(noted.schema.key, (std::vector<std::uint16_t>{1}));
  EXPECT_EQ(noted.notes.excluded.at(0), (CatalogNotes::Excluded{"q", -2}));
  EXPECT_EQ(tracked.looked(looked({"id", "-", "p"}), Lsn{600}, Lsn{300}).doubt, "");
}

// Another table came by its new shape in the same transaction, and peerd was killed before this one's.
TEST(TrackedTable, ADroppedColumnIsLostInTheTransactionThatTheShapesHoldFrom) {
  MirrorTable wide = table({"id", "q", "p"});
  ASSERT_TRUE(take_notes(wide, {}, looked({"id", "q", "p"})));
  TrackedTable tracked(wide, {});
  tracked.looked(looked({"id", "-", "p"}), Lsn{500}, Lsn{100});
  tracked.announced(sent({"id", "p"}));
  ASSERT_EQ(tracked.settle(Lsn{300}, Lsn{300}), Settled::lost);
  tracked.lose(true);
  EXPECT_EQ(tracked.settle(Lsn{300}, Lsn{300}), Settled::yes);
}

TEST(TrackedTable, ADroppedColumnOfTheKeyOrOneInItsPlaceIsRefused) {
  for (const auto& [dropped, relation] : std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>{
           {{"-", "p", "q"}, {"p", "q"}}, {{"id", "p", "-", "q"}, {"id", "p", "q"}}}) {
    MirrorTable t = table({"id", "p", "q"});
    ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
    TrackedTable tracked(t, {});
    EXPECT_THROW(tracked.looked(looked(dropped), Lsn{500}, Lsn{100}), Error);
  }
  MirrorTable t = table({"id", "p", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
  for (const std::vector<std::string>& relation : {std::vector<std::string>{"id", "p", "x"}, {"id", "q"}, {"id", "q", "p"}}) {
    TrackedTable tracked(t, {});
    tracked.looked(looked({"id", "p", "-"}), Lsn{500}, Lsn{100});
    tracked.announced(sent(relation));
    EXPECT_THROW(tracked.settle(Lsn{200}, Lsn{50}), Error) << relation.back();
  }
}

TEST(TrackedTable, OfSeveralDroppedColumnsNoneIsGuessed) {
  MirrorTable t = table({"id", "a", "b", "p"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "a", "b", "p"})));
  TrackedTable tracked(t, {});
  tracked.looked(looked({"id", "-", "-", "p"}), Lsn{500}, Lsn{100});
  tracked.announced(sent({"id", "b", "p"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{50}), Settled::lost);
  tracked.lose(true);
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{50}), Settled::yes);
  EXPECT_EQ(tracked.table().schema.columns.size(), 2u);
  EXPECT_EQ(tracked.shape().from, (std::vector<std::uint16_t>{0, 2})) << "p, and nothing of b";
  // So it is after a start, which does not know what was sent.
  TrackedTable again(tracked.noted(), {});
  again.looked(looked({"id", "-", "-", "p"}), Lsn{500}, Lsn{100});
  again.announced(sent({"id", "b", "p"}));
  EXPECT_EQ(again.settle(Lsn{250}, Lsn{200}), Settled::yes);
}

TEST(TrackedTable, ADropThatNothingFollowsIsPassedInTime) {
  MirrorTable t = table({"id", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "q"})));
  TrackedTable tracked(t, {});
  tracked.looked(looked({"id", "-"}), Lsn{500}, Lsn{100});
  EXPECT_FALSE(tracked.lost_all());
  tracked.looked(looked({"id", "-"}), Lsn{600}, Lsn{550});
  ASSERT_TRUE(tracked.lost_all());
  tracked.lose(true);
  EXPECT_FALSE(tracked.loses());
  EXPECT_EQ(tracked.table().schema.columns.size(), 1u);
}

TEST(TableNotes, AColumnIsKnownByItsNumber) {
  MirrorTable t = table({"id", "a"});
  ASSERT_TRUE(take_notes(t, {"x"}, looked({"id", "a", "x"})));
  EXPECT_EQ(what_changed(t, {"x"}, looked({"id", "a", "x", "b"})), "");
  EXPECT_EQ(what_changed(t, {"x"}, looked({"id", "a", "-"})), "");
  EXPECT_NE(what_changed(t, {"x"}, looked({"id", "b", "x", "a"})), "");
  EXPECT_NE(what_changed(t, {"x"}, looked({"id", "-", "x", "a"})), "");
  EXPECT_NE(what_changed(t, {"x"}, looked({"id", "a", "y"})), "");
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
  EXPECT_TRUE(gained_columns(t.notes, {}, added, now).at(0).older_rows_known);
  now.file_node = 2;
  EXPECT_FALSE(gained_columns(t.notes, {}, added, now).at(0).older_rows_known);
  now.columns[1].has_missing = true;
  EXPECT_TRUE(gained_columns(t.notes, {}, added, now).at(0).older_rows_known);
  EXPECT_FALSE(renew_notes(t, {}, now, false, Doubt::no)) << "not before the column is announced";
  ASSERT_TRUE(renew_notes(t, {}, now, false, Doubt::yes));
  now.columns[1].has_missing = false;
  EXPECT_FALSE(gained_columns(t.notes, {}, added, now).at(0).older_rows_known);
  // Which of two is meant is not known, nor one that was renamed since.
  EXPECT_TRUE(gained_columns(t.notes, {}, added, looked({"id", "-", "a"})).empty());
  EXPECT_TRUE(gained_columns(t.notes, {}, added, looked({"id", "b"})).empty());
  EXPECT_TRUE(gained_columns(t.notes, {}, added, looked({"id"})).empty());
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
