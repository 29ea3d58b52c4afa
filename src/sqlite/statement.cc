#include "statement_state.h"

namespace peerd::sqlite {

namespace {

int bind_value(sqlite3_stmt* handle, int index, const Value& value) {
  switch (value.index()) {
    case 0:
      return sqlite3_bind_null(handle, index);
    case 1:
      return sqlite3_bind_int64(handle, index, std::get<std::int64_t>(value));
    case 2:
      return sqlite3_bind_double(handle, index, std::get<double>(value));
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
  if (!state_->started) {
    ++state_->connection->statement_count;
    state_->started = true;
  }
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

int Statement::columns() const { return sqlite3_column_count(state_->handle); }

std::string Statement::column_name(int column) const {
  const char* name = sqlite3_column_name(state_->handle, column);
  return name ? name : "";
}

std::string Statement::column_declared_type(int column) const {
  const char* type = sqlite3_column_decltype(state_->handle, column);
  return type ? type : "";
}

Value Statement::value(int column) const {
  switch (sqlite3_column_type(state_->handle, column)) {
    case SQLITE_NULL:
      return nullptr;
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(state_->handle, column);
    default:
      return text(column);
  }
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(state_->handle, column); }

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(state_->handle, column));
  const int size = sqlite3_column_bytes(state_->handle, column);
  return bytes ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

bool Statement::null(int column) const { return sqlite3_column_type(state_->handle, column) == SQLITE_NULL; }

}  // namespace peerd::sqlite
