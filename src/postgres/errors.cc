#include <string>

#include "peerd/postgres/connection.h"

namespace peerd::postgres {
namespace {

struct Mapping {
  std::string_view sqlstate;  ///< A whole SQLSTATE, or the two characters of its class.
  ErrorCode code;
  std::optional<Retry> retry;
  std::string_view hint;  ///< Where the server gives none.
};

// Whole codes stand before their classes: the first match counts.
constexpr Mapping kMappings[] = {
    {"28P01", ErrorCode::bad_password, std::nullopt, "check the peer's user and password"},
    {"28000", ErrorCode::bad_password, std::nullopt, "check the peer's user and the server's pg_hba.conf"},
    {"3D000", ErrorCode::not_found, std::nullopt, "check the peer's database"},
    {"3F000", ErrorCode::not_found, std::nullopt, ""},
    {"42P01", ErrorCode::not_found, std::nullopt, ""},
    {"42703", ErrorCode::not_found, std::nullopt, ""},
    {"42704", ErrorCode::not_found, std::nullopt, ""},
    {"42883", ErrorCode::not_found, std::nullopt, ""},
    {"42710", ErrorCode::already_exists, std::nullopt, ""},
    {"42P04", ErrorCode::already_exists, std::nullopt, ""},
    {"42P06", ErrorCode::already_exists, std::nullopt, ""},
    {"42P07", ErrorCode::already_exists, std::nullopt, ""},
    {"42501", ErrorCode::no_privilege, std::nullopt, ""},
    {"42601", ErrorCode::syntax, std::nullopt, ""},
    {"0A000", ErrorCode::not_supported, std::nullopt, ""},
    {"25006", ErrorCode::wrong_state, Retry::later, "the server is read-only: connect to its primary"},
    {"40001", ErrorCode::too_busy, Retry::later, ""},
    {"40P01", ErrorCode::too_busy, Retry::later, ""},
    {"53100", ErrorCode::disk_full, std::nullopt, "free space on the server's disk"},
    {"53300", ErrorCode::too_busy, Retry::later, "raise the server's max_connections, or close connections"},
    {"53", ErrorCode::too_busy, Retry::later, ""},
    {"55006", ErrorCode::wrong_state, Retry::later, ""},
    {"55P03", ErrorCode::too_busy, Retry::later, ""},
    {"57014", ErrorCode::peer_error, Retry::later, ""},
    {"57P01", ErrorCode::unreachable, Retry::later, ""},
    {"57P02", ErrorCode::unreachable, Retry::later, ""},
    {"57P03", ErrorCode::unreachable, Retry::later, "the server is starting or stopping"},
    {"57P05", ErrorCode::unreachable, Retry::later, ""},
    {"08", ErrorCode::unreachable, Retry::later, ""},
    {"22", ErrorCode::bad_value, std::nullopt, ""},
    {"23", ErrorCode::bad_value, std::nullopt, ""},
};

const Mapping* mapping_of(std::string_view sqlstate) {
  for (const Mapping& mapping : kMappings) {
    if (sqlstate.starts_with(mapping.sqlstate)) return &mapping;
  }
  return nullptr;
}

/// `invalid input syntax for type integer: "12x"` quotes a cell: what follows the colon stays out of every text.
std::string_view without_value(std::string_view sqlstate, std::string_view message) {
  if (!sqlstate.starts_with("22")) return message;
  const std::size_t value = message.find(": \"");
  if (value != std::string_view::npos) return message.substr(0, value);
  // `value "99999999999" is out of range for type integer` has it in front.
  const std::size_t quote = message.find('"');
  const std::size_t end = message.rfind('"');
  if (quote != std::string_view::npos && message.starts_with("value \"") && end > quote) return message.substr(end + 2);
  return message;
}

}  // namespace

ErrorText error_text(std::string_view sqlstate, std::string_view message, std::string_view hint) {
  ErrorText text;
  text.code = ErrorCode::peer_error;
  text.origin = sqlstate;
  text.message = without_value(sqlstate, message);
  text.hint = hint;
  if (const Mapping* mapping = mapping_of(sqlstate)) {
    text.code = mapping->code;
    text.retry = mapping->retry;
    if (text.hint.empty()) text.hint = mapping->hint;
  }
  while (!text.message.empty() && (text.message.back() == '\n' || text.message.back() == '.')) text.message.pop_back();
  return text;
}

}  // namespace peerd::postgres
