#include "tcp_connection.h"

#include "peerd/base/error.h"
#include "peerd/base/log.h"

namespace peerd::net {

using boost::system::error_code;

TcpConnection::TcpConnection(std::shared_ptr<asio::io_context> io, Tcp socket, std::shared_ptr<asio::ssl::context> tls,
                             Ended ended)
    : io_(std::move(io)), context_(std::move(tls)), ended_(std::move(ended)), socket_(std::move(socket)) {
  error_code ignored;
  const auto end = socket_.remote_endpoint(ignored);
  remote_ = ignored ? "?" : end.address().to_string() + ":" + std::to_string(end.port());
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle_s = 60;  // A peer that lost power is noticed within minutes, not hours.
  setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
}

void TcpConnection::run(std::unique_ptr<ConnectionHandler> handler, Begin begin) {
  handler_ = std::move(handler);
  if (begin == Begin::tls) {
    handshake();
  } else {
    read();
  }
}

// From any thread.

void TcpConnection::send(std::string bytes) {
  if (bytes.empty()) return;
  const bool may_wait = !io_->get_executor().running_in_this_thread();
  Lock lock(mutex_);
  // Not for ever: who reads a byte now and then would hold an operator's thread as long as he likes.
  const auto until = std::chrono::steady_clock::now() + kStallTime;
  const auto has_room = [this] { return closed_ || queued_ <= kMostQueued; };
  if (may_wait && !room_.wait_until(mutex_, std::stop_token{}, until, has_room)) {
    asio::post(*io_, [self = shared_from_this()] { self->abort("the peer reads too slowly"); });
    throw Stopped{};
  }
  if (closed_) throw Stopped{};
  if (closing_) return;
  queued_ += bytes.size();
  if (out_.empty()) {
    out_ = std::move(bytes);
  } else {
    out_ += bytes;
  }
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(*io_, [self = shared_from_this()] { self->flush(); });
}

std::size_t TcpConnection::queued() const {
  const Lock lock(mutex_);
  return queued_;
}

void TcpConnection::close_when_sent() {
  const Lock lock(mutex_);
  if (closed_ || closing_) return;
  closing_ = true;
  asio::post(*io_, [self = shared_from_this()] { self->flush(); });
}

void TcpConnection::pause_reading() { paused_ = true; }

void TcpConnection::resume_reading() {
  on_io([this] {
    paused_ = false;
    deliver();
  });
}

void TcpConnection::on_io(std::function<void()> task) {
  const Lock lock(mutex_);
  if (closed_) return;
  asio::post(*io_, [self = shared_from_this(), task = std::move(task)] {
    {
      const Lock lock(self->mutex_);
      if (self->closed_) return;
    }
    task();
  });
}

void TcpConnection::close_after(std::chrono::milliseconds time) {
  const Lock lock(mutex_);
  deadline_ = time.count() == 0 ? Clock::Instant::max() : std::chrono::steady_clock::now() + time;
}

// On the io thread from here on.

void TcpConnection::start_tls() {
  if (context_ == nullptr) throw Error(ErrorCode::internal, "start_tls() without a certificate");
  tls_wanted_ = true;
}

void TcpConnection::handshake() {
  tls_wanted_ = false;
  // Plain bytes behind the request for TLS would be taken for encrypted ones: somebody may have put them there.
  if (!in_.empty() || reading_ || tls_ != nullptr) return abort("plain bytes where a TLS handshake was due");
  tls_ = std::make_unique<asio::ssl::stream<Tcp&>>(socket_, *context_);
  shaking_ = true;
  io_deadline_ = std::chrono::steady_clock::now() + kHandshakeTime;
  tls_->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](const error_code& error) {
    self->shaking_ = false;
    self->io_deadline_ = Clock::Instant::max();
    if (error) return self->abort("the TLS handshake failed");
    self->read();
    self->flush();
  });
}

void TcpConnection::read() {
  if (reading_ || tls_wanted_ || shaking_ || !socket_.is_open()) return;
  if (!lingering_ && paused_ && in_.size() >= kReadAhead) return;
  reading_ = true;
  auto done = [self = shared_from_this()](const error_code& error, std::size_t size) { self->took_in(error, size); };
  if (tls_ != nullptr && !lingering_) {
    tls_->async_read_some(asio::buffer(buffer_), std::move(done));
  } else {
    socket_.async_read_some(asio::buffer(buffer_), std::move(done));
  }
}

