#include "peerd/mirrors/mirror_status.h"

#include <gtest/gtest.h>

namespace peerd {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

MirrorStatus running() {
  MirrorStatus status;
  status.state = MirrorState::running;
  return status;
}

TEST(MirrorStatus, ABacklogOfWhichNothingHasComeIsBehind) {
  MirrorStatus status = running();
  status.applied = {1000};
  status.server_end = {1000 + (100u << 20)};
  for (int second = 1; second <= 100; second += 10) {
    measure_position_lag(status, second * kSecond);
    EXPECT_EQ(health_of(status), second <= 31 ? Health::idle : second <= 61 ? Health::ok : Health::behind) << second;
  }
  status.applied = status.server_end;
  measure_position_lag(status, 110 * kSecond);
  EXPECT_EQ(health_of(status), Health::idle);
}

TEST(MirrorStatus, AStreamThatFollowsABusyServerIsNotBehind) {
  MirrorStatus status = running();
  for (int second = 1; second <= 300; second += 10) {
    status.server_end.value += 1u << 30;
    status.applied.value = status.server_end.value - (1u << 29);
    measure_position_lag(status, second * kSecond);
    EXPECT_EQ(health_of(status), Health::idle) << second;
  }
}

TEST(MirrorStatus, TheEndOfAnIdleServersWalIsNoBacklog) {
  MirrorStatus status = running();
  status.applied = {1u << 24};
  status.server_end = {(1u << 24) + 40};
  for (int second = 1; second <= 300; second += 10) measure_position_lag(status, second * kSecond);
  EXPECT_EQ(health_of(status), Health::idle);
}

}  // namespace
}  // namespace peerd
