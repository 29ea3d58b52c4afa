#include "retry_policy.h"

#include <gtest/gtest.h>

#include <map>

namespace peerd {
namespace {

using enum ErrorCode;
// Every code, with what its failure means for a mirror.
const std::map<ErrorCode, Verdict> kVerdicts = {
    {syntax, Verdict::ask_operator},       {invalid_option, Verdict::ask_operator}, {not_found, Verdict::ask_operator},
    {already_exists, Verdict::ask_operator}, {wrong_state, Verdict::ask_operator},  {not_supported, Verdict::ask_operator},
    {unreachable, Verdict::retry},         {bad_password, Verdict::ask_operator},   {no_privilege, Verdict::ask_operator},
    {source_unfit, Verdict::ask_operator}, {target_unfit, Verdict::ask_operator},   {bad_value, Verdict::ask_operator},
    {disk_full, Verdict::retry},           {timeout, Verdict::retry},               {fenced, Verdict::ask_operator},
    {position_lost, Verdict::ask_operator}, {schema_changed, Verdict::ask_operator}, {too_busy, Verdict::retry},
    {peer_error, Verdict::ask_operator},   {internal, Verdict::ask_operator}};

TEST(RetryPolicy, DecidesEveryCode) {
  for (int code = 0; code <= static_cast<int>(internal); ++code) {
    const auto found = kVerdicts.find(static_cast<ErrorCode>(code));
    ASSERT_NE(found, kVerdicts.end()) << "code " << code << " is not in this table";
    EXPECT_EQ(verdict_of({.code = found->first}), found->second) << facts(found->first).word;
  }
  EXPECT_EQ(kVerdicts.size(), static_cast<std::size_t>(internal) + 1);
}

TEST(RetryPolicy, AnErrorsOwnWordBeatsItsCodes) {
  EXPECT_EQ(verdict_of({.code = peer_error, .retry = Retry::later}), Verdict::retry);
  EXPECT_EQ(verdict_of({.code = unreachable, .retry = Retry::after_operator}), Verdict::ask_operator);
  EXPECT_EQ(verdict_of({.code = unreachable, .retry = Retry::never}), Verdict::ask_operator);
}

TEST(Backoff, DoublesWithJitterUpToTheSetting) {
  Backoff backoff(std::chrono::milliseconds(4000), 7);
  std::int64_t full = 250;
  for (int i = 0; i < 40; ++i) {
    const auto delay = backoff.next().count();
    EXPECT_GE(delay, full / 2);
    EXPECT_LE(delay, full);
    full = std::min<std::int64_t>(full * 2, 4000);
  }
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 250);
}

TEST(Backoff, NeverPassesASmallSetting) {
  Backoff backoff(std::chrono::milliseconds(50), 1);
  for (int i = 0; i < 10; ++i) EXPECT_LE(backoff.next().count(), 50);
}

}  // namespace
}  // namespace peerd
