#include "http_session.h"

#include <algorithm>

#include "http_parser.h"
#include "peerd/base/error.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "peerd/net/attempt_limit.h"
#include "peerd/net/event_feed.h"
#include "peerd/net/http.h"
#include "tcp_connection.h"

namespace peerd::net {
namespace {

constexpr HttpParser::Limits kLimits{32 << 10, 8 << 20};
constexpr std::chrono::seconds kHeadTime{30}, kBodyTime{300}, kIdleTime{75};
constexpr std::size_t kMostUnsent = 1 << 20;  // Of events, beside the response's beginning.

const char* phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Answer";
  }
}

// In the words of google.rpc.Status, as the handlers answer.
HttpReply refusal(int status, int code, const std::string& message) {
  return {status,
          {{"content-type", "application/json"}},
          "{\"code\":" + std::to_string(code) + ",\"message\":\"" + message + "\",\"details\":[]}"};
}

std::string serialize(const HttpReply& reply, bool keep_alive, bool head_only) {
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " + phrase(reply.status) + "\r\n";
  for (const auto& [name, value] : reply.headers) {
    const auto end = std::find_if(value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n'; });
    out.append(name).append(": ").append(value.begin(), end).append("\r\n");
  }
  out.append("connection: ").append(keep_alive ? "keep-alive" : "close").append("\r\n");
  const bool bodiless = reply.status == 204 || reply.status == 304;
  if (!bodiless && !reply.events) out.append("content-length: ").append(std::to_string(reply.body.size())).append("\r\n");
  out.append("\r\n");
  if (!bodiless && !head_only) out.append(reply.body);
  return out;
}

class HttpSession final : public ConnectionHandler {
 public:
  HttpSession(std::shared_ptr<TcpConnection> connection, std::shared_ptr<HttpSite> site)
      : connection_(std::move(connection)), site_(std::move(site)), address_(address_of(connection_->remote())) {
    begin(kHeadTime);
  }
  ~HttpSession() override { give_back(); }

  std::size_t on_bytes(std::string_view bytes) override {
    if (finished_) return bytes.size();
    if (idle_) {
      idle_ = false;
      connection_->close_after(kHeadTime);
    }
    const std::size_t taken = parser_->put(bytes);
    if (over_budget_) {
      refuse(503, 8, "too much is being sent at once, try again");
      return bytes.size();
    }
    switch (parser_->state()) {
      case HttpParser::State::done:
        if (admitted() || admit()) dispatch();
        break;
      case HttpParser::State::body:
        if (!admitted() && admit()) continue_body();
        break;
      case HttpParser::State::head:
        break;
      case HttpParser::State::body_too_large:
        refuse(413, 8, "the body is larger than 8 MiB");
        return bytes.size();
      case HttpParser::State::head_too_large:
        refuse(431, 3, "the headers are larger than 32 KiB");
        return bytes.size();
      case HttpParser::State::broken:
        refuse(400, 3, "this is not HTTP: " + parser_->error());
        return bytes.size();
    }
    return taken;
  }

  void on_closed() override {
    finished_ = true;
    if (events_) events_->detach();
    events_.reset();
    give_back();
  }

 private:
  void begin(std::chrono::milliseconds time) {
    give_back();
    body_.clear();
    request_.reset();
    parser_ = std::make_unique<HttpParser>(HttpParser::Kind::request, kLimits,
                                           [this](std::string_view piece) { take_body(piece); });
    connection_->close_after(time);
  }

  void take_body(std::string_view piece) {
    over_budget_ = over_budget_ || !site_->bodies.take(address_, piece.size());
    if (over_budget_) return;
    body_held_ += piece.size();
    body_ += piece;
  }
  void give_back() {
    site_->bodies.give_back(address_, body_held_);
    body_held_ = 0;
  }

  bool admitted() const { return request_.has_value(); }

  // The head is there: who is not let in, is told before any of a body is waited for.
  bool admit() {
    HttpRequest request;
    if (!split_target(request)) return refuse(400, 3, "the request's target is not a path"), false;
    if (!has_clear_length()) return false;
    expects_continue_ = parser_->wants_continue();
    request.method = std::move(parser_->method);
    request.headers = std::move(parser_->headers);
    request.remote = connection_->remote();
    const HttpAdmission admission = site_->handler.admit ? site_->handler.admit(request) : HttpAdmission{};
    quick_ = admission.quick;
    if (admission.refusal) {
      const bool whole = parser_->state() == HttpParser::State::done;
      reply(serialize(*admission.refusal, whole && parser_->keep_alive(), request.method == "HEAD"), whole && parser_->keep_alive());
      return false;
    }
    request_ = std::move(request);
    return true;
  }

  // A body whose end is not certain would be read as the next request (RFC 9112 6.3).
  bool has_clear_length() {
    const auto coding = parser_->headers.find("transfer-encoding");
    if (coding == parser_->headers.end()) return true;
    if (parser_->headers.contains("content-length")) return refuse(400, 3, "it has both a length and a transfer coding"), false;
    if (to_lower(coding->second) == "chunked") return true;
    return refuse(501, 12, "the only transfer coding that is understood is chunked"), false;
  }

  void continue_body() {
    connection_->close_after(kBodyTime);
    if (expects_continue_) connection_->send("HTTP/1.1 100 Continue\r\n\r\n");
  }

  void refuse(int status, int code, const std::string& message) {
    finished_ = true;
    connection_->send(serialize(refusal(status, code, message), false, false));
    connection_->close_when_sent();
  }

  // The target as an origin sees it; a proxy's absolute form is cut down to that.
  bool split_target(HttpRequest& request) const {
    std::string_view target = parser_->target;
    if (const auto scheme = target.find("://");
        !target.empty() && target[0] != '/' && scheme != std::string_view::npos) {
      const auto slash = target.find('/', scheme + 3);
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    if (target.empty() || target[0] != '/') return false;
    target = target.substr(0, target.find('#'));
    const auto mark = target.find('?');
    request.path = url_decode(target.substr(0, mark));
    if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
    return true;
  }

  void dispatch() {
    connection_->close_after(std::chrono::milliseconds(0));
    HttpRequest request = std::move(*request_);
    request.body = std::move(body_);
    const bool keep_alive = parser_->keep_alive();
    const bool head_only = request.method == "HEAD";
    connection_->pause_reading();
    // The session lives as long as its connection is open, and on_io() asks for that.
    auto task = [this, connection = connection_, site = site_, request = std::move(request), keep_alive,
                 head_only] {
      std::string answer;
      std::shared_ptr<EventListener> events;
      try {
        const HttpReply reply = site->handler.handle(request, connection->gone());
        if (!head_only) events = reply.events;
        answer = serialize(reply, keep_alive && !reply.events, head_only);
      } catch (const Stopped&) {
        return;
      } catch (...) {
        log(LogLevel::error, "an HTTP request failed: " + current_error().message);
        answer = serialize(refusal(500, 13, "internal error"), keep_alive, head_only);
      }
      connection->on_io([this, answer = std::move(answer), events = std::move(events), keep_alive] {
        if (events) return follow(answer, events);
        reply(answer, keep_alive);
      });
    };
    if (!(quick_ ? site_->quick : site_->operators).post(std::move(task))) {
      HttpReply busy = refusal(503, 8, "all operators are busy, try again");
      busy.headers.emplace("retry-after", "1");
      reply(serialize(busy, keep_alive, head_only), keep_alive);
    }
  }

  void reply(const std::string& answer, bool keep_alive) {
    connection_->send(answer);
    if (!keep_alive) {
      finished_ = true;
      connection_->close_when_sent();
      return;
    }
    begin(kIdleTime);
    idle_ = true;
    connection_->resume_when_sent();  // Not before: who asks much and reads nothing must not fill our memory.
  }

  // The response goes on with what is published, until the client goes or the feed ends.
  void follow(const std::string& beginning, const std::shared_ptr<EventListener>& events) {
    give_back();
    events_ = events;
    most_unsent_ = kMostUnsent + beginning.size();
    connection_->send(beginning);
    events_->attach([this, connection = connection_](std::string text) {
      connection->on_io([this, text = std::move(text)] { pass_on(text); });
    });
  }

  void pass_on(const std::string& text) {
    if (finished_) return;
    if (text.empty()) {
      finished_ = true;
      return connection_->close_when_sent();
    }
    if (connection_->queued() > most_unsent_) return connection_->abort("it reads events too slowly");
    connection_->send(text);
  }

  const std::shared_ptr<TcpConnection> connection_;
  const std::shared_ptr<HttpSite> site_;
  const std::string address_;
  std::unique_ptr<HttpParser> parser_;
  std::optional<HttpRequest> request_;  ///< Once it is let in.
  std::string body_;
  std::size_t body_held_ = 0;  ///< Of the budget, until it is answered.
  std::shared_ptr<EventListener> events_;
  std::size_t most_unsent_ = 0;
  bool over_budget_ = false, expects_continue_ = false, quick_ = false, idle_ = false, finished_ = false;
};

}  // namespace

std::unique_ptr<ConnectionHandler> make_http_session(std::shared_ptr<TcpConnection> connection,
                                                     std::shared_ptr<HttpSite> site) {
  return std::make_unique<HttpSession>(std::move(connection), std::move(site));
}

}  // namespace peerd::net
