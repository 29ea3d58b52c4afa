#include "postgres/replication_check.h"

namespace peerd {
namespace {

/// What poolers say to a replication connection: pgbouncer refuses the parameter, or, told to ignore it, passes the command
/// on as if it were SQL.
bool of_a_pooler(const ErrorText& text) {
  return text.origin == "42601" || text.origin == "08P01" || text.message.find("unsupported startup parameter") != std::string::npos;
}

std::string server_behind(postgres::Connection& control, const Wait& wait) {
  const postgres::Result address = control.run("SELECT host(inet_server_addr()), inet_server_port()", wait);
  if (address.null(0, 0)) return "";
  return " (the server itself listens at " + address.string(0, 0) + ", port " + address.string(0, 1) + ")";
}

Problem unfit(std::string message, std::string hint, const ErrorText& cause) {
  ErrorText text;
  text.code = ErrorCode::source_unfit;
  text.message = std::move(message);
  text.detail = cause.message;
  text.hint = std::move(hint);
  return {std::move(text), ""};
}

}  // namespace

std::optional<Problem> replication_unfit(postgres::Connection& control, const Connect& connect,
                                         const postgres::ConnectOptions& options, const Wait& wait) {
  const std::string place = options.host + ":" + options.port;
  const auto pooler = [&](const ErrorText& cause) {
    return unfit(place + " is a connection pooler (pgbouncer or its like) that passes no replication connections",
                 "give the peer the host and port of the Postgres server behind it" + server_behind(control, wait), cause);
  };
  try {
    const postgres::Result system = connect(true, wait)->run("IDENTIFY_SYSTEM", wait);
    const postgres::Result database = control.run("SELECT current_database()", wait);
    if (system.columns() >= 4 && system.text(0, 3) == database.text(0, 0)) return std::nullopt;
    ErrorText other;
    other.message = "the replication connection leads to database \"" + system.string(0, 3) + "\"";
    return pooler(other);
  } catch (const Error& error) {
    if (error.text.code == ErrorCode::no_privilege || error.text.code == ErrorCode::too_busy) return std::nullopt;
    if (of_a_pooler(error.text)) return pooler(error.text);
    return unfit("a replication connection to " + place + " fails, while an ordinary one is let in: " + error.text.message,
                 "let role and address in for replication by pg_hba.conf; where " + place +
                     " is a connection pooler, give the peer the host and port of the server behind it",
                 error.text);
  }
}

}  // namespace peerd
