#include "statement_state.h"

namespace peerd::sqlite {

namespace {

int bind_value(sqlite3_stmt* handle, int index, const Value& value) {
  switch (value.index()) {
    case 0:
      return sqlite3_bind_null(handle, index);
    case 1:
      return sqlite3_bind_int64(handle, index, std::get<std::int64_t>(value));
    default: {
      const std::string& text = std::get<std::string>(value);
      return sqlite3_bind_text64(handle, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
  }
}

}  // namespace

Statement::Statement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement::~Statement() = default;

Statement& Statement::bind(int index, const Value& value) {
  if (state_->started) reset();
  state_->connection->check(bind_value(state_->handle, index, value));
  return *this;
}

bool Statement::step() {
  state_->started = true;
  const int result = sqlite3_step(state_->handle);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    reset();
    return false;
  }
  // Made before the reset, which forgets the message; reset so that a failed statement holds no lock.
  struct ResetAfter {
    Statement& statement;
    ~ResetAfter() { statement.reset(); }
  } reset_after{*this};
  state_->connection->fail(result);
}

void Statement::reset() {
  sqlite3_reset(state_->handle);
  state_->started = false;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(state_->handle, column); }

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(state_->handle, column));
  const int size = sqlite3_column_bytes(state_->handle, column);
  return bytes ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

bool Statement::null(int column) const { return sqlite3_column_type(state_->handle, column) == SQLITE_NULL; }

}  // namespace peerd::sqlite
