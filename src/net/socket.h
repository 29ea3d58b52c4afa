#pragma once

#include <openssl/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "peerd/base/clock.h"
#include "peerd/net/http.h"
#include "resolve.h"

namespace peerd::net {

/// One TCP connection to a server, with TLS where the endpoint says so. Non-blocking underneath: every call heeds its
/// Wait's deadline and stop at once, a peer that does not read included. A broken connection is an end of stream, not
/// an exception: the caller knows what that means where it is. Owned by one thread.
class Socket {
 public:
  explicit Socket(HttpEndpoint endpoint);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Resolves, connects, shakes hands. Throws Error(unreachable) that names host and port.
  void connect(const Wait& wait);
  void close() noexcept;
  bool is_open() const { return fd_ >= 0; }
  /// At least one byte; 0 when the stream has ended, see end_reason().
  std::size_t read_some(std::span<char> into, const Wait& wait);
  /// What is there now; none when nothing is.
  std::optional<std::size_t> read_now(std::span<char> into);

  enum class Sent { all, interrupted, broken };
  /// Sends everything. While it has to wait and the peer sends something, `heard` is called: false ends the sending.
  Sent write_all(std::span<iovec> parts, const std::function<bool()>& heard, const Wait& wait);

  bool ended_cleanly() const { return end_reason_.empty(); }
  const std::string& end_reason() const { return end_reason_; }  ///< "connection reset by peer"; "" for a plain end.
  const HttpEndpoint& endpoint() const { return endpoint_; }
  std::string name() const;  ///< "host:port".

 private:
  short await(short events, const Wait& wait, Clock::Instant soft = Clock::Instant::max());
  bool connect_to(const Address& address, Clock::Instant soft, const Wait& wait);
  void shake_hands(const Wait& wait);
  std::ptrdiff_t read_raw(std::span<char> into);
  std::ptrdiff_t write_raw(std::span<iovec> parts);

  const HttpEndpoint endpoint_;
  const std::string doing_;
  int fd_ = -1;
  int wake_ = -1;  // An eventfd: how a stop ends a poll.
  SSL_CTX* context_ = nullptr;
  SSL* tls_ = nullptr;
  short wants_ = 0;  // What TLS waits for after read_raw() or write_raw() got nowhere.
  std::string end_reason_;
};

}  // namespace peerd::net
