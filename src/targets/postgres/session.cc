#include "postgres/session.h"

#include "peerd/targets/postgres_target.h"
#include "postgres/client.h"

namespace peerd {

std::unique_ptr<PeerSession> make_postgres_session(const PeerSpec& peer) {
  return std::make_unique<pgtarget::PostgresSession>(peer);
}

namespace pgtarget {

PostgresSession::PostgresSession(const PeerSpec& peer) : options_(postgres::connect_options(peer.options)) {}

postgres::Connection& PostgresSession::connection(const Wait& wait) {
  if (!connection_ || connection_->broken()) {
    connection_ = postgres::Connection::open(options_, wait);
    connection_->run("SET default_transaction_read_only = on; SET search_path = \"$user\", public", wait);
  }
  return *connection_;
}

Problems PostgresSession::check(const Wait& wait) {
  Problems problems;
  try {
    postgres::Connection& server = connection(wait);
    if (server.server_version() < kOldestVersion) {
      problems.push_back(
          {ErrorText{.code = ErrorCode::not_supported,
                     .message = "the server at " + place(options_) + " runs Postgres " + server_version(wait),
                     .detail = {},
                     .hint = "version 12 is the oldest that is supported",
                     .field = {},
                     .table = {},
                     .origin = {},
                     .retry = {}},
           ""});
    }
  } catch (const Error& error) {
    problems.push_back({error.text, ""});
  }
  return problems;
}

std::string PostgresSession::server_version(const Wait& wait) {
  return connection(wait).run("SHOW server_version", wait).string(0, 0);
}

/// No row came, so none told the columns' names.
postgres::Result PostgresSession::empty_result(std::string_view sql, const Wait& wait) {
  try {
    return connection(wait).run("SELECT * FROM (" + std::string(sql) + "\n) AS q LIMIT 0", wait);
  } catch (const Error&) {  // SHOW and the like.
    return connection(wait).run(sql, wait);
  }
}

void PostgresSession::query(std::string_view sql, RowSink& sink, const Wait& wait) {
  std::vector<std::optional<std::string_view>> cells;
  bool named = false;
  const auto name_columns = [&](const postgres::Result& result) {
    std::vector<std::string> names;
    for (int column = 0; column < result.columns(); ++column) names.emplace_back(result.column_name(column));
    sink.columns(names);
    cells.resize(names.size());
    named = true;
  };
  connection(wait).each_row(sql, {}, wait, [&](const postgres::Result& result) {
    if (!named) name_columns(result);
    for (int column = 0; column < result.columns(); ++column) {
      cells[static_cast<std::size_t>(column)] =
          result.null(0, column) ? std::nullopt : std::optional<std::string_view>(result.text(0, column));
    }
    sink.row(cells);
  });
  if (!named) name_columns(empty_result(sql, wait));
}

}  // namespace pgtarget
}  // namespace peerd
