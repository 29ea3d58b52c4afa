#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/net/server.h"

namespace peerd::sql {

/// The wire between a test and a handler, in place of a socket. The test's thread is the io thread.
class FakeConnection final : public net::Connection {
 public:
  void send(std::string bytes) override {
    const Lock lock(mutex_);
    if (gone_.stop_requested()) throw Stopped{};
    sent_ += bytes;
    changed_.notify_all();
  }
  void start_tls() override { tls_started = true; }
  void close_when_sent() override {
    const Lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  void pause_reading() override { set_paused(true); }
  void resume_reading() override { set_paused(false); }
  bool tls_available() const override { return tls; }
  std::string remote() const override { return "test"; }
  std::stop_token gone() const override { return gone_.get_token(); }

  bool tls = false, tls_started = false;

 private:
  friend class FakeClient;
  void set_paused(bool paused) {
    const Lock lock(mutex_);
    paused_ = paused;
    changed_.notify_all();
  }

  std::stop_source gone_;
  Mutex mutex_;
  Condition changed_;
  std::string sent_;
  bool paused_ = false, closed_ = false;
};

struct Message {
  char type = 0;
  std::string body;
  /// A field of ErrorResponse or NoticeResponse.
  std::string field(char code) const {
    for (std::size_t at = 0; at < body.size() && body[at] != '\0'; at = body.find('\0', at) + 1) {
      if (body[at] == code) return body.substr(at + 1, body.find('\0', at) - at - 1);
    }
    return {};
  }
};

/// Speaks as a client through a FakeConnection. Waits at most 10 s for an answer.
class FakeClient {
 public:
  explicit FakeClient(const net::Server::MakeHandler& make, bool tls = false)
      : connection_(std::make_shared<FakeConnection>()) {
    connection_->tls = tls;
    handler_ = make(connection_);
  }
  ~FakeClient() { vanish(); }

  FakeConnection& connection() { return *connection_; }

  static std::string int32(std::int32_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
    return text;
  }
  static std::string int16(std::int16_t value) { return int32(value).substr(2); }
  static std::string z(const std::string& text) { return text + '\0'; }
  static std::string startup(const std::string& parameters) {
    const std::string body = int32(196608) + parameters + '\0';
    return int32(static_cast<std::int32_t>(body.size()) + 4) + body;
  }
  static std::string message(char type, const std::string& body) {
    return type + int32(static_cast<std::int32_t>(body.size()) + 4) + body;
  }
  static std::string query(const std::string& sql) { return message('Q', z(sql)); }
  static std::string parse(const std::string& sql, const std::vector<std::int32_t>& types = {},
                           const std::string& name = "") {
    std::string body = z(name) + z(sql) + int16(static_cast<std::int16_t>(types.size()));
    for (const auto type : types) body += int32(type);
    return message('P', body);
  }
  static std::string bind(const std::vector<std::string>& values, std::int16_t result_format = 0,
                          std::int16_t format = 0) {
    std::string body = z("") + z("") + int16(1) + int16(format) + int16(static_cast<std::int16_t>(values.size()));
    for (const auto& value : values) body += int32(static_cast<std::int32_t>(value.size())) + value;
    return message('B', body + int16(1) + int16(result_format));
  }
  static std::string describe(char what) { return message('D', what + z("")); }
  static std::string execute(std::int32_t most = 0) { return message('E', z("") + int32(most)); }
  static std::string sync() { return message('S', ""); }

  void feed(const std::string& bytes) {
    in_ += bytes;
    deliver();
  }
  /// The next message that the server sends.
  Message next() {
    wait([&] { return whole(); });
    const Lock lock(connection_->mutex_);
    auto& sent = connection_->sent_;
    Message message{sent[0], sent.substr(5, length() - 4)};
    sent.erase(0, length() + 1);
    return message;
  }
  /// All messages up to ReadyForQuery, included.
  std::vector<Message> until_ready() {
    std::vector<Message> messages;
    do messages.push_back(next());
    while (messages.back().type != 'Z');
    return messages;
  }
  std::vector<Message> ask(const std::string& bytes) {
    feed(bytes);
    return until_ready();
  }
  /// A byte that has no message's form: the answer to SSLRequest.
  char byte() {
    const Lock lock(connection_->mutex_);
    const char first = connection_->sent_.at(0);
    connection_->sent_.erase(0, 1);
    return first;
  }
  void wait_for_close() {
    wait([&] { return connection_->closed_; });
  }
  void vanish() {
    connection_->gone_.request_stop();
    if (handler_) handler_->on_closed();
    handler_.reset();
  }
  /// Logs in to a server without a password.
  std::vector<Message> log_in() { return ask(startup(z("user") + z("alice") + z("database") + z("db"))); }

 private:
  std::size_t length() const {
    std::size_t value = 0;
    for (std::size_t i = 1; i < 5; ++i) value = value << 8 | static_cast<unsigned char>(connection_->sent_[i]);
    return value;
  }
  bool whole() const { return connection_->sent_.size() >= 5 && connection_->sent_.size() > length(); }

  void deliver() {
    for (;;) {
      {
        const Lock lock(connection_->mutex_);
        if (connection_->paused_ || in_.empty()) return;
      }
      const std::size_t used = handler_->on_bytes(in_);
      in_.erase(0, used);
      if (used == 0) return;
    }
  }
  template <typename Predicate>
  void wait(Predicate predicate) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
      deliver();
      const Lock lock(connection_->mutex_);
      auto more = [&] { return predicate() || (!connection_->paused_ && !in_.empty()); };
      if (!connection_->changed_.wait_until(connection_->mutex_, until, more)) throw std::runtime_error("no answer");
      if (predicate()) return;
    }
  }

  std::shared_ptr<FakeConnection> connection_;
  std::unique_ptr<net::ConnectionHandler> handler_;
  std::string in_;
};

}  // namespace peerd::sql
