#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "connection_state.h"

namespace peerd::postgres {
namespace {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ClearResult>;

}  // namespace

/// Sends `sql`; its first answer must open a COPY of that kind.
void Connection::begin_copy(std::string_view sql, int kind, const Wait& wait) {
  State& state = *state_;
  state.started(PQsendQuery(state.connection.get(), std::string(sql).c_str()));
  const OwnedResult result(state.next(wait));
  if (result && static_cast<int>(PQresultStatus(result.get())) == kind) return;
  if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
    const ServerError error = error_of(result.get());
    state.finish(wait);
    throw error;
  }
  state.abandon();
  throw Error(ErrorCode::internal, "the statement did not begin a COPY");
}

void Connection::copy_out(std::string_view sql, const Wait& wait) { begin_copy(sql, PGRES_COPY_OUT, wait); }
void Connection::copy_in(std::string_view sql, const Wait& wait) { begin_copy(sql, PGRES_COPY_IN, wait); }
void Connection::start_replication(std::string_view sql, const Wait& wait) {
  begin_copy(sql, PGRES_COPY_BOTH, wait);
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  const bool known = getsockname(socket(), reinterpret_cast<sockaddr*>(&own), &size) == 0;
  if (state_->wake_fd < 0) state_->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (state_->wake_fd < 0) throw Error(ErrorCode::internal, "eventfd failed");
  state_->gather = Gather(known && own.ss_family == AF_UNIX ? Gather::kOfUnixSocket : Gather::kLongest);
}

std::string_view Connection::copy_read(const Wait& wait) {
  State& state = *state_;
  for (;;) {
    char* buffer = nullptr;
    const int size = PQgetCopyData(state.connection.get(), &buffer, 1);
    state.message.reset(buffer);
    if (size > 0) return {buffer, static_cast<std::size_t>(size)};
    if (size == -1) {
      state.finish(wait);
      return {};
    }
    if (size < -1) state.lost();
    state.await(POLLIN, wait, "reading rows");
    state.consume();
  }
}

void Connection::copy_write(std::string_view bytes, const Wait& wait) {
  State& state = *state_;
  // libpq would buffer without limit: what is queued is sent before more is taken.
  if (PQputCopyData(state.connection.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) state.lost();
  state.flush(wait);
}

std::uint64_t Connection::copy_finish(const Wait& wait) {
  State& state = *state_;
  if (PQputCopyEnd(state.connection.get(), nullptr) != 1) state.lost();
  return state.finish(wait).affected();
}

void Connection::copy_fail(std::string_view why, const Wait& wait) {
  State& state = *state_;
  if (PQputCopyEnd(state.connection.get(), std::string(why).c_str()) != 1) state.lost();
  while (PGresult* result = state.next(wait)) PQclear(result);
}

std::optional<std::string_view> Connection::replication_read(const Wait& wait) {
  State& state = *state_;
  bool flowing = state.message != nullptr;
  for (;;) {
    char* buffer = nullptr;
    const int size = PQgetCopyData(state.connection.get(), &buffer, 1);
    state.message.reset(buffer);
    if (size > 0) {
      state.gather.got(static_cast<std::size_t>(size));
      return std::string_view(buffer, static_cast<std::size_t>(size));
    }
    if (size == -1) {
      state.broken = true;
      const OwnedResult result(PQgetResult(state.connection.get()));
      if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) throw error_of(result.get());
      throw Error(ErrorCode::unreachable, "the server ended the replication stream");
    }
    if (size < -1) state.lost();
    pollfd arrived{PQsocket(state.connection.get()), POLLIN, 0};
    if (std::exchange(flowing, false) && poll(&arrived, 1, 0) == 0) {
      const auto pause = state.gather.pause(std::chrono::steady_clock::now());
      const Blocked blocked;  // Not woken: in a backlog what the writer gets is to be large.
      if (pause.count() > 0) std::this_thread::sleep_for(pause);
    }
    if (!state.sleep(wait)) return std::nullopt;
    state.consume();
  }
}

void Connection::wake() noexcept { eventfd_write(state_->wake_fd, 1); }

bool Connection::State::sleep(const Wait& wait) {
  pollfd polled[2] = {{wake_fd, POLLIN, 0}, {PQsocket(connection.get()), POLLIN, 0}};
  if (!poll_any(polled, wait)) return false;
  if (polled[1].revents != 0) return true;
  eventfd_t count;
  eventfd_read(wake_fd, &count);
  return false;
}

void Connection::replication_write(std::string_view bytes, const Wait& wait) { copy_write(bytes, wait); }

}  // namespace peerd::postgres
