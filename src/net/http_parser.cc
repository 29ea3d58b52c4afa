#include "http_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <cctype>
#include <limits>
#include <utility>

namespace peerd::net {

namespace beast = boost::beast;
namespace http = boost::beast::http;

struct HttpParser::Base {
  virtual ~Base() = default;
  virtual std::size_t feed(std::string_view bytes, beast::error_code& error) = 0;
  virtual void feed_end(beast::error_code& error) = 0;
  virtual void no_body() = 0;
  virtual bool finished() const = 0;
  virtual bool stays_open() const = 0;
};

template <bool isRequest>
struct HttpParser::Beast final : Base, http::basic_parser<isRequest> {
  using Parser = http::basic_parser<isRequest>;
  using Text = beast::string_view;
  HttpParser& owner;

  Beast(HttpParser& owner, Limits limits) : owner(owner) {
    this->eager(true);
    this->header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    // Not boost::none: Beast 1.74 then refuses every body with a length.
    this->body_limit(limits.body_bytes != 0 ? limits.body_bytes : std::numeric_limits<std::uint64_t>::max());
  }
  std::size_t feed(std::string_view bytes, beast::error_code& error) override {
    return this->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  }
  void feed_end(beast::error_code& error) override { this->put_eof(error); }
  void no_body() override { this->skip(true); }
  bool finished() const override { return this->is_done(); }
  bool stays_open() const override { return this->keep_alive(); }

  void on_request_impl(http::verb, Text method, Text target, int, beast::error_code&) override {
    owner.method.assign(method.data(), method.size());
    owner.target.assign(target.data(), target.size());
  }
  void on_response_impl(int code, Text, int, beast::error_code&) override { owner.status = code; }
  void on_field_impl(http::field, Text name, Text value, beast::error_code&) override {
    std::string key(name.data(), name.size());
    for (char& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string& slot = owner.headers[key];
    if (!slot.empty()) slot += ", ";
    slot.append(value.data(), value.size());
  }
  void on_header_impl(beast::error_code&) override {
    owner.head_done_ = true;
    owner.state_ = State::body;
  }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, beast::error_code&) override {}
  std::size_t on_body_impl(Text body, beast::error_code&) override {
    owner.piece_({body.data(), body.size()});
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, beast::error_code&) override {
    owner.piece_({body.data(), body.size()});
    return body.size();
  }
  void on_finish_impl(beast::error_code&) override {}
};

HttpParser::HttpParser(Kind kind, Limits limits, BodyPiece piece) : piece_(std::move(piece)) {
  if (kind == Kind::request) {
    parser_ = std::make_unique<Beast<true>>(*this, limits);
  } else {
    parser_ = std::make_unique<Beast<false>>(*this, limits);
  }
}

HttpParser::~HttpParser() = default;

std::size_t HttpParser::put(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && (state_ == State::head || state_ == State::body)) {
    beast::error_code error;
    const std::size_t used = parser_->feed(bytes.substr(taken), error);
    taken += used;
    if (parser_->finished()) {
      state_ = State::done;
    } else if (error == http::error::need_more || (!error && used == 0)) {
      break;
    } else if (error) {
      error_ = error.message();
      state_ = error == http::error::body_limit     ? State::body_too_large
               : error == http::error::header_limit ? State::head_too_large
                                                    : State::broken;
    }
  }
  return taken;
}

void HttpParser::end_of_stream() {
  if (state_ != State::head && state_ != State::body) return;
  beast::error_code error;
  if (head_done_) parser_->feed_end(error);
  if (head_done_ && !error && parser_->finished()) {
    state_ = State::done;
  } else {
    error_ = "the message ends in its middle";
    state_ = State::broken;
  }
}

void HttpParser::expect_no_body() { parser_->no_body(); }
bool HttpParser::keep_alive() const { return parser_->stays_open(); }

bool HttpParser::wants_continue() const {
  const auto found = headers.find("expect");
  return found != headers.end() && beast::iequals(found->second, "100-continue");
}

}  // namespace peerd::net
