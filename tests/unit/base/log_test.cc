#include "peerd/base/log.h"

#include <gtest/gtest.h>

#include <regex>

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
  const std::string line = logged(LogLevel::info, "batch applied", {.mirror = "m1", .lsn = "0/16B3748"});
  const std::regex form("\\d{4}-\\d\\d-\\d\\dT[0-9:]{8}\\.\\d{3}Z info batch applied mirror=m1 lsn=0/16B3748\n");
  EXPECT_TRUE(std::regex_match(line, form)) << line;
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
