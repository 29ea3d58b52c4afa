#include "batch_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "peerd/changes/batch_builder.h"

namespace peerd {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<Batch> batch_at(Lsn end, int rows = 0, std::int64_t commit_us = 1) {
  BatchBuilder builder;
  MirrorTable table;
  table.schema = {.id = {1}, .schema = "public", .name = "t", .columns = {{.name = "id", .type_oid = 23, .in_key = true}}, .key = {0}};
  builder.begin(commit_us);
  for (int i = 0; i < rows; ++i) {
    auto cells = builder.cells(1);
    cells[0] = {CellView::Kind::text, builder.keep("1")};
    builder.append({ChangeView::Kind::insert, builder.table(table), {end, end}, cells, {}});
  }
  builder.commit(end);
  return builder.take();
}

Wait soon() { return Wait::at_most(milliseconds(20)); }
Wait long_enough() { return Wait::at_most(std::chrono::seconds(60)); }

TEST(BatchQueue, PassesItemsInOrder) {
  BatchQueue queue(1u << 30);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    QueueItem item = batch_at(Lsn{i}, 1);
    ASSERT_TRUE(queue.push(item, soon()));
  }
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_EQ(std::get<std::unique_ptr<Batch>>(queue.pop(soon())->item)->complete_to(), Lsn{i});
  EXPECT_FALSE(queue.pop(soon()));
}

TEST(BatchQueue, TellsHowLongAnItemWaited) {
  BatchQueue queue(1u << 30);
  QueueItem item = batch_at(Lsn{1}, 1);
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(queue.push(item, soon()));
  const auto pushed = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(milliseconds(5));
  const auto least = std::chrono::steady_clock::now() - pushed;
  const auto popped = queue.pop(soon());
  const auto most = std::chrono::steady_clock::now() - before;
  EXPECT_GE(popped->waited + std::chrono::microseconds(1), least);
  EXPECT_LE(popped->waited, most);
}

TEST(BatchQueue, TakesOneItemHoweverLargeAndThenMakesTheReaderWait) {
  BatchQueue queue(1);
  QueueItem first = batch_at(Lsn{1}, 10), second = batch_at(Lsn{2}, 10);
  ASSERT_TRUE(queue.push(first, soon()));
  EXPECT_FALSE(queue.push(second, soon()));
  ASSERT_NE(std::get<std::unique_ptr<Batch>>(second), nullptr) << "a refused item stays with its owner";
  std::jthread writer([&] { queue.pop(long_enough()); });
  EXPECT_TRUE(queue.push(second, long_enough()));
}

TEST(BatchQueue, WantsWorkOnlyWhenNothingIsQueuedOrInHand) {
  BatchQueue queue(1u << 20);
  EXPECT_TRUE(queue.wants());
  QueueItem item = batch_at(Lsn{1}, 3, 77);
  ASSERT_TRUE(queue.push(item, soon()));
  EXPECT_FALSE(queue.wants());
  EXPECT_EQ(queue.oldest_commit_us(), 77);
  auto popped = queue.pop(soon());
  EXPECT_FALSE(queue.wants());
  EXPECT_EQ(queue.oldest_commit_us(), 77);
  queue.done(std::move(std::get<std::unique_ptr<Batch>>(popped->item)));
  EXPECT_TRUE(queue.wants());
  EXPECT_EQ(queue.oldest_commit_us(), 0);
  EXPECT_NE(queue.spent(), nullptr) << "applied batches travel back";
}

TEST(BatchQueue, AStopEndsBothWaits) {
  BatchQueue queue(1);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(queue.pop({Clock::Instant::max(), stop.get_token()}), Stopped);
  QueueItem first = batch_at(Lsn{1}, 1), second = batch_at(Lsn{2}, 1);
  ASSERT_TRUE(queue.push(first, soon()));
  EXPECT_THROW(queue.push(second, {Clock::Instant::max(), stop.get_token()}), Stopped);
}

}  // namespace
}  // namespace peerd
