#pragma once

#include <sqlite3.h>

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "peerd/sqlite/sqlite.h"

namespace peerd::sqlite {

using Rows = std::vector<std::vector<Value>>;

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
  std::uint64_t statement_count =
      0;                      ///< Rises when a statement starts: rows of virtual tables are kept for one statement.
  bool declaring = false;     ///< SQLite asks a virtual table for its shape again, which the authorizer must let pass.
  std::function<bool()> over;  ///< Database::give_up_when.
  std::exception_ptr thrown;  ///< By a VirtualTable's rows(), on its way through SQLite's C frames.
};

/// Registers `table` and creates it on the connection. See virtual_table.cc.
void add_virtual_table(Connection& connection, VirtualTable table);

/// "\"name\"", for identifiers in SQL.
std::string quoted(const std::string& name);

}  // namespace peerd::sqlite
