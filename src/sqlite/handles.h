#pragma once

#include <sqlite3.h>

namespace peerd::sqlite {

/// The open connection, kept by the Database and by each of its statements: whichever goes last closes it.
struct Connection {
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Throws what `result` means. REQUIRES: `result` is an error of the last call on this connection.
  [[noreturn]] void fail(int result);
  void check(int result) {
    if (result != SQLITE_OK) fail(result);
  }

  sqlite3* handle = nullptr;
};

}  // namespace peerd::sqlite
