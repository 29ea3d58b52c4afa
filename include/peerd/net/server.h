#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "peerd/base/clock.h"

namespace peerd::net {

/// PEM texts of the server's certificate chain and key; both or neither.
struct TlsServerOptions {
  std::string certificate, private_key;
  bool enabled() const { return !certificate.empty(); }
};

/// One accepted TCP connection of the SQL port. The io thread owns the socket; all methods are thread-safe and return
/// at once, except send(), which blocks its caller (never the io thread) while more than 1 MiB waits to be sent; a peer that
/// leaves no room for two minutes is given up.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Queues bytes. From the io thread it never blocks. Throws Stopped when the connection is gone or the server stops.
  virtual void send(std::string bytes) = 0;
  virtual void start_tls() = 0;  ///< From on_bytes only: what follows is a TLS handshake. REQUIRES: TLS configured.
  virtual void close_when_sent() = 0;
  virtual void pause_reading() = 0;  ///< Until resume_reading(): how one statement at a time is kept.
  virtual void resume_reading() = 0;
  virtual bool tls_available() const = 0;
  virtual std::string remote() const = 0;
  virtual std::stop_token gone() const = 0;  ///< Asked to stop when the peer is gone or the server stops.
  /// Closes it when `time` has passed without another call; 0 calls that off. For logins and idle connections; exact to
  /// 1 s.
  virtual void close_after(std::chrono::milliseconds) {}
};

/// What speaks on a connection. Called on the io thread alone, never concurrently; must not block.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  /// Consumes what it can of `bytes` and returns how much; the rest comes again with more behind it, up to 17 MiB.
  /// What it throws ends the connection.
  virtual std::size_t on_bytes(std::string_view bytes) = 0;
  virtual void on_closed() = 0;
};

struct HttpRequest {
  std::string method, path, query;             ///< path decoded; query raw, without "?".
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;                            ///< At most 8 MiB: larger is answered 413.
  std::string remote;
};
class EventListener;  // peerd/net/event_feed.h
struct HttpReply {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  std::shared_ptr<EventListener> events{};  ///< When there is one, the body is only the beginning: see EventFeed.
};

/// What becomes of a request, told by its head alone.
struct HttpAdmission {
  std::optional<HttpReply> refusal;  ///< Sent at once; of the body nothing is read.
  bool quick = false;  ///< Answered from memory: it has a thread of its own, however busy the operators are.
};
struct HttpHandler {
  /// On the io thread, once the headers are there and before any body: must not block. Empty: all are let in.
  std::function<HttpAdmission(const HttpRequest& head)> admit;
  /// On an operator thread (see Operators), or the quick one; the io thread sends what it returns.
  std::function<HttpReply(const HttpRequest&, std::stop_token)> handle;
};

/// The listeners and their one io thread. listen_…() throw Error naming address and port when one cannot be bound.
/// Each takes at most 1000 connections at a time, 500 of one address; more are closed at once. Bodies of one port hold at
/// most 64 MiB together, those of one address half of it: what is more is answered 503. stop() is idempotent and takes no time to
/// speak of.
class Server {
 public:
  using MakeHandler = std::function<std::unique_ptr<ConnectionHandler>(std::shared_ptr<Connection>)>;

  Server();
  ~Server();  ///< stop().
  /// Port 0 = any; returns the port bound. Call before start().
  std::uint16_t listen_tcp(const std::string& address, std::uint16_t port, TlsServerOptions tls, MakeHandler make);
  std::uint16_t listen_http(const std::string& address, std::uint16_t port, TlsServerOptions tls, HttpHandler handler,
                            class Operators& operators);
  void start();
  /// New certificate and key for the listeners that have TLS; connections that stand keep theirs. Throws
  /// Error(invalid_option) when they cannot be used: the old ones stay.
  void renew_tls(const TlsServerOptions& tls);
  /// Stops accepting, asks every gone() to stop, closes all, joins the io thread.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The operators' threads (8 with a queue of 64 by default): one statement or request each.
class Operators {
 public:
  explicit Operators(unsigned threads = 8, std::size_t queue = 64);
  ~Operators();
  /// False when the queue is full or it stops: answer 53300 or 503. The task must not throw.
  bool post(std::function<void()> task);
  /// Takes no more, waits for running tasks. False when some still ran at wait.until.
  bool stop(const Wait& wait);
  struct Usage {
    std::size_t threads = 0, busy = 0, waiting = 0, most_waiting = 0;
    bool full() const { return busy >= threads && waiting >= most_waiting; }  ///< The next one is refused.
  };
  Usage usage() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace peerd::net
