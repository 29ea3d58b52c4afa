#include "peerd/net/server.h"

#include <pthread.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <unordered_map>

#include "http_session.h"
#include "peerd/base/error.h"
#include "peerd/base/log.h"
#include "tcp_connection.h"
#include "tls_server.h"

namespace peerd::net {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMostConnections = 1000, kMostOfOneAddress = 500;  // Of one listener.

// Makes the handler of a connection.
using Make = std::function<std::unique_ptr<ConnectionHandler>(const std::shared_ptr<TcpConnection>&)>;

tcp::endpoint endpoint_of(asio::io_context& io, const std::string& address, std::uint16_t port) {
  error_code error;
  const auto numeric = asio::ip::make_address(address, error);
  if (!error) return {numeric, port};
  const auto found = tcp::resolver(io).resolve(address, std::to_string(port), error);
  if (error || found.empty()) {
    throw Error(ErrorCode::invalid_option, "cannot listen on \"" + address + "\": " + error.message(),
                "listen takes an IP address such as 127.0.0.1, 0.0.0.0 or ::");
  }
  return found.begin()->endpoint();
}

// Accepts on one port and holds what it accepted. Io thread, but for its construction.
class Listener {
 public:
  Listener(std::shared_ptr<asio::io_context> io, const std::string& address, std::uint16_t port,
           const TlsServerOptions& tls, TcpConnection::Begin begin, Make make)
      : io_(std::move(io)),
        tls_(make_server_context(tls)),
        begin_(begin),
        make_(std::move(make)),
        acceptor_(*io_),
        retry_(*io_) {
    bind(address, port);
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error) {
        take(std::move(socket));
        return accept();
      }
      // Out of descriptors, most likely: trying again at once would spin.
      log(LogLevel::warning, "cannot accept a connection: " + error.message());
      retry_.expires_after(std::chrono::milliseconds(100));
      retry_.async_wait([this](const error_code& cancelled) {
        if (!cancelled && acceptor_.is_open()) accept();
      });
    });
  }

  void tick(Clock::Instant now) {
    for (const auto& connection : snapshot()) connection->tick(now);
  }

  void renew_tls(const std::shared_ptr<asio::ssl::context>& context) {
    if (tls_ != nullptr && context != nullptr) tls_ = context;
  }

  void stop() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    for (const auto& connection : snapshot()) connection->abort("");
  }

 private:
  void bind(const std::string& address, std::uint16_t port) {
    const tcp::endpoint endpoint = endpoint_of(*io_, address, port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return;
    const bool taken = error == asio::error::address_in_use;
    throw Error(ErrorCode::unreachable,
                "cannot listen on " + address + ":" + std::to_string(port) + ": " + error.message(),
                taken ? "another process has that port: choose another, or 0 for any"
                      : "check the listen address and the port");
  }

  void take(tcp::socket socket) {
    error_code ignored;
    if (live_.size() >= kMostConnections) {
      if (!full_) log(LogLevel::warning, "more than 1000 connections on one port: new ones are closed");
      full_ = true;
      socket.close(ignored);
      return;
    }
    full_ = false;
    const auto end = socket.remote_endpoint(ignored);
    const std::string address = ignored ? "?" : end.address().to_string();
    if (by_address_[address] >= kMostOfOneAddress) {
      log(LogLevel::warning, "more than 500 connections of " + address + " on one port: new ones are closed");
      socket.close(ignored);
      return;
    }
    ++by_address_[address];
    auto connection = std::make_shared<TcpConnection>(io_, std::move(socket), tls_,
                                                      [this, address](TcpConnection* ended) { forget(ended, address); });
    live_.emplace(connection.get(), connection);
    try {
      connection->run(make_(connection), begin_);
    } catch (...) {
      connection->abort(current_error().message.c_str());
    }
  }

  void forget(TcpConnection* ended, const std::string& address) {
    if (live_.erase(ended) == 0) return;
    if (const auto count = by_address_.find(address); --count->second == 0) by_address_.erase(count);
  }

  std::vector<std::shared_ptr<TcpConnection>> snapshot() const {
    std::vector<std::shared_ptr<TcpConnection>> all;
    all.reserve(live_.size());
    for (const auto& [key, connection] : live_) all.push_back(connection);
    return all;
  }

  const std::shared_ptr<asio::io_context> io_;
  std::shared_ptr<asio::ssl::context> tls_;
  const TcpConnection::Begin begin_;
  const Make make_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::unordered_map<TcpConnection*, std::shared_ptr<TcpConnection>> live_;
  std::unordered_map<std::string, std::size_t> by_address_;  // Of live_.
  bool full_ = false;
};

}  // namespace

struct Server::State {
  Operators quick{1};
  std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
  std::vector<std::unique_ptr<Listener>> listeners;
  asio::steady_timer timer{*io};
  bool stopping = false;  // The io thread's.
  Mutex mutex;            // start() and stop() may come from different threads.
  std::thread thread PEERD_GUARDED_BY(mutex);

  void tick() {
    timer.expires_after(std::chrono::seconds(1));
    timer.async_wait([this](const error_code& cancelled) {
      if (cancelled || stopping) return;
      for (const auto& listener : listeners) listener->tick(std::chrono::steady_clock::now());
      tick();
    });
  }

  std::uint16_t listen(const std::string& address, std::uint16_t port, const TlsServerOptions& tls,
                       TcpConnection::Begin begin, Make make) {
    listeners.push_back(std::make_unique<Listener>(io, address, port, tls, begin, std::move(make)));
    return listeners.back()->port();
  }

  void run() {
    pthread_setname_np(pthread_self(), "io");
    for (;;) {
      try {
        io->run();
        return;
      } catch (...) {
        log(LogLevel::error, "the listeners' thread goes on after: " + current_error().message);
      }
    }
  }
};

Server::Server() : state_(std::make_unique<State>()) {}
Server::~Server() { stop(); }

std::uint16_t Server::listen_tcp(const std::string& address, std::uint16_t port, TlsServerOptions tls,
                                 MakeHandler make) {
  return state_->listen(
      address, port, tls, TcpConnection::Begin::plain,
      [make = std::move(make)](const std::shared_ptr<TcpConnection>& connection) { return make(connection); });
}

std::uint16_t Server::listen_http(const std::string& address, std::uint16_t port, TlsServerOptions tls,
                                  HttpHandler handler, Operators& operators) {
  const auto begin = tls.enabled() ? TcpConnection::Begin::tls : TcpConnection::Begin::plain;
  const auto site = std::make_shared<HttpSite>(HttpSite{std::move(handler), operators, state_->quick});
  return state_->listen(address, port, tls, begin, [site](const std::shared_ptr<TcpConnection>& connection) {
    return make_http_session(connection, site);
  });
}

void Server::renew_tls(const TlsServerOptions& tls) {
  const auto context = make_server_context(tls);
  asio::post(*state_->io, [state = state_.get(), context] {
    for (const auto& listener : state->listeners) listener->renew_tls(context);
  });
}

void Server::start() {
  const Lock lock(state_->mutex);
  if (state_->thread.joinable()) return;
  for (const auto& listener : state_->listeners) listener->accept();
  state_->tick();
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

void Server::stop() {
  const Lock lock(state_->mutex);
  if (!state_->thread.joinable()) return;
  asio::post(*state_->io, [state = state_.get()] {
    state->stopping = true;
    state->timer.cancel();
    for (const auto& listener : state->listeners) listener->stop();
  });
  state_->thread.join();
}

}  // namespace peerd::net
