#include "postgres/partitions.h"

#include <gtest/gtest.h>

#include "postgres/chunk_reader.h"
#include "postgres/table_notes.h"

namespace peerd {
namespace {

LookedPartition partition(std::uint32_t oid, std::string link, std::uint32_t file_node) {
  LookedPartition part;
  part.note = {oid, "public.p" + std::to_string(oid), std::move(link), file_node, false};
  part.quoted = part.note.name;
  part.key = {"id"};
  return part;
}

MirrorTable items() {
  MirrorTable table;
  table.schema.schema = "public";
  table.schema.name = "items";
  table.schema.columns = {{.name = "id", .type_oid = 20}, {.name = "v", .type_oid = 25}};
  table.schema.key = {0};
  table.schema.partitioned = true;
  return table;
}

bool explained_by_nothing(const LookedPartition&) { return false; }

TEST(Partitions, ATableIsReadWithAllOfItsRowsAndNoOthers) {
  MirrorTable table = items();
  EXPECT_EQ(rows_of(table.schema), "\"public\".\"items\"");
  Chunk chunk;
  chunk.end_block = 7;
  EXPECT_NE(copy_statement(table, chunk, {}, "public.p1").find("FROM ONLY public.p1 WHERE ctid"), std::string::npos);
  chunk.range = Chunk::KeyRange{};
  EXPECT_NE(copy_statement(table, chunk, {}).find("FROM \"public\".\"items\" WHERE true"), std::string::npos);
  table.schema.partitioned = false;
  EXPECT_EQ(rows_of(table.schema), "ONLY \"public\".\"items\"");
}

TEST(Partitions, ChangesThatCannotBeFollowedHaveACure) {
  const MirrorTable table = items();
  LookedPartition part = partition(1, "5", 10);
  EXPECT_EQ(unfit(table.schema, part).what, "");
  part.key = {"other"};
  EXPECT_EQ(unfit(table.schema, part).cure_sql, "ALTER TABLE public.p1 REPLICA IDENTITY DEFAULT");
  part.identity = 'f';
  EXPECT_EQ(unfit(table.schema, part).what, "");
  part.persistence = 'u';
  EXPECT_EQ(unfit(table.schema, part).cure_sql, "ALTER TABLE public.p1 SET LOGGED");
  part.kind = 'f';
  EXPECT_NE(unfit(table.schema, part).what.find("foreign"), std::string::npos);
}

TEST(Partitions, NewOnesAreReadAndGoneOnesAreSaid) {
  MirrorTable table = items();
  table.notes.partitions = {partition(1, "5", 10).note, partition(2, "5", 20).note, partition(3, "5", 30).note};
  LookedTable now;
  now.partitions = {partition(1, "5", 10), partition(2, "8", 20), partition(4, "9", 40)};
  const std::vector<Said> said = take_partitions(table, now);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_NE(said[0].words.find("public.p3 of table public.items was detached or dropped"), std::string::npos);
  EXPECT_NE(said[1].words.find("public.p2 of table public.items was detached and attached again"), std::string::npos);
  EXPECT_NE(said[2].words.find("public.p4 of table public.items is new"), std::string::npos);
  EXPECT_FALSE(said[0].hint.empty());
  ASSERT_EQ(table.notes.partitions.size(), 3u);
  EXPECT_FALSE(table.notes.partitions[0].unread);
  EXPECT_TRUE(table.notes.partitions[1].unread && table.notes.partitions[2].unread);
  EXPECT_TRUE(take_partitions(table, now).empty());
}

TEST(Partitions, AnotherFileIsSaidOnceUnlessItIsExplained) {
  MirrorTable table = items();
  table.notes.partitions = {partition(1, "5", 10).note};
  LookedTable now;
  now.partitions = {partition(1, "5", 11)};
  EXPECT_TRUE(take_partitions(table, now).empty());
  EXPECT_EQ(table.notes.partitions[0].file_node, 10u);  // Judged apart: a TRUNCATE of the whole may be on its way.
  EXPECT_EQ(take_files(table, now, explained_by_nothing).size(), 1u);
  EXPECT_TRUE(take_files(table, now, explained_by_nothing).empty());
  now.partitions[0].note.file_node = 12;
  EXPECT_TRUE(take_files(table, now, [](const LookedPartition&) { return true; }).empty());
  EXPECT_EQ(table.notes.partitions[0].file_node, 12u);
}

TEST(Partitions, AnotherToastTableShowsThatItWasUnlogged) {
  MirrorTable table = items();
  table.notes.partitions = {partition(1, "5", 10).note};
  table.notes.partitions[0].toast = 100;
  LookedTable now;
  now.partitions = {partition(1, "5", 11)};
  now.partitions[0].note.toast = 100;
  EXPECT_EQ(perhaps_unlogged_partition(table.notes, now, explained_by_nothing), "");
  const std::string words = take_files(table, now, explained_by_nothing).at(0).words;
  EXPECT_EQ(words.find("UNLOGGED"), std::string::npos) << words;
  now.partitions[0].note.toast = 101;
  EXPECT_NE(perhaps_unlogged_partition(table.notes, now, explained_by_nothing).find("SET UNLOGGED"), std::string::npos);
  EXPECT_EQ(perhaps_unlogged_partition(table.notes, now, [](const LookedPartition&) { return true; }), "");
}

TEST(Partitions, OneThatOnlyTheStreamHasShownIsNewOrGone) {
  MirrorTable table = items();
  table.notes.partitions = {{.oid = 1, .name = "public.p1"}, {.oid = 2, .name = "public.p2"}};
  LookedTable now;
  now.partitions = {partition(1, "5", 10)};
  const std::vector<Said> said = take_partitions(table, now);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_NE(said[0].words.find("public.p2 of table public.items was detached or dropped"), std::string::npos);
  EXPECT_NE(said[1].words.find("public.p1 of table public.items is new"), std::string::npos);
  EXPECT_TRUE(table.notes.partitions.at(0).unread);
}

TEST(Partitions, AReadingOfAllRowsIsOfEachPartition) {
  CatalogNotes notes;
  notes.partitions = {partition(1, "5", 10).note, partition(2, "5", 20).note};
  read_all_again(notes, Lsn{77});
  EXPECT_EQ(notes.read_again, Lsn{77});
  EXPECT_TRUE(notes.partitions[0].unread && notes.partitions[1].unread);
}

}  // namespace
}  // namespace peerd
