#include "http_parser.h"

#include <gtest/gtest.h>

namespace peerd::net {
namespace {

using Kind = HttpParser::Kind;
using State = HttpParser::State;
constexpr HttpParser::Limits kLimits{1024, 100};

struct Parsed {
  std::string body;
  HttpParser parser;
  explicit Parsed(Kind kind) : parser(kind, kLimits, [this](std::string_view piece) { body += piece; }) {}
};

TEST(HttpParser, TakesARequestByteByByteAndLeavesTheNextOne) {
  const std::string one = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\nhello";
  Parsed whole(Kind::request);
  EXPECT_EQ(whole.parser.put(one + one), one.size());
  Parsed bytewise(Kind::request);
  std::string pending;
  for (const char c : one) {
    pending += c;
    pending.erase(0, bytewise.parser.put(pending));
  }
  for (Parsed* parsed : {&whole, &bytewise}) {
    EXPECT_EQ(parsed->parser.state(), State::done);
    EXPECT_EQ(parsed->parser.method, "POST");
    EXPECT_EQ(parsed->parser.target, "/a?b=c");
    EXPECT_EQ(parsed->parser.headers.at("x-two"), "1, 2");
    EXPECT_EQ(parsed->body, "hello");
    EXPECT_TRUE(parsed->parser.keep_alive());
  }
}

TEST(HttpParser, TakesChunkedBodies) {
  Parsed parsed(Kind::response);
  const std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  EXPECT_EQ(parsed.parser.put(text), text.size());
  EXPECT_EQ(parsed.parser.state(), State::done);
  EXPECT_EQ(parsed.body, "abcde");
}

TEST(HttpParser, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const char* text : {"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                           "GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", "\x16\x03\x01\x02", "hello\r\n\r\n"}) {
    Parsed parsed(Kind::request);
    parsed.parser.put(text);
    EXPECT_EQ(parsed.parser.state(), State::broken) << text;
  }
}

TEST(HttpParser, SaysWhatIsTooLarge) {
  Parsed body(Kind::request);
  body.parser.put("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n");
  EXPECT_EQ(body.parser.state(), State::body_too_large);
  Parsed chunks(Kind::request);
  chunks.parser.put("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x'));
  EXPECT_EQ(chunks.parser.state(), State::body_too_large);
  Parsed head(Kind::request);
  head.parser.put("GET / HTTP/1.1\r\nX: " + std::string(2000, 'x'));
  EXPECT_EQ(head.parser.state(), State::head_too_large);
}

TEST(HttpParser, TakesBodiesOfAnyLengthWithoutALimit) {
  std::size_t size = 0;
  HttpParser parser(Kind::response, {1024, 0}, [&](std::string_view piece) { size += piece.size(); });
  parser.put("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
  parser.put(std::string(10'000'000, 'x'));
  EXPECT_EQ(parser.state(), State::done);
  EXPECT_EQ(size, 10'000'000u);
}

TEST(HttpParser, EndsAResponseWithoutLengthAtTheEndOfTheStreamOnly) {
  Parsed open(Kind::response);
  open.parser.put("HTTP/1.1 200 OK\r\n\r\nabc");
  EXPECT_EQ(open.parser.state(), State::body);
  open.parser.end_of_stream();
  EXPECT_EQ(open.parser.state(), State::done);
  EXPECT_EQ(open.body, "abc");
  Parsed cut(Kind::response);
  cut.parser.put("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc");
  cut.parser.end_of_stream();
  EXPECT_EQ(cut.parser.state(), State::broken);
  Parsed nothing(Kind::response);
  nothing.parser.end_of_stream();
  EXPECT_EQ(nothing.parser.state(), State::broken);
}

TEST(HttpParser, SurvivesEveryTruncationAndEveryFlippedByte) {
  const std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t i = 0; i < text.size(); ++i) {
    Parsed cut(Kind::response);
    cut.parser.put(std::string_view(text).substr(0, i));
    cut.parser.end_of_stream();
    EXPECT_EQ(cut.parser.state(), State::broken) << i;
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x80);
    Parsed other(Kind::response);
    other.parser.put(flipped);
    other.parser.end_of_stream();
  }
}

}  // namespace
}  // namespace peerd::net
