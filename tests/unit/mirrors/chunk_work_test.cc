#include "chunk_work.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "peerd/base/clock.h"
#include "peerd/base/error.h"

namespace peerd {
namespace {

using Kind = ChunkWork::Event::Kind;

void give(ChunkWork& work, std::size_t index, std::uint32_t chunks) {
  std::deque<Chunk> pending;
  for (std::uint32_t i = 0; i < chunks; ++i) {
    Chunk chunk;
    chunk.number = i;
    pending.push_back(chunk);
  }
  work.set(index, MirrorTable{}, CopyPlan{}, std::move(pending), chunks);
}

TEST(ChunkWork, HandsOutEveryChunkOnceAndReportsTheTableWhenTheLastIsDone) {
  ChunkWork work(1, 4);
  give(work, work.add(), 3);
  std::stop_token none;
  std::vector<ChunkWork::Job> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(*work.next(none));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(jobs[i].chunk.number, i);
  for (const auto& job : jobs) work.done(job);
  const auto event = work.next_event(none);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Kind::copied);
  work.finished(event->table);
  EXPECT_FALSE(work.next_event(none)) << "nothing is left";
  EXPECT_FALSE(work.next(none)) << "workers may go home";
}

// Rule 13: its changes, its key and its horizon come after its last chunk.
TEST(ChunkWork, ATableIsCopiedOnlyWhenItsLastChunkIsDone) {
  ChunkWork work(1, 4);
  give(work, work.add(), 1);
  const auto job = *work.next({});
  std::atomic<bool> done = false;
  std::jthread finisher([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // In which a coordinator that does not wait would answer.
    done = true;
    work.done(job);
  });
  EXPECT_EQ(work.next_event({})->kind, Kind::copied);
  EXPECT_TRUE(done) << "it was still in flight";
}

TEST(ChunkWork, AMovedTableWaitsForItsChunksInFlightAndHandsOutNoMore) {
  ChunkWork work(1, 4);
  give(work, work.add(), 3);
  std::stop_source stop;
  const auto first = *work.next(stop.get_token()), second = *work.next(stop.get_token());
  work.moved(first);
  std::stop_source at_once;
  at_once.request_stop();
  EXPECT_FALSE(work.next(at_once.get_token())) << "its third chunk is void";
  EXPECT_THROW(work.next_event(at_once.get_token()), Stopped) << "one chunk is still in flight";
  work.done(second);
  const auto event = work.next_event(stop.get_token());
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Kind::moved);
  give(work, event->table, 1);
  EXPECT_EQ(work.next(stop.get_token())->chunk.number, 0u);
}

TEST(ChunkWork, KeepsToItsLimitsOfTablesAndWorkers) {
  ChunkWork work(1, 2);
  give(work, work.add(), 5);
  give(work, work.add(), 5);
  std::stop_source at_once;
  EXPECT_EQ(work.next(at_once.get_token())->table, 0u);
  EXPECT_EQ(work.next(at_once.get_token())->table, 0u);
  at_once.request_stop();
  EXPECT_FALSE(work.next(at_once.get_token())) << "two workers are on the table, and no second table may begin";
}

TEST(ChunkWork, WorkersWithoutAChunkOfTheTableBeginTheNext) {
  ChunkWork work(1, 2);
  for (const std::uint32_t chunks : {1u, 1u, 3u, 3u}) give(work, work.add(), chunks);
  std::stop_source at_once;
  for (const std::size_t table : {0u, 1u, 2u, 2u}) EXPECT_EQ(work.next(at_once.get_token())->table, table);
  at_once.request_stop();
  EXPECT_FALSE(work.next(at_once.get_token())) << "the third table still has a chunk, and two workers on it";
}

TEST(ChunkWork, AWorkersFailureIsWhatTheCoordinatorThrows) {
  ChunkWork work(1, 1);
  give(work, work.add(), 1);
  work.fail(std::make_exception_ptr(Error(ErrorCode::unreachable, "gone")));
  EXPECT_THROW(work.next_event({}), Error);
  EXPECT_FALSE(work.next({}));
}

}  // namespace
}  // namespace peerd
