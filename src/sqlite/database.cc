#include <string>

#include "handles.h"
#include "peerd/base/error.h"
#include "statement_state.h"

namespace peerd::sqlite {

namespace {

constexpr int kBusyMs = 5'000;
constexpr int kLongestValue =
    16 << 20;  // Of one cell of an operator's SELECT, so that zeroblob() cannot eat the memory.

int allow_select_alone(void* connection, int action, const char*, const char* name, const char*, const char*) {
  if (static_cast<Connection*>(connection)->declaring) return SQLITE_OK;
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      return name && std::string_view(name) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

}  // namespace

Connection::~Connection() {
  if (handle) sqlite3_close(handle);
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
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
  ++connection.statement_count;
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

std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(state_->connection->handle); }

int Database::changes() const { return sqlite3_changes(state_->connection->handle); }

void Database::add_table(VirtualTable table) { add_virtual_table(*state_->connection, std::move(table)); }

void Database::read_only_select_alone() {
  sqlite3* handle = state_->connection->handle;
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kLongestValue);
  state_->connection->check(sqlite3_set_authorizer(handle, &allow_select_alone, state_->connection.get()));
}

void Database::give_up_when(std::function<bool()> over) {
  constexpr int kSteps = 4096;  // Of SQLite's virtual machine: well under a millisecond.
  Connection& connection = *state_->connection;
  connection.over = std::move(over);
  const auto ask = [](void* of) -> int { return static_cast<Connection*>(of)->over() ? 1 : 0; };
  if (connection.over) {
    sqlite3_progress_handler(connection.handle, kSteps, ask, &connection);
  } else {
    sqlite3_progress_handler(connection.handle, 0, nullptr, nullptr);
  }
}

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
