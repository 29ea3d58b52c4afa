#include <future>
#include <thread>

#include "connection_state.h"

namespace peerd::postgres {

void request_cancel(PGconn* connection) noexcept {
  PGcancel* cancel = PQgetCancel(connection);
  if (cancel == nullptr) return;
  // PQcancel blocks until the server closes the extra connection: for ever, when that server hangs. So it runs beside
  // us, and is waited for only as long as a healthy server needs; what it holds is its own.
  try {
    std::promise<void> done;
    std::future<void> delivered = done.get_future();
    std::thread([cancel, done = std::move(done)]() mutable {
      char reason[256];
      (void)PQcancel(cancel, reason, sizeof reason);
      PQfreeCancel(cancel);
      done.set_value();
    }).detach();
    (void)delivered.wait_for(std::chrono::milliseconds(500));
  } catch (const std::system_error&) {
    PQfreeCancel(cancel);  // No thread to be had: the server notices the closed connection by itself.
  }
}

}  // namespace peerd::postgres
