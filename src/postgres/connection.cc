#include <algorithm>
#include <cerrno>
#include <charconv>

#include "connection_state.h"

namespace peerd::postgres {
namespace {

std::vector<const char*> pointers(std::span<const std::optional<std::string>> parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
  return values;
}

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// `COPY t, line 7, column c: "value"`, in any language: the third part's second word is the column.
void read_copy_context(std::string_view context, ServerError& error) {
  constexpr std::string_view kCopy = "COPY ";
  if (!context.starts_with(kCopy)) return;
  const std::string_view line = context.substr(kCopy.size(), context.find('\n') - kCopy.size());
  const std::size_t first = line.find(", ");
  const std::size_t second = line.find(", ", first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return;
  if (line.substr(0, second).find(": ") != std::string_view::npos) return;
  const std::size_t space = line.find(' ', second + 2);
  if (space == std::string_view::npos) return;
  const std::string_view column = line.substr(space + 1);
  error.copied_into = line.substr(0, first);
  error.copied = column.substr(0, column.find(": "));
}

}  // namespace

bool failed(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

ServerError error_of(const PGresult* result) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) {  // libpq's own word: the connection broke.
    std::string_view message = PQresultErrorMessage(result);
    return ServerError(ErrorCode::unreachable, std::string(message.substr(0, message.find('\n'))),
                       "the connection to the server was lost");
  }
  ServerError error(error_text(sqlstate, field(result, PG_DIAG_MESSAGE_PRIMARY), field(result, PG_DIAG_MESSAGE_HINT)));
  const auto with_schema = [&](int code) {
    const std::string_view name = field(result, code);
    if (name.empty()) return std::string();
    return QualifiedName{std::string(field(result, PG_DIAG_SCHEMA_NAME)), std::string(name)}.quoted();
  };
  error.table = with_schema(PG_DIAG_TABLE_NAME);
  error.type = with_schema(PG_DIAG_DATATYPE_NAME);
  error.column = field(result, PG_DIAG_COLUMN_NAME);
  const std::string_view position = field(result, PG_DIAG_STATEMENT_POSITION);
  std::from_chars(position.data(), position.data() + position.size(), error.position);
  error.constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  read_copy_context(field(result, PG_DIAG_CONTEXT), error);
  return error;
}

void Result::Clear::operator()(pg_result* result) const { PQclear(result); }
int Result::rows() const { return PQntuples(result_.get()); }
int Result::columns() const { return PQnfields(result_.get()); }
bool Result::null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
std::string_view Result::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}
std::string_view Result::column_name(int column) const { return PQfname(result_.get(), column); }
std::uint32_t Result::column_type(int column) const { return PQftype(result_.get(), column); }
std::int32_t Result::column_type_modifier(int column) const { return PQfmod(result_.get(), column); }

std::int64_t Result::integer(int row, int column) const {
  const std::string_view digits = text(row, column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw Error(ErrorCode::internal, "a number was expected in column " + std::string(column_name(column)));
  }
  return value;
}

