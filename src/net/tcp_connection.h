#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "peerd/base/mutex.h"
#include "peerd/net/server.h"

namespace peerd::net {

namespace asio = boost::asio;

/// An accepted connection: plain, or TLS from its start or from start_tls() on.
///
/// Bytes come in one read at a time and go to the handler; while the handler pauses, up to kReadAhead bytes are still
/// read, so that a peer that goes away is noticed. Bytes go out in the order of send(). The socket, the handler and all
/// that is not guarded belong to the io thread. The context is held so that the last reference may be dropped anywhere.
class TcpConnection final : public Connection, public std::enable_shared_from_this<TcpConnection> {
 public:
  using Ended = std::function<void(TcpConnection*)>;

  TcpConnection(std::shared_ptr<asio::io_context> io, asio::ip::tcp::socket socket,
                std::shared_ptr<asio::ssl::context> tls, Ended ended);
  enum class Begin { plain, tls };
  void run(std::unique_ptr<ConnectionHandler> handler, Begin begin);

  void send(std::string bytes) override;
  void start_tls() override;
  void close_when_sent() override;
  void pause_reading() override;
  void resume_reading() override;
  bool tls_available() const override { return context_ != nullptr; }
  std::string remote() const override { return remote_; }
  std::stop_token gone() const override { return gone_.get_token(); }
  void close_after(std::chrono::milliseconds time) override;

  /// Runs `task` on the io thread, unless the connection has ended by then.
  void on_io(std::function<void()> task);
  std::size_t queued() const;      ///< Bytes that wait to be sent.
  void resume_when_sent();         ///< Io thread.
  void abort(const char* reason);  ///< Io thread: ends it now.
  void tick(Clock::Instant now);   ///< Io thread: every second; deadlines.

 private:
  using Tcp = asio::ip::tcp::socket;
  void handshake();
  void read();
  void took_in(const boost::system::error_code& error, std::size_t size);
  void deliver();
  void flush();
  void write_some();
  void wrote(const boost::system::error_code& error, std::size_t size);
  void sent_all();
  void linger();

  static constexpr std::size_t kReadAhead = 64 << 10;
  static constexpr std::size_t kMostUnread = 17 << 20;  // No message of a handler is larger.
  static constexpr std::size_t kMostQueued = 1 << 20;   // send() blocks above.
  static constexpr std::chrono::seconds kHandshakeTime{30}, kLingerTime{2}, kStallTime{120};

  // Constant after construction.
  const std::shared_ptr<asio::io_context> io_;
  const std::shared_ptr<asio::ssl::context> context_;
  const Ended ended_;
  std::string remote_;

  // The io thread's.
  Tcp socket_;
  std::unique_ptr<asio::ssl::stream<Tcp&>> tls_;
  std::unique_ptr<ConnectionHandler> handler_;
  std::array<char, 32 << 10> buffer_;
  std::string in_, writing_;
  std::size_t written_ = 0;  // Of writing_.
  bool reading_ = false, delivering_ = false, flushing_ = false, tls_wanted_ = false, shaking_ = false,
       lingering_ = false;
  bool resume_wanted_ = false;
  Clock::Instant write_began_{}, io_deadline_ = Clock::Instant::max();

  std::atomic<bool> paused_{false};
  std::stop_source gone_;

  mutable Mutex mutex_;
  Condition room_;
  std::string out_ PEERD_GUARDED_BY(mutex_);
  std::size_t queued_ PEERD_GUARDED_BY(mutex_) = 0;  // out_ and writing_.
  bool flush_posted_ PEERD_GUARDED_BY(mutex_) = false;
  bool closing_ PEERD_GUARDED_BY(mutex_) = false;
  bool closed_ PEERD_GUARDED_BY(mutex_) = false;
  Clock::Instant deadline_ PEERD_GUARDED_BY(mutex_) = Clock::Instant::max();
};

}  // namespace peerd::net
