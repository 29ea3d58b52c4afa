#include "statement_error.h"

#include <algorithm>

#include "peerd/base/encoding.h"

namespace peerd::sql {
namespace {

ErrorCode code_of(std::string_view sqlstate) {
  if (sqlstate == "0A000") return ErrorCode::not_supported;
  if (sqlstate.starts_with("42")) return ErrorCode::syntax;
  if (sqlstate.starts_with("53")) return ErrorCode::too_busy;
  return ErrorCode::bad_value;
}

ErrorText text_of(std::string_view sqlstate, std::string message, std::string hint) {
  return Error(code_of(sqlstate), std::move(message), std::move(hint)).text;
}

}  // namespace

StatementError::StatementError(std::string_view sqlstate, std::string message, std::string hint, std::size_t at)
    : StatementError(sqlstate, text_of(sqlstate, std::move(message), std::move(hint)), at) {}

StatementError not_supported(std::string message, std::string hint, std::size_t at) {
  return StatementError("0A000", std::move(message), std::move(hint), at);
}

std::size_t character_position(std::string_view query, std::size_t offset) {
  const auto before = query.substr(0, std::min(offset, query.size()));
  return 1 + static_cast<std::size_t>(
                 std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

Report current_report(std::string_view query) {
  const ErrorText text = current_error();
  Report report;
  report.sqlstate = facts(text.code).sqlstate;
  report.message = text.message;
  report.detail = text.detail;
  report.hint = text.hint;
  try {
    throw;
  } catch (const StatementError& error) {
    report.sqlstate = error.sqlstate;
    if (error.at != StatementError::kNowhere) report.position = character_position(query, error.at);
  } catch (...) {  // Any other exception has said all above.
  }
  return report;
}

}  // namespace peerd::sql
