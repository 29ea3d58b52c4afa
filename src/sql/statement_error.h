#pragma once

#include <string>
#include <string_view>

#include "peerd/base/error.h"

namespace peerd::sql {

/// An error that knows its own SQLSTATE and where in the query it lies; others take both from their ErrorCode.
struct StatementError : Error {
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  StatementError(std::string_view sqlstate, ErrorText text, std::size_t at = kNowhere)
      : Error(std::move(text)), sqlstate(sqlstate), at(at) {}
  StatementError(std::string_view sqlstate, std::string message, std::string hint = {}, std::size_t at = kNowhere);
  std::string sqlstate;
  std::size_t at;  ///< Byte offset in the query's text.
};

/// 0A000.
StatementError not_supported(std::string message, std::string hint = {}, std::size_t at = StatementError::kNowhere);

/// What travels in ErrorResponse and NoticeResponse.
struct Report {
  std::string severity = "ERROR", sqlstate, message, detail, hint;
  std::size_t position = 0;  ///< 1-based, in characters; 0 = none.
};

/// What the exception in flight says. `query` turns byte offsets into positions. REQUIRES: called inside a catch block;
/// rethrows Stopped.
Report current_report(std::string_view query);

/// Postgres's position of a byte offset: characters of UTF-8 before it, plus one.
std::size_t character_position(std::string_view query, std::size_t offset);
bool valid_utf8(std::string_view text);

}  // namespace peerd::sql
