#include "log_observer.h"

#include <gtest/gtest.h>

namespace peerd::daemon {
namespace {

TEST(LogObserver, WhatHasNotFailedDoesNotWorkAgain) {
  LogObserver observer([](MirrorId) { return std::string("m"); });
  testing::internal::CaptureStderr();
  observer.recovered(MirrorId{1});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  observer.failed(MirrorId{1}, {.code = ErrorCode::unreachable}, Verdict::retry);
  testing::internal::CaptureStderr();
  observer.recovered(MirrorId{1});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("works again"), std::string::npos);
}

}  // namespace
}  // namespace peerd::daemon
