#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace peerd {

/// Closed list; error_codes.cc is one table: code -> word, SQLSTATE, HTTP status, gRPC number, default retry.
enum class ErrorCode {
  syntax,           ///< A statement or a body that cannot be parsed.
  invalid_option,   ///< An unknown, mistyped or missing option or field.
  not_found,
  already_exists,
  wrong_state,      ///< Cannot be done now; the message says what is in the way.
  not_supported,
  unreachable,
  bad_password,
  no_privilege,
  source_unfit,     ///< The source's settings, tables or publication do not do.
  target_unfit,
  bad_value,        ///< A value that the other side refuses.
  disk_full,
  timeout,
  fenced,           ///< Another process, or a newer epoch, owns this mirror.
  position_lost,    ///< The slot cannot be followed any more without a gap.
  schema_changed,   ///< A change of a table's shape that is not followed.
  too_busy,
  peer_error,       ///< What a server answered and none of the above.
  internal
};
enum class Retry { never, later, after_operator };

/// What went wrong and what to do, as data. Texts hold no cell values and no secrets. Copyable.
struct ErrorText {
  ErrorCode code = ErrorCode::internal;
  std::string message, detail, hint;  ///< Postgres's style: lower case, no full stop; hint = knob or statement.
  std::string field;                  ///< The option or JSON path at fault, else "".
  std::string table;                  ///< "schema.table" when one table alone is at fault, else "".
  std::string origin;                 ///< The peer's own code, such as "42501" or "CH 241", else "".
  std::optional<Retry> retry;         ///< Overrides the table's default.
};

struct ErrorCodeFacts {
  ErrorCode code;
  std::string_view word;      ///< "invalid_option", as enumerator.
  std::string_view sqlstate;  ///< Postgres appendix A.
  int http_status;
  int grpc;                   ///< google.rpc.Code.
  Retry retry;                ///< Where ErrorText::retry is empty.
};
const ErrorCodeFacts& facts(ErrorCode code);
Retry retry_of(const ErrorText& text);

/// The one exception class. Ends a unit of work; nested causes by std::throw_with_nested.
struct Error : std::runtime_error {
  explicit Error(ErrorText text) : std::runtime_error(text.message), text(std::move(text)) {}
  Error(ErrorCode code, std::string message, std::string hint = {})
      : Error(ErrorText{.code = code, .message = std::move(message), .detail = {}, .hint = std::move(hint), .field = {},
                        .table = {}, .origin = {}, .retry = {}}) {}
  ErrorText text;
};

/// Preflight and validation return all problems at once instead of throwing the first.
struct Problem {
  ErrorText text;
  std::string cure_sql;  ///< The statement that cures it, or "".
};
using Problems = std::vector<Problem>;
/// One Error of all of them: the first one's message and code, the rest in detail, the cures in hint. No-op when empty.
void throw_if_any(const Problems& problems);

/// What the exception in flight says, for a thread's one catch: Error's text, std::exception's what() as internal.
/// REQUIRES: called inside a catch block. Rethrows Stopped.
ErrorText current_error();

}  // namespace peerd
