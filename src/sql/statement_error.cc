#include "statement_error.h"

#include <algorithm>

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

/// Bytes of the UTF-8 sequence at `at`, 0 when it is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  if (lead == 0xE0 && second < 0xA0) return 0;  // Overlong.
  if (lead == 0xED && second > 0x9F) return 0;  // Surrogates.
  if (lead == 0xF0 && second < 0x90) return 0;  // Overlong.
  if (lead == 0xF4 && second > 0x8F) return 0;  // Past U+10FFFF.
  return length;
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
    const std::size_t length = sequence_length(text, at);
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
