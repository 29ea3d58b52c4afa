#include "peerd/base/clock.h"

#include <gtest/gtest.h>

#include <thread>

#include "peerd/base/error.h"

namespace peerd {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Wait, ChecksNothingWhileThereIsTime) { EXPECT_NO_THROW(Wait::at_most(hours(1)).check("testing")); }

TEST(Wait, ThrowsTimeoutNamingWhatWasDone) {
  try {
    Wait::at_most(milliseconds(0)).check("connecting to peer a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::timeout);
    EXPECT_EQ(error.text.message, "timed out while connecting to peer a");
  }
}

TEST(Wait, StopWinsOverTimeout) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(Wait::at_most(milliseconds(0), stop.get_token()).check("testing"), Stopped);
}

TEST(Wait, RemainingIsWithinBounds) {
  EXPECT_EQ(Wait::at_most(milliseconds(-5)).remaining_ms(), 0);
  EXPECT_EQ(Wait::at_most(hours(1)).remaining_ms(100), 100);
  EXPECT_GT(Wait::at_most(hours(1)).remaining_ms(), 3'000'000);
  EXPECT_EQ(Wait::at_most(hours(24 * 365)).remaining_ms(), 1 << 30);
}

TEST(Wait, RemainingIsZeroOnlyWhenExpired) {
  const Wait wait{std::chrono::steady_clock::now() + std::chrono::microseconds(900), {}};
  const int left = wait.remaining_ms();
  EXPECT_TRUE(left == 1 || wait.expired());
}

TEST(Wait, ShorterNeverLengthens) {
  const Wait wait = Wait::at_most(milliseconds(10));
  EXPECT_EQ(wait.shorter(hours(1)).until, wait.until);
  EXPECT_LT(Wait::at_most(hours(2)).shorter(hours(1)).until, Wait::at_most(hours(2)).until);
}

TEST(SystemClock, SleepsToTheTime) {
  const auto until = system_clock().now() + milliseconds(1);
  EXPECT_TRUE(system_clock().sleep_until(until, {}));
  EXPECT_GE(system_clock().now(), until);
}

TEST(SystemClock, StopWakesTheSleeper) {
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(system_clock().sleep_until(system_clock().now() + hours(1), stop.get_token()));
}

TEST(Blocked, CountsWhatItsOwnThreadWaits) {
  const auto before = Blocked::so_far();
  const auto began = system_clock().now();
  {
    const Blocked blocked;
    std::jthread([&] {
      EXPECT_EQ(Blocked::so_far().count(), 0) << "of another thread";
      const Blocked other;
    });
  }
  const auto waited = Blocked::so_far() - before;
  EXPECT_GT(waited.count(), 0);
  EXPECT_LE(waited, system_clock().now() - began);
  EXPECT_EQ(Blocked::so_far() - before, waited) << "while none stands";
}

}  // namespace
}  // namespace peerd