void TcpConnection::took_in(const error_code& error, std::size_t size) {
  reading_ = false;
  if (lingering_) {
    if (error) return abort("");
    return read();
  }
  if (error) return abort("");
  in_.append(buffer_.data(), size);
  deliver();
}

void TcpConnection::deliver() {
  if (delivering_ || handler_ == nullptr) return;
  delivering_ = true;
  std::size_t taken = 0;
  try {
    while (!paused_ && !tls_wanted_ && !lingering_ && taken < in_.size() && socket_.is_open()) {
      const std::size_t used = handler_->on_bytes(std::string_view(in_).substr(taken));
      taken += used;
      if (used == 0) break;
    }
  } catch (const Stopped&) {
    delivering_ = false;
    return abort("");
  } catch (...) {
    delivering_ = false;
    return abort(current_error().message.c_str());
  }
  delivering_ = false;
  in_.erase(0, taken);
  if (in_.size() > kMostUnread) return abort("a message is too large");
  if (tls_wanted_) return flush();
  read();
}

void TcpConnection::flush() {
  {
    const Lock lock(mutex_);
    flush_posted_ = flushing_;
    if (closed_ || flushing_ || shaking_) return;
    flush_posted_ = !out_.empty();
    writing_.clear();
    writing_.swap(out_);
    written_ = 0;
  }
  if (writing_.empty()) return sent_all();
  flushing_ = true;
  write_some();
}

// Piece by piece, so that a peer that reads slowly is told from one that does not read at all.
void TcpConnection::write_some() {
  write_began_ = std::chrono::steady_clock::now();
  auto done = [self = shared_from_this()](const error_code& error, std::size_t size) { self->wrote(error, size); };
  if (tls_ != nullptr) {
    tls_->async_write_some(asio::buffer(writing_) + written_, std::move(done));
  } else {
    socket_.async_write_some(asio::buffer(writing_) + written_, std::move(done));
  }
}

void TcpConnection::wrote(const error_code& error, std::size_t size) {
  if (error) {
    flushing_ = false;
    return abort("");
  }
  written_ += size;
  {
    const Lock lock(mutex_);
    if (closed_) return;
    queued_ -= size;
  }
  room_.notify_all();
  if (written_ < writing_.size()) return write_some();
  flushing_ = false;
  flush();
}

void TcpConnection::sent_all() {
  bool closing;
  {
    const Lock lock(mutex_);
    closing = closing_;
  }
  if (closing) return linger();
  if (tls_wanted_) return handshake();
  if (resume_wanted_) {
    resume_wanted_ = false;
    paused_ = false;
    deliver();
  }
}

// Closing with unread bytes would reset the connection and could take our last words with it: say that no more comes,
// then read on until the peer closes, for a while.
void TcpConnection::linger() {
  if (lingering_) return;
  lingering_ = true;
  io_deadline_ = std::chrono::steady_clock::now() + kLingerTime;
  auto half_close = [self = shared_from_this()](const error_code&) {
    error_code ignored;
    self->socket_.shutdown(Tcp::shutdown_send, ignored);
    self->read();
  };
  if (tls_ != nullptr && !shaking_) {
    tls_->async_shutdown(std::move(half_close));
  } else {
    half_close({});
  }
}

void TcpConnection::resume_when_sent() {
  resume_wanted_ = true;
  flush();
}

void TcpConnection::tick(Clock::Instant now) {
  Clock::Instant asked;
  {
    const Lock lock(mutex_);
    asked = deadline_;
  }
  if (now >= io_deadline_ || now >= asked) return abort(lingering_ ? "" : "its time is up");
  if (flushing_ && now - write_began_ > kStallTime) abort("the peer does not read");
}

void TcpConnection::abort(const char* reason) {
  {
    const Lock lock(mutex_);
    if (closed_) return;
    closed_ = true;
    out_.clear();
    queued_ = 0;
  }
  if (*reason != '\0') log(LogLevel::debug, "connection of " + remote_ + " closed: " + reason);
  room_.notify_all();
  const auto self = shared_from_this();
  gone_.request_stop();
  error_code ignored;
  socket_.close(ignored);
  if (handler_ != nullptr) handler_->on_closed();
  // The handler may hold this connection and may be what called us: it goes when the io thread is out of it.
  asio::post(*io_, [self] { self->handler_.reset(); });
  ended_(this);
}

}  // namespace peerd::net
