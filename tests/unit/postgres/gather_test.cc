#include "gather.h"

#include <gtest/gtest.h>

namespace peerd::postgres {
namespace {

using namespace std::chrono_literals;

TEST(Gather, ATrickleIsLookedForAfterTheShortestTime) {
  Gather gather;
  for (int i = 0; i < 10; ++i) {
    gather.got(2'000);
    EXPECT_EQ(gather.pause(), Gather::kShortest);
  }
}

TEST(Gather, ABacklogLengthensThePauseUpToItsLimitAndItsEndShortensIt) {
  Gather gather;
  auto pause = Gather::kShortest;
  for (int i = 0; i < 10; ++i) {
    gather.got(static_cast<std::size_t>(pause.count()) * 50);  // 50 MB/s.
    const auto next = gather.pause();
    EXPECT_EQ(next, std::min(pause * 2, Gather::kLongest));
    pause = next;
  }
  EXPECT_EQ(pause, Gather::kLongest);
  int rounds = 0;
  for (; gather.pause() > Gather::kShortest; ++rounds) ASSERT_LT(rounds, 10);
  EXPECT_EQ(rounds, 4);
}

TEST(Gather, WhatCameBeforeAPauseCountsOnce) {
  Gather gather;
  gather.got(1'000'000);
  EXPECT_EQ(gather.pause(), Gather::kShortest * 2);
  EXPECT_EQ(gather.pause(), Gather::kShortest);
}

TEST(Gather, NothingLengthensThePauseBeyondItsOwnLimit) {
  Gather gather(Gather::kOfUnixSocket);
  for (int i = 0; i < 10; ++i) {
    gather.got(1'000'000);
    EXPECT_EQ(gather.pause(), Gather::kOfUnixSocket);
  }
  EXPECT_EQ(gather.pause(), Gather::kOfUnixSocket);
}

}  // namespace
}  // namespace peerd::postgres
