#pragma once

#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>

#include "gather.h"
#include "peerd/postgres/connection.h"

namespace peerd::postgres {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};
using OwnedConnection = std::unique_ptr<PGconn, FinishConnection>;

/// What the parts of Connection share. The one place that blocks is await().
struct Connection::State {
  std::shared_ptr<ssh::Tunnel> tunnel;  ///< That the connection goes through; outlives it.
  OwnedConnection connection;
  std::unique_ptr<char, FreeMemory> message;  ///< The CopyData that a caller borrows.
  bool broken = false;
  Gather gather;  ///< Of a replication stream.
  int wake_fd = -1;  ///< Likewise: an eventfd.
  bool prepared = false;                                    ///< prepare() was used.
  std::map<std::string, std::string, std::less<>> planned;  ///< Text of run_planned() -> name.

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (wake_fd >= 0) close(wake_fd);
  }
  /// Waits for the socket until `wait.until`. False: nothing came, or wake() was called.
  bool sleep(const Wait& wait);
  /// Waits until the socket can be read (and, when asked, until it can be written). Throws on stop and deadline, after
  /// abandon(). Returns poll()'s revents.
  short await(short events, const Wait& wait, const char* doing);
  /// Asks the server to stop what it does, and gives the connection up.
  void abandon() noexcept;
  void flush(const Wait& wait);
  /// Reads what has come. Throws unreachable when the connection is gone.
  void consume();
  /// The next result, nullptr at the end of the statement.
  PGresult* next(const Wait& wait);
  /// All results up to the end; the last one. Throws the first error among them.
  Result finish(const Wait& wait);
  void started(int sent);
  void prepare(const std::string& name, std::string_view sql, const Wait& wait);
  /// REQUIRES: the connection failed. Throws what libpq says about it.
  [[noreturn]] void lost();
};

/// Waits until one of them is ready, in slices. False: none was by `wait.until`. Throws Stopped.
bool poll_any(std::span<pollfd> polled, const Wait& wait);
bool failed(const PGresult* result);
/// Of a failed result.
ServerError error_of(const PGresult* result);
/// Cancels what the server does for this connection, waiting a moment for the request to be delivered.
void request_cancel(PGconn* connection) noexcept;

}  // namespace peerd::postgres
