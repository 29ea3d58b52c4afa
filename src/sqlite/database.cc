#include <string>

#include "handles.h"
#include "peerd/base/error.h"
#include "statement_state.h"

namespace peerd::sqlite {

namespace {

constexpr int kBusyMs = 5'000;

}  // namespace

Connection::~Connection() {
  if (handle) sqlite3_close(handle);
}

struct Database::State {
  std::shared_ptr<Connection> connection = std::make_shared<Connection>();
};

Database::Database(const std::string& path) : state_(std::make_unique<State>()) {
  Connection& connection = *state_->connection;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int result = sqlite3_open_v2(path.c_str(), &connection.handle, flags, nullptr);
  try {
    connection.check(result);
    sqlite3_extended_result_codes(connection.handle, 1);
    if (path != ":memory:") {
      connection.check(sqlite3_busy_timeout(connection.handle, kBusyMs));
      run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    }
    run("PRAGMA foreign_keys = ON");
  } catch (Error& error) {
    error.text.message = "cannot open " + path + ": " + error.text.message;
    throw Error(error.text);
  }
}

Database::~Database() = default;

void Database::run(std::string_view sql) {
  Connection& connection = *state_->connection;
  connection.check(sqlite3_exec(connection.handle, std::string(sql).c_str(), nullptr, nullptr, nullptr));
}

Statement Database::prepare(std::string_view sql) {
  Connection& connection = *state_->connection;
  auto state = std::make_unique<Statement::State>(state_->connection);
  const char* tail = nullptr;
  connection.check(
      sqlite3_prepare_v3(connection.handle, sql.data(), static_cast<int>(sql.size()), 0, &state->handle, &tail));
  if (!state->handle) throw Error(ErrorCode::syntax, "there is no statement in it");
  const int left = static_cast<int>(sql.data() + sql.size() - tail);
  if (left > 0) {
    sqlite3_stmt* next = nullptr;
    const int result = sqlite3_prepare_v3(connection.handle, tail, left, 0, &next, nullptr);
    sqlite3_finalize(next);
    if (next || result != SQLITE_OK) throw Error(ErrorCode::syntax, "more than one statement in it");
  }
  return Statement(std::move(state));
}

int Database::changes() const { return sqlite3_changes(state_->connection->handle); }

Transaction::Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {
    // SQLite has already rolled it back itself (a full disk, for one).
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace peerd::sqlite
