#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

#include "http_parser.h"
#include "peerd/base/error.h"
#include "peerd/net/http.h"
#include "socket.h"

namespace peerd::net {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr HttpParser::Limits kAnswerLimits{64 << 10, 0};
// request() holds its answer in memory; what can be larger is download()'s.
constexpr std::size_t kMostHeldBytes = 256 << 20;

using Headers = std::map<std::string, std::string>;

void check_plain(std::string_view text, const char* what) {
  const bool bad = std::any_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  if (bad) throw Error(ErrorCode::invalid_option, std::string("a line break in the ") + what + " of an HTTP request");
}

std::string head_of(const Socket& socket, std::string_view method, std::string_view target, const Headers& headers,
                    const std::string& length) {
  check_plain(target, "address");
  std::string head;
  head.reserve(512);
  head.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(socket.name()).append("\r\n");
  for (const auto& [name, value] : headers) {
    check_plain(name, "headers");
    check_plain(value, "headers");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  return head.append(length).append("\r\n\r\n");
}

iovec part(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

// An answer on its way in. Pieces of a good answer's body go to `piece`, an error's are kept.
class Answer {
 public:
  using Piece = std::function<void(std::string_view)>;
  Answer(bool no_body, const Piece* piece) : no_body_(no_body), piece_(piece) { begin(); }

  void put(std::string_view bytes) {
    std::size_t taken = 0;
    heard_ = heard_ || !bytes.empty();
    // The parser takes whole lines: the beginning of one comes again with what follows it.
    if (!rest_.empty()) bytes = rest_.append(bytes);
    while (taken < bytes.size()) {
      taken += parser_->put(bytes.substr(taken));
      const bool interim = parser_->state() == HttpParser::State::done && parser_->status / 100 == 1;
      if (!interim) break;
      begin();  // "100 Continue" and its like precede the answer.
    }
    rest_ = std::string(bytes.substr(taken));
  }
  std::size_t spare() const { return rest_.size(); }  ///< Bytes behind the answer, once it is done.
  HttpParser& parser() { return *parser_; }
  bool heard() const { return heard_; }
  bool done() const { return parser_->state() == HttpParser::State::done; }
  bool failed() const {
    return !done() && parser_->state() != HttpParser::State::head && parser_->state() != HttpParser::State::body;
  }
  bool refuses() const { return parser_->head_done() && parser_->status >= 300; }
  HttpResponse take() { return {parser_->status, std::move(parser_->headers), std::move(body_)}; }

 private:
  void begin() {
    parser_ = std::make_unique<HttpParser>(HttpParser::Kind::response, kAnswerLimits, [this](std::string_view bytes) {
      if (piece_ != nullptr && parser_->status < 300) return (*piece_)(bytes);
      if (body_.size() + bytes.size() > kMostHeldBytes) {
        throw Error(ErrorCode::peer_error,
                    "the server's answer is larger than " + std::to_string(kMostHeldBytes >> 20) + " MiB");
      }
      body_.append(bytes);
    });
    if (no_body_) parser_->expect_no_body();
  }

  const bool no_body_;
  const Piece* piece_;
  std::unique_ptr<HttpParser> parser_;
  std::string body_, rest_;
  bool heard_ = false;
};

// "Keep-Alive: timeout=10": how long the server promises to keep an idle connection.
std::chrono::seconds idle_time(const Headers& headers) {
  const auto found = headers.find("keep-alive");
  if (found == headers.end()) return std::chrono::hours(1);
  const std::size_t at = found->second.find("timeout=");
  int seconds = 0;
  if (at == std::string::npos) return std::chrono::hours(1);
  const char* begin = found->second.data() + at + 8;
  std::from_chars(begin, found->second.data() + found->second.size(), seconds);
  return std::chrono::seconds(std::max(0, seconds - 1));  // A second early: the request has to get there in time.
}

}  // namespace

struct HttpClient::State {
  explicit State(HttpEndpoint endpoint) : socket(std::move(endpoint)), buffer(kReadBytes) {}

  Socket socket;
  std::vector<char> buffer;
  Clock::Instant idle_until{};
  bool in_message = false;  // Something was begun and not finished: the connection is of no more use.

  // True when the connection is one that has already carried a request.
  bool ensure_open(const Wait& wait) {
    if (socket.is_open() && !in_message && std::chrono::steady_clock::now() < idle_until && !socket.read_now(buffer)) {
      return true;  // Bytes or an end that nobody asked for mean that the server is done with it.
    }
    socket.connect(wait);
    in_message = false;
    return false;
  }

  // While the sending waits: false when the server has refused or gone, so that the rest need not be sent.
  bool hear(Answer& answer) {
    const auto got = socket.read_now(buffer);
    if (!got) return true;
    if (*got == 0) return false;
    answer.put({buffer.data(), *got});
    return !answer.failed() && !answer.refuses() && !answer.done();
  }

  Socket::Sent send(std::span<iovec> parts, Answer& answer, const Wait& wait) {
    return socket.write_all(
        parts, [&] { return hear(answer); }, wait);
  }

  HttpResponse receive(Answer& answer, Socket::Sent sent, const Wait& wait) {
    while (!answer.done() && !answer.failed()) {
      const std::size_t got = socket.read_some(buffer, wait);
      if (got == 0) {
        if (socket.ended_cleanly()) answer.parser().end_of_stream();
        break;
      }
      answer.put({buffer.data(), got});
    }
    if (!answer.done()) throw_broken(answer);
    if (sent != Socket::Sent::all && !answer.refuses()) {
      throw Error(ErrorCode::unreachable,
                  "the server at " + socket.name() + " answered before it had read the whole request");
    }
    if (sent == Socket::Sent::all && answer.spare() == 0 && answer.parser().keep_alive()) {
      in_message = false;
      idle_until = std::chrono::steady_clock::now() + idle_time(answer.parser().headers);
    } else {
      socket.close();
    }
    return answer.take();
  }

  [[noreturn]] void throw_broken(Answer& answer) {
    const std::string why = socket.ended_cleanly() ? "" : ": " + socket.end_reason();
    const std::string server = "the server at " + socket.name();
    if (!answer.heard()) {
      throw Error(ErrorCode::unreachable, server + " closed the connection without an HTTP answer" + why,
                  "check that the port is the server's HTTP port, whether it expects TLS, and the server's log");
    }
    if (answer.failed() && !answer.parser().head_done()) {
      throw Error(ErrorCode::unreachable, server + " answers, but not in HTTP (" + answer.parser().error() + ")",
                  "check that the port is the server's HTTP port, and whether it expects TLS");
    }
    throw Error(ErrorCode::unreachable, server + " closed the connection in the middle of its answer" + why,
                "the server's log says why");
  }

  HttpResponse exchange(std::string_view method, std::string_view head, std::string_view body,
                        const Answer::Piece* piece, const Wait& wait) {
    const bool repeatable = piece == nullptr && (method == "GET" || method == "HEAD");
    for (;;) {
      const bool reused = ensure_open(wait);
      in_message = true;
      Answer answer(method == "HEAD", piece);
      try {
        iovec parts[2] = {part(head), part(body)};
        const auto sent = send(parts, answer, wait);
        return receive(answer, sent, wait);
      } catch (const Error& error) {
        socket.close();
        // The server gave up a kept connection just as we used it.
        const bool unheard = error.text.code == ErrorCode::unreachable && !answer.heard();
        if (!reused || !repeatable || !unheard) throw;
      } catch (...) {
        socket.close();
        throw;
      }
    }
  }
};

namespace {

// Writes each piece as one chunk; the chunk's header, the end of the chunk before and the request's head go with it in
// one system call.
template <class State>
class ChunkedUpload final : public HttpClient::Upload {
 public:
  ChunkedUpload(State& state, std::string head) : state_(state), prefix_(std::move(head)), answer_(false, nullptr) {}
  ~ChunkedUpload() override {
    if (!finished_) state_.socket.close();
  }

  void write(std::span<const std::byte> bytes, const Wait& wait) override {
    if (bytes.empty() || sent_ != Socket::Sent::all) return;  // finish() tells what the server said.
    char hex[20];
    const auto end = std::to_chars(hex, hex + sizeof hex, bytes.size(), 16).ptr;
    prefix_.append(hex, end).append("\r\n");
    iovec parts[2] = {part(prefix_), {const_cast<std::byte*>(bytes.data()), bytes.size()}};
    send(parts, wait);
    prefix_.assign("\r\n");
  }

  HttpResponse finish(const Wait& wait) override {
    try {
      if (sent_ == Socket::Sent::all) {
        prefix_.append("0\r\n\r\n");
        iovec parts[1] = {part(prefix_)};
        send(parts, wait);
      }
      HttpResponse response = state_.receive(answer_, sent_, wait);
      finished_ = true;
      return response;
    } catch (...) {
      state_.socket.close();
      throw;
    }
  }

 private:
  void send(std::span<iovec> parts, const Wait& wait) {
    try {
      sent_ = state_.send(parts, answer_, wait);
    } catch (...) {
      state_.socket.close();
      throw;
    }
  }

  State& state_;
  std::string prefix_;
  Answer answer_;
  Socket::Sent sent_ = Socket::Sent::all;
  bool finished_ = false;
};

}  // namespace

HttpClient::HttpClient(HttpEndpoint endpoint) : state_(std::make_unique<State>(std::move(endpoint))) {}
HttpClient::~HttpClient() = default;
const HttpEndpoint& HttpClient::endpoint() const { return state_->socket.endpoint(); }

HttpResponse HttpClient::request(std::string_view method, std::string_view target, const Headers& headers,
                                 std::string_view body, const Wait& wait) {
  const std::string length = "Content-Length: " + std::to_string(body.size());
  return state_->exchange(method, head_of(state_->socket, method, target, headers, length), body, nullptr, wait);
}

HttpResponse HttpClient::download(std::string_view method, std::string_view target, const Headers& headers,
                                  std::string_view body, const std::function<void(std::string_view)>& piece,
                                  const Wait& wait) {
  const std::string length = "Content-Length: " + std::to_string(body.size());
  return state_->exchange(method, head_of(state_->socket, method, target, headers, length), body, &piece, wait);
}

std::unique_ptr<HttpClient::Upload> HttpClient::upload(std::string_view method, std::string_view target,
                                                       const Headers& headers, const Wait& wait) {
  std::string head = head_of(state_->socket, method, target, headers, "Transfer-Encoding: chunked");
  state_->ensure_open(wait);
  state_->in_message = true;
  return std::make_unique<ChunkedUpload<State>>(*state_, std::move(head));
}

}  // namespace peerd::net