std::uint64_t Result::affected() const {
  const std::string_view digits = PQcmdTuples(result_.get());
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool poll_any(std::span<pollfd> polled, const Wait& wait) {
  constexpr std::chrono::milliseconds kSlice{50};  // How long a stop may go unnoticed.
  for (;;) {
    if (wait.stop.stop_requested()) throw Stopped{};
    const auto left = wait.until - std::chrono::steady_clock::now();
    const auto slice = std::clamp<Clock::Instant::duration>(left, Clock::Instant::duration::zero(), kSlice);
    const timespec time{0, static_cast<long>(std::chrono::nanoseconds(slice).count())};
    int ready;
    {
      const Blocked blocked;
      ready = ppoll(polled.data(), polled.size(), &time, nullptr);
    }
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw Error(ErrorCode::internal, "poll failed");
    if (wait.expired()) return false;
  }
}

short Connection::State::await(short events, const Wait& wait, const char* doing) {
  try {
    pollfd polled{PQsocket(connection.get()), events, 0};
    if (poll_any({&polled, 1}, wait)) return polled.revents;
    wait.check(doing);
    throw Error(ErrorCode::timeout, std::string(doing) + " took too long");
  } catch (...) {
    abandon();
    throw;
  }
}

void Connection::State::abandon() noexcept {
  if (broken) return;
  broken = true;
  if (PQtransactionStatus(connection.get()) == PQTRANS_ACTIVE) request_cancel(connection.get());
}

void Connection::State::lost() {
  broken = true;
  const std::string_view message = PQerrorMessage(connection.get());
  throw Error(ErrorCode::unreachable, std::string(message.substr(0, message.find('\n'))),
              "the connection to the server was lost");
}

void Connection::State::started(int sent) {
  if (sent == 0) lost();
}

void Connection::State::consume() {
  if (PQconsumeInput(connection.get()) == 0) lost();
}

void Connection::State::flush(const Wait& wait) {
  for (;;) {
    const int left = PQflush(connection.get());
    if (left == 0) return;
    if (left < 0) lost();
    // Reads too: a server that wants to tell something first would never make room.
    if ((await(POLLIN | POLLOUT, wait, "sending to the server") & POLLIN) != 0) consume();
  }
}

PGresult* Connection::State::next(const Wait& wait) {
  flush(wait);
  while (PQisBusy(connection.get()) != 0) {
    await(POLLIN, wait, "waiting for the server");
    consume();
  }
  return PQgetResult(connection.get());
}

Result Connection::State::finish(const Wait& wait) {
  Result last(nullptr);
  std::optional<ServerError> error;
  while (PGresult* result = next(wait)) {
    const ExecStatusType status = PQresultStatus(result);
    if (failed(result) && !error) error = error_of(result);
    last = Result(result);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      abandon();
      throw Error(ErrorCode::internal, "a COPY was run as an ordinary statement");
    }
  }
  if (error) throw *error;
  return last;
}

Result Connection::run(std::string_view sql, const Wait& wait) {
  State& state = *state_;
  state.started(PQsendQuery(state.connection.get(), std::string(sql).c_str()));
  return state.finish(wait);
}

Result Connection::run(std::string_view sql, std::span<const std::optional<std::string>> parameters, const Wait& wait) {
  State& state = *state_;
  const auto values = pointers(parameters);
  state.started(PQsendQueryParams(state.connection.get(), std::string(sql).c_str(), static_cast<int>(values.size()),
                                  nullptr, values.data(), nullptr, nullptr, 0));
  return state.finish(wait);
}

void Connection::State::prepare(const std::string& name, std::string_view sql, const Wait& wait) {
  started(PQsendPrepare(connection.get(), name.c_str(), std::string(sql).c_str(), 0, nullptr));
  finish(wait);
}

void Connection::prepare(const std::string& name, std::string_view sql, const Wait& wait) {
  state_->prepare(name, sql, wait);
  state_->prepared = true;
}

Result Connection::run_planned(std::string_view sql, std::span<const std::optional<std::string>> parameters,
                               const Wait& wait) {
  auto known = state_->planned.find(sql);
  if (known == state_->planned.end()) {
    const std::string name = "peerd_planned_" + std::to_string(state_->planned.size());
    state_->prepare(name, sql, wait);
    known = state_->planned.emplace(sql, name).first;
  }
  return run_prepared(known->second, parameters, wait);
}

Result Connection::run_prepared(const std::string& name, std::span<const std::optional<std::string>> parameters,
                                const Wait& wait) {
  State& state = *state_;
  const auto values = pointers(parameters);
  state.started(PQsendQueryPrepared(state.connection.get(), name.c_str(), static_cast<int>(values.size()),
                                    values.data(), nullptr, nullptr, 0));
  return state.finish(wait);
}

void Connection::each_row(std::string_view sql, std::span<const std::optional<std::string>> parameters,
                          const Wait& wait, const std::function<void(const Result&)>& row) {
  State& state = *state_;
  const auto values = pointers(parameters);
  state.started(PQsendQueryParams(state.connection.get(), std::string(sql).c_str(), static_cast<int>(values.size()),
                                  nullptr, values.data(), nullptr, nullptr, 0));
  PQsetSingleRowMode(state.connection.get());
  std::optional<ServerError> error;
  while (PGresult* raw = state.next(wait)) {
    const Result result(raw);
    if (failed(raw) && !error) error = error_of(raw);
    if (PQresultStatus(raw) != PGRES_SINGLE_TUPLE) continue;
    try {
      row(result);
    } catch (...) {
      state.abandon();
      throw;
    }
  }
  if (error) throw *error;
}

}  // namespace peerd::postgres
