#include "peerd/changes/batch_builder.h"

#include <gtest/gtest.h>

#include "unit/changes/script.h"

namespace peerd {
namespace {

TEST(Arena, ValuesStayWhereTheyAre) {
  Arena arena;
  std::vector<std::string_view> values;
  for (int i = 0; i < 300; ++i) values.push_back(arena.copy(std::string(10'000 + i, static_cast<char>('a' + i % 26))));
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(values[i], std::string(10'000 + i, static_cast<char>('a' + i % 26))) << i;
}

TEST(Arena, CellsAreAlignedAndNull) {
  Arena arena;
  for (int i = 0; i < 100; ++i) {
    arena.copy("odd");
    const auto cells = arena.cells(3);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(cells.data()) % alignof(CellView), 0u);
    for (CellView& cell : cells) {
      EXPECT_EQ(cell.kind, CellView::Kind::null);
      EXPECT_TRUE(cell.bytes.empty());
      cell = {CellView::Kind::text, "x"};
    }
  }
}

TEST(Arena, BytesAreWhatWasTaken) {
  Arena arena;
  EXPECT_EQ(arena.bytes(), 0u);
  arena.copy("12345");
  EXPECT_EQ(arena.bytes(), 5u);
  arena.copy(std::string(3 << 20, 'x'));
  EXPECT_EQ(arena.bytes(), 5u + (3 << 20));
  arena.copy("67");  // a large value does not close the block before it
  EXPECT_EQ(arena.bytes(), 7u + (3 << 20));
  arena.reset();
  EXPECT_EQ(arena.bytes(), 0u);
  EXPECT_EQ(arena.copy("again"), "again");
  EXPECT_TRUE(arena.copy("").empty());
}

TEST(BatchBuilder, CountsWhatItTakes) {
  Script writer;
  const auto batch = writer.batch("I 1 a -\nI 3 a -\nU 1>2 ~ b\nU 3 a b\nD 2\nT");
  ASSERT_EQ(batch->counts().size(), 1u);
  EXPECT_EQ(batch->count(), (ChangeCounts{.of_kind = {2, 2, 1, 1}, .rekeyed = 1}));
  const auto next = writer.batch("D 3");
  EXPECT_EQ(next->count(), (ChangeCounts{.of_kind = {0, 0, 1, 0}}));
  EXPECT_EQ(writer.batch("")->count(), ChangeCounts{});
}

TEST(BatchBuilder, KeepsChangesInOrderWithTheirCells) {
  Script writer;
  const auto batch = writer.batch("I 1 a -\nU 1>2 ~ b\nD 2\nT");
  ASSERT_EQ(batch->size(), 4u);
  EXPECT_EQ(shown(batch->changes()[0].row), "1,a,-");
  EXPECT_EQ(shown(batch->changes()[1].row), "2,~,b");
  EXPECT_EQ(shown(batch->changes()[1].old_key), "1");
  EXPECT_EQ(shown(batch->changes()[2].row), "2,-,-");
  EXPECT_TRUE(batch->changes()[3].row.empty());
  EXPECT_GT(batch->bytes(), 0u);
}

std::string shown(const Batch& batch) {
  std::string text;
  for (const MessageView& message : batch.messages())
    text += std::to_string(message.before) + (message.transactional ? " t " : " n ") + std::string(message.prefix) + "=" +
            std::string(message.content) + " " + std::to_string(message.version.commit.value) + "/" +
            std::to_string(message.version.change.value) + " x" + std::to_string(message.xid) + "\n";
  return text;
}

/// A builder to which messages and rows are written by hand.
struct Outbox {
  BatchBuilder builder;
  void message(const char* content, Lsn commit, Lsn position) {
    builder.append_message(builder.keep("out"), builder.keep(content), commit, position);
  }
  void row(Lsn commit, Lsn position) {
    const auto row = builder.cells(3);
    row[0] = {CellView::Kind::text, builder.keep("1")};
    builder.append({.kind = ChangeView::Kind::insert, .table = builder.table(script_table(1)), .version = {commit, position}, .row = row, .old_key = {}});
  }
};

TEST(BatchBuilder, MessagesKeepTheirPlaceAmongTheChanges) {
  Outbox out;
  EXPECT_TRUE(out.builder.empty());
  out.message("alone", {}, {500});
  EXPECT_FALSE(out.builder.empty());
  EXPECT_EQ(out.builder.complete_to(), Lsn{500});  // complete with it: a restart there does not send it again
  out.builder.begin(77, 9);
  out.message("first", {1000}, {600});
  out.row({1000}, {610});
  out.message("middle", {1000}, {620});
  out.row({1000}, {630});
  out.message("last", {1000}, {640});
  out.builder.commit({1010});
  EXPECT_EQ(out.builder.size(), 6u);
  const auto batch = out.builder.take();
  EXPECT_EQ(shown(*batch), "0 n out=alone 499/500 x0\n0 t out=first 1000/600 x9\n1 t out=middle 1000/620 x9\n2 t out=last 1000/640 x9\n");
  EXPECT_EQ(batch->whole_messages(), 4u);
  EXPECT_EQ(batch->size(), 2u);
  EXPECT_EQ(batch->complete_to(), Lsn{1010});
  EXPECT_EQ(batch->oldest_commit_us(), 77);
  EXPECT_TRUE(out.builder.empty());
  EXPECT_EQ(out.builder.take()->messages().size(), 0u);
}

TEST(BatchBuilder, ATransactionOfMessagesAloneIsOpenAndEndsLikeAnother) {
  Outbox out;
  out.builder.begin(77, 9);
  out.message("a", {1000}, {600});
  out.builder.commit({1010});
  out.builder.begin(78, 10);
  out.message("b", {2000}, {1100});
  auto batch = out.builder.take();
  EXPECT_TRUE(batch->open_tail());
  EXPECT_EQ(batch->whole_messages(), 1u);
  EXPECT_EQ(batch->messages().size(), 2u);
  EXPECT_EQ(batch->complete_to(), Lsn{1010});
  EXPECT_TRUE(batch->commit_ends().empty());
  out.message("c", {2000}, {1200});
  out.builder.commit({2010});
  out.message("n", {}, {2100});
  batch = out.builder.take(std::move(batch));
  EXPECT_TRUE(batch->open_head());
  EXPECT_FALSE(batch->open_tail());
  EXPECT_EQ(batch->whole_messages(), 2u);
  EXPECT_EQ(shown(*batch), "0 t out=c 2000/1200 x10\n0 n out=n 2099/2100 x0\n");
  EXPECT_EQ(batch->complete_to(), Lsn{2100});
  EXPECT_EQ(std::vector<std::uint32_t>(batch->commit_ends().begin(), batch->commit_ends().end()), (std::vector<std::uint32_t>{0}));
}

TEST(BatchBuilder, TellsShapesApart) {
  BatchBuilder builder;
  const MirrorTable table = script_table(1);
  MirrorTable wider = table;
  wider.schema.columns.push_back({.name = "new"});
  EXPECT_FALSE(builder.shape_differs(table));
  EXPECT_EQ(builder.table(table), 0u);
  EXPECT_EQ(builder.table(script_table(2)), 1u);
  EXPECT_EQ(builder.table(table), 0u);
  EXPECT_FALSE(builder.shape_differs(table));
  EXPECT_TRUE(builder.shape_differs(wider));
  builder.take();
  EXPECT_FALSE(builder.shape_differs(wider));
}

TEST(BatchBuilder, CompleteToIsTheEndOfTheLastWholeTransaction) {
  BatchBuilder builder;
  builder.begin(1);
  EXPECT_TRUE(builder.in_transaction());
  builder.commit(Lsn{100});
  EXPECT_FALSE(builder.in_transaction());
  EXPECT_EQ(builder.complete_to(), Lsn{100});
  builder.begin(2);
  EXPECT_EQ(builder.take()->complete_to(), Lsn{100});
  EXPECT_EQ(builder.complete_to(), Lsn{100});  // the next one has nothing newer
  builder.commit(Lsn{200});
  builder.moved(Lsn{300});
  builder.moved(Lsn{250});  // never back
  EXPECT_EQ(builder.take()->complete_to(), Lsn{300});
}

TEST(BatchBuilder, ATransactionGoesOnInTheNextBatch) {
  Script writer;
  writer.add("I 1 a b");
  writer.add("I 2 a b");
  const auto head = writer.builder().take();
  EXPECT_TRUE(head->open_tail());
  EXPECT_FALSE(head->open_head());
  EXPECT_TRUE(head->commit_ends().empty());
  EXPECT_EQ(head->last_commit(), head->changes()[1].version.commit);
  writer.add("I 3 a b");
  const auto middle = writer.builder().take();
  EXPECT_TRUE(middle->open_tail());
  EXPECT_TRUE(middle->open_head());
  writer.add("I 4 a b");
  const auto tail = writer.batch("C\nI 5 a b\nI 6 a b");
  EXPECT_FALSE(tail->open_tail());
  EXPECT_TRUE(tail->open_head());
  EXPECT_EQ(std::vector(tail->commit_ends().begin(), tail->commit_ends().end()), (std::vector<std::uint32_t>{1, 3}));
}

TEST(BatchBuilder, AnOpenHeadThatEndsAtOnceIsTold) {
  Script writer;
  writer.add("I 1 a b");
  writer.builder().take();
  const auto batch = writer.batch("C\nI 2 a b");
  EXPECT_TRUE(batch->open_head());
  EXPECT_EQ(std::vector(batch->commit_ends().begin(), batch->commit_ends().end()), (std::vector<std::uint32_t>{0, 1}));
}

TEST(BatchBuilder, TransactionsWithoutChangesLeaveNoTrace) {
  Script writer;
  writer.builder().begin(1);
  const auto empty = writer.builder().take();
  EXPECT_FALSE(empty->open_tail());
  writer.commit();
  for (int i = 0; i < 3; ++i) {
    writer.builder().begin(1);
    writer.commit();
  }
  const auto batch = writer.batch("I 1 a b");
  EXPECT_FALSE(batch->open_head());
  EXPECT_EQ(batch->commit_ends().size(), 1u);
}

TEST(BatchBuilder, TellsWhichTransactionAChangeIsOf) {
  BatchBuilder builder;
  const MirrorTable table = script_table(1, {0}, 1);
  std::uint64_t position = 100;
  const auto append = [&] {
    ChangeView change{};
    change.kind = ChangeView::Kind::insert;
    change.table = builder.table(table);
    change.version = {Lsn{200}, Lsn{++position}};
    change.row = builder.cells(1);
    builder.append(change);
  };
  const auto told = [](const Batch& batch) {
    std::string text;
    for (const TransactionView& t : batch.transactions())
      text += std::to_string(t.first) + ":" + std::to_string(t.xid) + "@" + std::to_string(t.commit_time_us) + " ";
    return text;
  };
  builder.begin(1000, 7);
  append();
  append();
  builder.commit(Lsn{300});
  builder.begin(2000, 8);  // Without changes: not among them.
  builder.commit(Lsn{301});
  builder.begin(3000, 9);
  append();
  const auto first = builder.take();
  EXPECT_EQ(told(*first), "0:7@1000 2:9@3000 ");
  append();  // The open transaction goes on.
  builder.commit(Lsn{302});
  builder.begin(4000, 10);
  append();
  builder.commit(Lsn{303});
  const auto second = builder.take();
  EXPECT_EQ(told(*second), "0:9@3000 1:10@4000 ");
  EXPECT_EQ(told(*builder.take()), "");
}

TEST(BatchBuilder, KnowsItsOldestCommit) {
  Script writer;
  writer.builder().begin(500);
  writer.commit();
  EXPECT_EQ(writer.builder().take()->oldest_commit_us(), 0);
  writer.builder().begin(700);
  writer.add("I 1 a b");
  writer.commit();
  writer.builder().begin(900);
  writer.add("I 2 a b");
  EXPECT_EQ(writer.builder().take()->oldest_commit_us(), 700);
  writer.add("I 3 a b");
  EXPECT_EQ(writer.builder().take()->oldest_commit_us(), 900);
}

TEST(BatchBuilder, LeavesOutWhatTheSnapshotShowsAlready) {
  MirrorTable table = script_table(1);
  table.start = Lsn{50};
  BatchBuilder builder;
  const std::uint32_t index = builder.table(table);
  builder.begin(1);
  for (const std::uint64_t commit : {49, 50, 51})
    builder.append({ChangeView::Kind::truncate, index, {Lsn{commit}, Lsn{99}}, {}, {}});
  EXPECT_EQ(builder.size(), 2u);
}

TEST(BatchBuilder, ASpentBatchIsEmptyAgain) {
  Script writer;
  auto spent = writer.batch("I 1 a b\nI 2 a b");
  writer.builder().take(std::move(spent));
  EXPECT_TRUE(writer.builder().empty());
  EXPECT_EQ(writer.builder().bytes(), 0u);
  const auto batch = writer.batch("I 3 c d");
  ASSERT_EQ(batch->size(), 1u);
  EXPECT_EQ(batch->tables().size(), 1u);
  EXPECT_EQ(batch->commit_ends().size(), 1u);
}

TEST(Batch, GoesOnWithoutAColumn) {
  MirrorTable table = script_table(1, {2});
  for (std::size_t i = 0; i < 3; ++i) table.schema.columns[i].number = static_cast<std::int16_t>(i + 1);
  Script writer({table, script_table(2)});
  const auto batch = writer.batch("I 1 a b\nU 1>2 ~ b\nD 2\nT\n@2\nI 1 a b");
  batch->leave_out({1}, {1, 9});
  batch->leave_out({2}, {1});
  batch->leave_out({3}, {1});
  const TableSchema& left = batch->tables()[0].schema;
  ASSERT_EQ(left.columns.size(), 2u);
  EXPECT_EQ(left.columns[0].name, "c1");
  EXPECT_EQ(left.key, std::vector<std::uint16_t>{1});
  EXPECT_EQ(batch->changes()[0].row[0].bytes, "b");
  EXPECT_EQ(batch->changes()[0].row[1].bytes, "1");
  EXPECT_EQ(batch->changes()[1].row.size(), 2u);
  EXPECT_EQ(batch->changes()[1].old_key[0].bytes, "1");
  EXPECT_EQ(batch->changes()[2].row[1].bytes, "2");
  EXPECT_TRUE(batch->changes()[3].row.empty());
  EXPECT_EQ(batch->changes()[4].row.size(), 3u);
}

}  // namespace
}  // namespace peerd
