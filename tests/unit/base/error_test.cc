#include "peerd/base/error.h"

#include <gtest/gtest.h>

#include <set>

#include "peerd/base/clock.h"

namespace peerd {
namespace {

TEST(ErrorCodes, EveryCodeHasItsRow) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    const ErrorCodeFacts& row = facts(static_cast<ErrorCode>(i));
    EXPECT_EQ(static_cast<int>(row.code), i);
    EXPECT_EQ(row.sqlstate.size(), 5u) << row.word;
    EXPECT_GE(row.http_status, 400) << row.word;
    EXPECT_LT(row.http_status, 600) << row.word;
    EXPECT_GE(row.grpc, 1) << row.word;
    EXPECT_LE(row.grpc, 16) << row.word;
    EXPECT_TRUE(words.insert(row.word).second) << row.word;
  }
  EXPECT_EQ(facts(ErrorCode::invalid_option).sqlstate, "22023");
  EXPECT_EQ(facts(ErrorCode::unreachable).retry, Retry::later);
  EXPECT_EQ(facts(ErrorCode::fenced).retry, Retry::never);
}

TEST(ErrorCodes, UnknownCodeIsInternal) { EXPECT_EQ(facts(static_cast<ErrorCode>(99)).code, ErrorCode::internal); }

TEST(ErrorCodes, OwnRetryBeatsTheTables) {
  ErrorText text;
  text.code = ErrorCode::timeout;
  EXPECT_EQ(retry_of(text), Retry::later);
  text.retry = Retry::never;
  EXPECT_EQ(retry_of(text), Retry::never);
}

Problem problem(ErrorCode code, std::string message, std::string hint, std::string cure) {
  Problem made;
  made.text.code = code;
  made.text.message = std::move(message);
  made.text.hint = std::move(hint);
  made.cure_sql = std::move(cure);
  return made;
}

TEST(Problems, NoneThrowsNothing) { EXPECT_NO_THROW(throw_if_any({})); }

TEST(Problems, AllAreInOneError) {
  try {
    throw_if_any({problem(ErrorCode::source_unfit, "wal_level is replica", "restart the server", "ALTER SYSTEM …"),
                  problem(ErrorCode::no_privilege, "no right to replicate", "", "ALTER ROLE a REPLICATION"),
                  problem(ErrorCode::no_privilege, "no right to replicate", "", "ALTER ROLE a REPLICATION")});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::source_unfit);
    EXPECT_EQ(error.text.message, "wal_level is replica");
    EXPECT_EQ(error.text.detail, "no right to replicate");
    EXPECT_EQ(error.text.hint, "restart the server\nALTER SYSTEM …\nALTER ROLE a REPLICATION");
    EXPECT_STREQ(error.what(), "wal_level is replica");
  }
}

template <typename Throw>
ErrorText caught(Throw thrower) {
  try {
    thrower();
  } catch (...) {
    return current_error();
  }
  return {};
}

TEST(CurrentError, KeepsAnErrorsText) {
  const ErrorText text = caught([] { throw Error(ErrorCode::disk_full, "disk is full", "make room"); });
  EXPECT_EQ(text.code, ErrorCode::disk_full);
  EXPECT_EQ(text.hint, "make room");
}

TEST(CurrentError, OtherExceptionsAreInternal) {
  EXPECT_EQ(caught([] { throw std::out_of_range("at"); }).code, ErrorCode::internal);
  EXPECT_EQ(caught([] { throw std::out_of_range("at"); }).message, "at");
  EXPECT_EQ(caught([] { throw 5; }).message, "unknown failure");
}

TEST(CurrentError, NamesNestedCauses) {
  const ErrorText text = caught([] {
    try {
      try {
        throw std::runtime_error("lowest");
      } catch (...) {
        std::throw_with_nested(Error(ErrorCode::unreachable, "middle"));
      }
    } catch (...) {
      std::throw_with_nested(Error(ErrorCode::peer_error, "highest"));
    }
  });
  EXPECT_EQ(text.code, ErrorCode::peer_error);
  EXPECT_EQ(text.detail, "middle\nlowest");
}

TEST(CurrentError, StoppedIsNoError) {
  EXPECT_THROW(caught([] { throw Stopped{}; }), Stopped);
}

TEST(CurrentError, StoppedUnderAnErrorIsNoError) {
  const auto nested = [] {
    try {
      throw Stopped{};
    } catch (...) {
      std::throw_with_nested(Error(ErrorCode::peer_error, "closing"));
    }
  };
  EXPECT_THROW(caught(nested), Stopped);
}

}  // namespace
}  // namespace peerd
