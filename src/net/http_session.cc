#include "http_session.h"

#include <algorithm>

#include "http_parser.h"
#include "peerd/base/error.h"
#include "peerd/base/log.h"
#include "peerd/net/http.h"
#include "tcp_connection.h"

namespace peerd::net {
namespace {

constexpr HttpParser::Limits kLimits{32 << 10, 8 << 20};
constexpr std::chrono::seconds kHeadTime{30}, kBodyTime{300}, kIdleTime{75};

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
  if (!bodiless) out.append("content-length: ").append(std::to_string(reply.body.size())).append("\r\n");
  out.append("\r\n");
  if (!bodiless && !head_only) out.append(reply.body);
  return out;
}

class HttpSession final : public ConnectionHandler {
 public:
  HttpSession(std::shared_ptr<TcpConnection> connection, Server::HandleHttp handle, Operators& operators)
      : connection_(std::move(connection)), handle_(std::move(handle)), operators_(operators) {
    begin(kHeadTime);
  }

  std::size_t on_bytes(std::string_view bytes) override {
    if (finished_) return bytes.size();
    if (idle_) {
      idle_ = false;
      connection_->close_after(kHeadTime);
    }
    const std::size_t taken = parser_->put(bytes);
    switch (parser_->state()) {
      case HttpParser::State::done:
        dispatch();
        break;
      case HttpParser::State::body:
        continue_body();
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

  void on_closed() override { finished_ = true; }

 private:
  void begin(std::chrono::milliseconds time) {
    body_.clear();
    body_begun_ = false;
    parser_ = std::make_unique<HttpParser>(HttpParser::Kind::request, kLimits,
                                           [this](std::string_view piece) { body_ += piece; });
    connection_->close_after(time);
  }

  void continue_body() {
    if (body_begun_) return;
    body_begun_ = true;
    connection_->close_after(kBodyTime);
    if (parser_->wants_continue()) connection_->send("HTTP/1.1 100 Continue\r\n\r\n");
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
    HttpRequest request;
    if (!split_target(request)) return refuse(400, 3, "the request's target is not a path");
    request.method = std::move(parser_->method);
    request.headers = std::move(parser_->headers);
    request.body = std::move(body_);
    request.remote = connection_->remote();
    const bool keep_alive = parser_->keep_alive();
    const bool head_only = request.method == "HEAD";
    connection_->pause_reading();
    // The session lives as long as its connection is open, and on_io() asks for that.
    auto task = [this, connection = connection_, handle = handle_, request = std::move(request), keep_alive,
                 head_only] {
      std::string answer;
      try {
        answer = serialize(handle(request, connection->gone()), keep_alive, head_only);
      } catch (const Stopped&) {
        return;
      } catch (...) {
        log(LogLevel::error, "an HTTP request failed: " + current_error().message);
        answer = serialize(refusal(500, 13, "internal error"), keep_alive, head_only);
      }
      connection->on_io([this, answer = std::move(answer), keep_alive] { reply(answer, keep_alive); });
    };
    if (!operators_.post(std::move(task))) {
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

  const std::shared_ptr<TcpConnection> connection_;
  const Server::HandleHttp handle_;
  Operators& operators_;
  std::unique_ptr<HttpParser> parser_;
  std::string body_;
  bool body_begun_ = false, idle_ = false, finished_ = false;
};

}  // namespace

std::unique_ptr<ConnectionHandler> make_http_session(std::shared_ptr<TcpConnection> connection,
                                                     Server::HandleHttp handle, Operators& operators) {
  return std::make_unique<HttpSession>(std::move(connection), std::move(handle), operators);
}

}  // namespace peerd::net
