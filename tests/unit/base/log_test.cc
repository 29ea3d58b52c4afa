#include "peerd/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "peerd/base/error.h"

namespace peerd {
namespace {

std::string logged(LogLevel level, std::string_view message, const LogFields& fields = {}) {
  testing::internal::CaptureStderr();
  log(level, message, fields);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, ALineHasTimeLevelMessageAndFilledFields) {
  set_log_level("info");
  std::string line = logged(LogLevel::info, "batch applied", {.mirror = "m1", .lsn = "0/16B3748"});
  ASSERT_GT(line.size(), 24u);
  std::replace_if(line.begin(), line.begin() + 24, [](char c) { return c >= '0' && c <= '9'; }, '0');
  EXPECT_EQ(line, "0000-00-00T00:00:00.000Z info batch applied mirror=m1 lsn=0/16B3748\n");
}

TEST(Log, QuotesWhatHoldsSpaces) {
  const std::string line = logged(LogLevel::error, "failed", {.hint = "set \"a\" to b"});
  EXPECT_NE(line.find("hint=\"set \\\"a\\\" to b\"\n"), std::string::npos) << line;
}

TEST(Log, OneLineStaysOneLine) {
  const std::string line = logged(LogLevel::error, "a\nb {} %s", {.hint = "c\nd"});
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  EXPECT_NE(line.find("a\\nb {} %s"), std::string::npos) << line;
}

TEST(Log, LevelHidesWhatIsBelow) {
  set_log_level("warning");
  EXPECT_EQ(logged(LogLevel::info, "quiet"), "");
  EXPECT_NE(logged(LogLevel::warning, "loud"), "");
  set_log_level("debug");
  EXPECT_NE(logged(LogLevel::debug, "loud"), "");
  set_log_level("info");
}

TEST(Log, UnknownLevelIsRefused) {
  try {
    set_log_level("trace");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::invalid_option);
    EXPECT_EQ(error.text.hint, "use debug, info, warning or error");
  }
}

}  // namespace
}  // namespace peerd
