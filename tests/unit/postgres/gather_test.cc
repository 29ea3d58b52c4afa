#include "gather.h"

#include <gtest/gtest.h>

namespace peerd::postgres {
namespace {

using namespace std::chrono_literals;

/// Bytes that come in a time, and the pause after it.
struct Stream {
  explicit Stream(Gather::Time longest = Gather::kLongest) : gather(longest) { gather.pause(now); }
  Gather gather;
  Gather::Instant now = std::chrono::steady_clock::now();
  Gather::Time take(std::size_t bytes, Gather::Time in) {
    now += in;
    gather.got(bytes);
    return gather.pause(now);
  }
};
constexpr std::size_t kBacklog = 50;  // MB/s: bytes per microsecond.

TEST(Gather, ATrickleIsLookedForAtOnce) {
  Stream stream;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(stream.take(2'000, 1ms), 0us);
}

TEST(Gather, ATransactionThatComesAtOnceIsNoBacklog) {
  Stream stream;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(stream.take(150, 10ms), 0us);
    for (int message = 0; message < 20; ++message) EXPECT_EQ(stream.take(150, 10us), 0us);
  }
}

TEST(Gather, ABacklogLengthensThePauseUpToItsLimitAndItsEndShortensItToNone) {
  Stream stream;
  auto pause = Gather::kShortest / 2;
  for (int i = 0; i < 10; ++i) {
    const auto time = std::max(pause, Gather::kShortest);
    const auto next = stream.take(static_cast<std::size_t>(time.count()) * kBacklog, time);
    EXPECT_EQ(next, std::min(pause * 2, Gather::kLongest));
    pause = next;
  }
  EXPECT_EQ(pause, Gather::kLongest);
  int rounds = 0;
  for (; pause > 0us; ++rounds) {
    ASSERT_LT(rounds, 10);
    pause = stream.take(0, pause);
  }
  EXPECT_EQ(rounds, 5);
}

TEST(Gather, WhatCameBeforeAPauseCountsOnce) {
  Stream stream;
  EXPECT_EQ(stream.take(1'000'000, 1ms), Gather::kShortest);
  EXPECT_EQ(stream.take(0, 1ms), 0us);
}

TEST(Gather, NothingLengthensThePauseBeyondItsOwnLimit) {
  Stream stream(Gather::kOfUnixSocket);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(stream.take(1'000'000, 1ms), Gather::kOfUnixSocket);
  EXPECT_EQ(stream.take(0, 1ms), 0us);
}

}  // namespace
}  // namespace peerd::postgres
