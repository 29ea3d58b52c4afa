#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/base/error.h"
#include "peerd/base/option_table.h"
#include "peerd/ssh/tunnel.h"

struct pg_conn;
struct pg_result;

namespace peerd::postgres {

/// Where and how to connect. Made from a POSTGRES peer's options.
struct ConnectOptions {
  std::string host, port = "5432", user, password, database;
  std::string sslmode, sslrootcert, sslcert, sslkey, options, application_name = "peerd";
  std::string root_ca;  ///< PEM text in place of the file sslrootcert.
  ssh::TunnelOptions tunnel;  ///< Where one is wanted, host and port are as the SSH server knows them.
  int connect_timeout_seconds = 15;
  bool replication = false;  ///< replication=database (Postgres docs 55.4).

  bool operator==(const ConnectOptions&) const = default;
};
ConnectOptions connect_options(const Options& peer_options);
const OptionTable& peer_options();  ///< Of CREATE PEER … FROM POSTGRES.

/// A result; cells borrow from it. Move-only.
class Result {
 public:
  explicit Result(pg_result* result) : result_(result) {}
  int rows() const;
  int columns() const;
  bool null(int row, int column) const;
  std::string_view text(int row, int column) const;  ///< "" for NULL.
  std::string string(int row, int column) const { return std::string(text(row, column)); }
  std::int64_t integer(int row, int column) const;
  bool boolean(int row, int column) const { return text(row, column) == "t"; }
  std::string_view column_name(int column) const;
  std::uint32_t column_type(int column) const;          ///< pg_type.oid.
  std::int32_t column_type_modifier(int column) const;  ///< -1 = none.
  std::uint64_t affected() const;

 private:
  struct Clear {
    void operator()(pg_result*) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

/// What a server answered to a statement; beside the text the names that it tells apart from it, "" where it does not.
struct ServerError : Error {
  using Error::Error;
  std::string table, column, type, constraint;  ///< table and type with their schema, quoted.
  std::string copied_into, copied;              ///< The relation and column whose value COPY was reading.
  std::size_t position = 0;                     ///< The character of the statement at fault, from 1; 0 = none.
};

/// One libpq connection, non-blocking, owned by one thread at a time. Every wait polls the socket, the stop and the deadline.
/// A stop or deadline in mid-query sends a cancel request and leaves the connection broken: make a new one.
/// Throws Error mapped by SQLSTATE (origin = the SQLSTATE; message the server's; no DETAIL with cell values is copied).
class Connection {
 public:
  /// Session settings pinned on every connection (rules.md 12): DateStyle ISO, timezone UTC, IntervalStyle postgres, bytea
  /// hex, extra_float_digits 3, search_path pg_catalog, row_security off, statement_timeout 0, lock_timeout 0,
  /// idle_in_transaction_session_timeout 0, idle_session_timeout 0 (14), transaction_timeout 0 (17), standard_conforming_strings on, client_encoding UTF8, and transactions are
  /// read committed, read write, not deferrable unless they say otherwise, whatever the role's defaults are.
  static std::unique_ptr<Connection> open(const ConnectOptions& options, const Wait& wait);
  /// For another user of the same connection, under another application_name: settings are again as open() left them, and what
  /// prepare() prepared is gone. One round trip, which also shows that the server is there. Not within a transaction: throws.
  void renew(const std::string& application_name, const Wait& wait);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result run(std::string_view sql, const Wait& wait);  ///< One or more statements; the last one's result.
  Result run(std::string_view sql, std::span<const std::optional<std::string>> parameters, const Wait& wait);  ///< One; text.
  Result run_prepared(const std::string& name, std::span<const std::optional<std::string>> parameters, const Wait& wait);
  void prepare(const std::string& name, std::string_view sql, const Wait& wait);
  /// As run() with parameters, planned once on this connection: for questions to the catalog, which are asked of every table,
  /// take longer to plan than to answer, and whose text and types never change.
  Result run_planned(std::string_view sql, std::span<const std::optional<std::string>> parameters, const Wait& wait);
  /// Row by row (PQsetSingleRowMode): for results that may be large.
  void each_row(std::string_view sql, std::span<const std::optional<std::string>> parameters, const Wait& wait,
                const std::function<void(const Result&)>& row);

  // COPY (Postgres docs 34.10).
  void copy_out(std::string_view sql, const Wait& wait);
  /// The next CopyData message, borrowed until the next call; empty view with data()==nullptr at the end.
  std::string_view copy_read(const Wait& wait);
  void copy_in(std::string_view sql, const Wait& wait);
  void copy_write(std::string_view bytes, const Wait& wait);
  std::uint64_t copy_finish(const Wait& wait);            ///< Rows.
  void copy_fail(std::string_view why, const Wait& wait);  ///< Ends a COPY IN with an error; swallows the server's answer.

  // Replication: COPY BOTH (55.4.1, START_REPLICATION).
  void start_replication(std::string_view sql, const Wait& wait);
  /// A message if one is there or comes before `wait.until`; nullopt when none came in time (no throw). Throws Error at the end.
  std::optional<std::string_view> replication_read(const Wait& wait);
  void replication_write(std::string_view bytes, const Wait& wait);
  void wake() noexcept;  ///< From any thread, once replication has begun: replication_read() returns nullopt soon.

  int server_version() const;  ///< 150020.
  int backend_pid() const;
  bool broken() const;
  int socket() const;

 private:
  friend class Pipeline;
  explicit Connection(pg_conn* connection);
  void begin_copy(std::string_view sql, int kind, const Wait& wait);
  struct State;
  std::unique_ptr<State> state_;
};

/// Postgres error fields -> ErrorText. SQLSTATE classes: 08 unreachable, 28P01 bad_password, 42501 no_privilege,
/// 53100 disk_full, 57P01..03 and 40001/40P01/53300/55P03 retry later, 42P01/42704 not_found, 22/23 bad_value, else peer_error.
ErrorText error_text(std::string_view sqlstate, std::string_view message, std::string_view hint);

/// "s.t" as an operator wrote it, perhaps quoted ("My.Schema"."t") -> {schema, name}; no schema = "public". Throws invalid_option.
struct QualifiedName {
  std::string schema, name;
  std::string quoted() const;
};
QualifiedName parse_qualified(std::string_view text);

}  // namespace peerd::postgres
