#include "socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "peerd/base/error.h"
#include "peerd/base/text.h"
#include "tls_client.h"

namespace peerd::net {
namespace {

constexpr std::ptrdiff_t kWouldBlock = -1;
constexpr std::ptrdiff_t kBroken = -2;

std::string errno_text(int number) { return to_lower(std::generic_category().message(number)); }

void skip_sent(std::span<iovec>& parts, std::size_t sent) {
  while (!parts.empty() && sent >= parts.front().iov_len) {
    sent -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (!parts.empty()) {
    parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + sent;
    parts.front().iov_len -= sent;
  }
}

}  // namespace

Socket::Socket(HttpEndpoint endpoint)
    : endpoint_(std::move(endpoint)), doing_("talking to " + name()), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_ < 0) throw Error(ErrorCode::internal, "eventfd: " + errno_text(errno));
}

Socket::~Socket() {
  close();
  SSL_CTX_free(context_);
  ::close(wake_);
}

std::string Socket::name() const {
  const bool v6 = endpoint_.host.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint_.host + "]" : endpoint_.host) + ":" + std::to_string(endpoint_.port);
}

void Socket::close() noexcept {
  if (tls_ != nullptr) {
    SSL_free(tls_);
    tls_ = nullptr;
    ERR_clear_error();
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

// 0 when `soft` has passed. A stop writes the eventfd, so that no time slices are needed.
short Socket::await(short events, const Wait& wait, Clock::Instant soft) {
  const std::stop_callback wake(wait.stop, [this] { eventfd_write(wake_, 1); });
  for (;;) {
    wait.check(doing_.c_str());
    if (std::chrono::steady_clock::now() >= soft) return 0;
    const Wait both{std::min(wait.until, soft), {}};
    pollfd polled[2] = {{fd_, events, 0}, {wake_, POLLIN, 0}};
    int ready;
    {
      const Blocked blocked;
      ready = ::poll(polled, 2, both.remaining_ms(3'600'000));
    }
    if (ready < 0 && errno != EINTR) throw Error(ErrorCode::internal, "poll: " + errno_text(errno));
    if (ready <= 0) continue;
    if (polled[1].revents != 0) {
      eventfd_t count;
      eventfd_read(wake_, &count);
    }
    if (polled[0].revents != 0) return polled[0].revents;
  }
}

void Socket::connect(const Wait& wait) {
  close();
  end_reason_.clear();
  const std::vector<Address> addresses = resolve(endpoint_.host, endpoint_.port, wait);
  for (std::size_t i = 0; i < addresses.size() && fd_ < 0; ++i) {
    // A silent address must not use up the time of those behind it.
    const auto left = wait.until - std::chrono::steady_clock::now();
    const auto share = left / static_cast<std::int64_t>(addresses.size() - i);
    const bool last = i + 1 == addresses.size();
    connect_to(addresses[i], last ? Clock::Instant::max() : std::chrono::steady_clock::now() + share, wait);
  }
  if (fd_ < 0) {
    throw Error(ErrorCode::unreachable, "cannot connect to " + name() + ": " + end_reason_,
                refused_hint(endpoint_.host));
  }
  end_reason_.clear();
  if (!endpoint_.tls.enabled) return;
  try {
    shake_hands(wait);
  } catch (...) {
    close();
    throw;
  }
}

bool Socket::connect_to(const Address& address, Clock::Instant soft, const Wait& wait) {
  fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    end_reason_ = errno_text(errno);
    return false;
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A server that is gone without a word is noticed within half a minute, whether something is under way to it or not.
  const int idle_s = 10, interval_s = 10, probes = 2;
  const unsigned unanswered_ms = 30'000;
  setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
  int error = 0;
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      try {
        const short ready = await(POLLOUT, wait, soft);
        socklen_t size = sizeof error;
        if (ready == 0) {
          error = ETIMEDOUT;
        } else if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
          error = errno;
        }
      } catch (...) {
        close();
        throw;
      }
    }
  }
  if (error == 0) return true;
  end_reason_ = errno_text(error);
  close();
  return false;
}

void Socket::shake_hands(const Wait& wait) {
  if (context_ == nullptr) context_ = make_client_context(endpoint_.tls);
  tls_ = make_client_tls(context_, endpoint_);
  SSL_set_fd(tls_, fd_);
  for (;;) {
    ERR_clear_error();
    const int done = SSL_connect(tls_);
    if (done == 1) return;
    const int reason = SSL_get_error(tls_, done);
    if (reason == SSL_ERROR_WANT_READ) {
      await(POLLIN, wait);
    } else if (reason == SSL_ERROR_WANT_WRITE) {
      await(POLLOUT, wait);
    } else {
      throw_handshake_error(tls_, name());
    }
  }
}

// Bytes, 0 at the end, kWouldBlock or kBroken.
std::ptrdiff_t Socket::read_raw(std::span<char> into) {
  if (tls_ == nullptr) {
    for (;;) {
      const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
      if (got >= 0) return got;
      if (errno == EINTR) continue;
      wants_ = POLLIN;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return kWouldBlock;
      end_reason_ = errno_text(errno);
      return kBroken;
    }
  }
  ERR_clear_error();
  errno = 0;
  const int got = SSL_read(tls_, into.data(), static_cast<int>(std::min<std::size_t>(into.size(), 1 << 30)));
  if (got > 0) return got;
  const int reason = SSL_get_error(tls_, got);
  if (reason == SSL_ERROR_ZERO_RETURN) return 0;
  wants_ = reason == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return kWouldBlock;
  end_reason_ = tls_error_text(errno);
  return kBroken;
}

std::ptrdiff_t Socket::write_raw(std::span<iovec> parts) {
  if (tls_ == nullptr) {
    for (;;) {
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      if (errno == EINTR) continue;
      wants_ = POLLOUT;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return kWouldBlock;
      end_reason_ = errno_text(errno);
      return kBroken;
    }
  }
  ERR_clear_error();
  errno = 0;
  const std::size_t size = std::min<std::size_t>(parts.front().iov_len, 1 << 30);
  const int sent = SSL_write(tls_, parts.front().iov_base, static_cast<int>(size));
  if (sent > 0) return sent;
  const int reason = SSL_get_error(tls_, sent);
  wants_ = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return kWouldBlock;
  end_reason_ = tls_error_text(errno);
  return kBroken;
}

std::size_t Socket::read_some(std::span<char> into, const Wait& wait) {
  for (;;) {
    const std::ptrdiff_t got = read_raw(into);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (got == kBroken) return 0;
    await(wants_, wait);
  }
}

std::optional<std::size_t> Socket::read_now(std::span<char> into) {
  const std::ptrdiff_t got = read_raw(into);
  if (got == kWouldBlock) return std::nullopt;
  return got == kBroken ? 0 : static_cast<std::size_t>(got);
}

Socket::Sent Socket::write_all(std::span<iovec> parts, const std::function<bool()>& heard, const Wait& wait) {
  skip_sent(parts, 0);
  wait.check(doing_.c_str());
  while (!parts.empty()) {
    const std::ptrdiff_t sent = write_raw(parts);
    if (sent == kBroken) return Sent::broken;
    if (sent != kWouldBlock) {
      skip_sent(parts, static_cast<std::size_t>(sent));
      continue;
    }
    const short ready = await(static_cast<short>(wants_ | POLLIN), wait);
    // heard() reads what came: otherwise poll() would return at once for ever.
    if ((ready & POLLIN) != 0 && !heard()) return Sent::interrupted;
  }
  return Sent::all;
}

}  // namespace peerd::net
