#include <gtest/gtest.h>

#include "peerd/base/error.h"
#include "test_peers.h"
#include "support/error_of.h"

namespace peerd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

ErrorText failure(const std::function<void()>& call) { return error_of(call); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// What every blocking step must do: end within its deadline, and soon after a stop.
void expect_heeds(const std::function<void(const Wait&)>& call) {
  const auto begin = steady_clock::now();
  const ErrorText error = failure([&] { call(Wait::at_most(milliseconds(150))); });
  EXPECT_EQ(error.code, ErrorCode::timeout) << error.message;
  EXPECT_LT(seconds_since(begin), 2.0);  // Loose: the machine may be busy. Not heeding takes 20 s.
  std::stop_source stop;
  steady_clock::time_point asked;
  std::thread stopper([&] {
    std::this_thread::yield();
    asked = steady_clock::now();
    stop.request_stop();
  });
  EXPECT_THROW(call(soon(stop.get_token())), Stopped);
  stopper.join();
  EXPECT_LT(seconds_since(asked), 2.0);
}

TEST(HttpClient, NamesHostAndPortWhenNobodyListens) {
  std::uint16_t port = 0;
  {
    port = RawServer([](int) {}).port();
  }
  HttpClient client({"127.0.0.1", port, {}});
  const ErrorText error = failure([&] { client.request("GET", "/", {}, "", soon()); });
  EXPECT_EQ(error.code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(error.message, "127.0.0.1:" + std::to_string(port))) << error.message;
  EXPECT_TRUE(contains(error.message, "refused")) << error.message;
  EXPECT_FALSE(error.hint.empty());
}

TEST(HttpClient, NamesAHostThatDoesNotExist) {
  HttpClient client({"no-such-host.invalid", 80, {}});
  const ErrorText error = failure([&] { client.request("GET", "/", {}, "", soon()); });
  EXPECT_EQ(error.code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(error.message, "no-such-host.invalid")) << error.message;
}

TEST(HttpClient, TellsAServerThatClosesWithoutAnAnswer) {
  RawServer server([](int fd) { read_until(fd, "\r\n\r\n"); });
  HttpClient client(server.endpoint());
  const ErrorText error = failure([&] { client.request("GET", "/", {}, "", soon()); });
  EXPECT_EQ(error.code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(error.message, "closed the connection without an HTTP answer")) << error.message;
}

TEST(HttpClient, TellsAServerThatSpeaksSomethingElse) {
  RawServer server([](int fd) {
    send_raw(fd, "\x02\x05hello, this is a native protocol\r\n\r\n");
    wait_for_end(fd);
  });
  HttpClient client(server.endpoint());
  const ErrorText error = failure([&] { client.request("GET", "/", {}, "", soon()); });
  EXPECT_EQ(error.code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(error.message, "not in HTTP")) << error.message;
}

TEST(HttpClient, TellsAnAnswerThatBreaksOff) {
  RawServer server([](int fd) {
    read_until(fd, "\r\n\r\n");
    send_raw(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  });
  HttpClient client(server.endpoint());
  const ErrorText error = failure([&] { client.request("GET", "/", {}, "", soon()); });
  EXPECT_TRUE(contains(error.message, "in the middle of its answer")) << error.message;
}

TEST(HttpClient, HeedsDeadlineAndStopWhereTheServerNeverAnswers) {
  RawServer server(wait_for_end, 2);
  HttpClient client(server.endpoint());
  expect_heeds([&](const Wait& wait) { client.request("POST", "/", {}, "x", wait); });
}

TEST(HttpClient, HeedsDeadlineAndStopWhereTheServerNeverReads) {
  // Nobody accepts: the kernel's buffers fill up as they do before a stopped process.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<const sockaddr*>(&address), size);
  ::listen(listener, 16);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  HttpClient client({"127.0.0.1", ntohs(address.sin_port), {}});
  const std::string block(1 << 20, 'x');
  expect_heeds([&](const Wait& wait) {
    const auto upload = client.upload("POST", "/", {}, wait);
    for (;;) upload->write(bytes_of(block), wait);
  });
  ::close(listener);
}

TEST(HttpClient, HeedsDeadlineAndStopWhereTheConnectionIsNeverTakenUp) {
  // A backlog of none, filled: a further SYN gets no answer.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<const sockaddr*>(&address), size);
  ::listen(listener, 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const RawClient filler(ntohs(address.sin_port));
  HttpClient client({"127.0.0.1", ntohs(address.sin_port), {}});
  expect_heeds([&](const Wait& wait) { client.request("GET", "/", {}, "", wait); });
  ::close(listener);
}

TEST(HttpClient, HeedsDeadlineAndStopInAHandshakeThatNobodyAnswers) {
  RawServer server(wait_for_end, 2);
  HttpEndpoint endpoint = server.endpoint();
  endpoint.tls.enabled = true;
  HttpClient client(endpoint);
  expect_heeds([&](const Wait& wait) { client.request("GET", "/", {}, "", wait); });
}

TEST(HttpClient, ReconnectsOnceForAGetOnAKeptConnectionThatTurnsOutClosed) {
  std::atomic<int> served = 0;
  RawServer server(
      [&](int fd) {
        read_until(fd, "\r\n\r\n");
        send_raw(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        if (++served == 1) read_until(fd, "\r\n\r\n");  // Takes the second request, then closes without a word.
      },
      2);
  HttpClient client(server.endpoint());
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).body, "a");
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).body, "a");
  EXPECT_EQ(served, 2);
}

TEST(HttpClient, NeverRepeatsAPost) {
  std::atomic<int> served = 0;
  RawServer server(
      [&](int fd) {
        ++served;
        read_until(fd, "\r\n\r\n");
        send_raw(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        read_until(fd, "\r\n\r\n");
      },
      2);
  HttpClient client(server.endpoint());
  client.request("POST", "/", {}, "", soon());
  const ErrorText error = failure([&] { client.request("POST", "/", {}, "", soon()); });
  EXPECT_TRUE(contains(error.message, "without an HTTP answer")) << error.message;
  EXPECT_EQ(served, 1);
}

TEST(HttpClient, LeavesAConnectionWhoseAnswerSaysClose) {
  RawServer server(
      [](int fd) {
        read_until(fd, "\r\n\r\n");
        send_raw(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
      },
      2);
  HttpClient client(server.endpoint());
  EXPECT_EQ(client.request("POST", "/", {}, "", soon()).body, "until the end");
  EXPECT_EQ(client.request("POST", "/", {}, "", soon()).body, "until the end");
}

TEST(HttpClient, PassesOverInterimAnswers) {
  RawServer server([](int fd) {
    read_until(fd, "\r\n\r\n");
    send_raw(fd,
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 "
             "No\r\nContent-Length: 2\r\n\r\nno");
    wait_for_end(fd);
  });
  HttpClient client(server.endpoint());
  const HttpResponse response = client.request("GET", "/", {}, "", soon());
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "no");
}

TEST(HttpClient, PutsAnAnswerTogetherThatComesByteByByte) {
  RawServer server([](int fd) {
    read_until(fd, "\r\n\r\n");
    for (const char c : std::string(
             "HTTP/1.1 200 OK\r\nName: value\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"))
      send_raw(fd, std::string(1, c));
    wait_for_end(fd);
  });
  HttpClient client(server.endpoint());
  const HttpResponse response = client.request("GET", "/", {}, "", soon());
  EXPECT_EQ(response.headers.at("name"), "value");
  EXPECT_EQ(response.body, "abcdefg");
}

TEST(HttpClient, BringsTheRefusalOfAServerThatStopsReadingAnUpload) {
  std::promise<void> through;
  RawServer server([&](int fd) {
    read_until(fd, "\r\n\r\n");
    send_raw(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nrefuse");
    through.get_future().wait_for(std::chrono::seconds(10));  // Reads nothing more and keeps the connection.
  });
  HttpClient client(server.endpoint());
  const std::string block(1 << 20, 'x');
  const auto upload = client.upload("POST", "/", {}, soon());
  for (int i = 0; i < 64; ++i) upload->write(bytes_of(block), soon());
  const HttpResponse response = upload->finish(soon());
  through.set_value();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.body, "refuse");
}

TEST(HttpClient, GoesOnSendingAfterHeadersOfAGoodAnswer) {
  std::size_t read = 0;
  RawServer server([&](int fd) {
    read += read_until(fd, "\r\n\r\n").size();
    send_raw(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Progress: 1\r\n\r\n");
    read += read_until(fd, "\r\n0\r\n\r\n").size();
    send_raw(fd, "ok");
    wait_for_end(fd);
  });
  HttpClient client(server.endpoint());
  const std::string block(1 << 20, 'x');
  const auto upload = client.upload("POST", "/", {}, soon());
  for (int i = 0; i < 16; ++i) upload->write(bytes_of(block), soon());
  EXPECT_EQ(upload->finish(soon()).body, "ok");
  EXPECT_GT(read, 16u << 20);
}

TEST(HttpClient, ShowsABrokenBodyToTheServerWhenAnUploadIsDropped) {
  std::promise<std::string> seen;
  RawServer server([&](int fd) {
    std::string all = read_until(fd, "abc");
    wait_for_end(fd);
    seen.set_value(all);
  });
  HttpClient client(server.endpoint());
  {
    const auto upload = client.upload("POST", "/", {{"X-A", "b"}}, soon());
    upload->write(bytes_of("abc"), soon());
  }
  const std::string text = seen.get_future().get();
  EXPECT_TRUE(contains(text, "X-A: b\r\n")) << text;
  EXPECT_TRUE(contains(text, "\r\n\r\n3\r\nabc")) << text;
}

TEST(HttpClient, RefusesLineBreaksInHeadersAndAddress) {
  HttpClient client({"127.0.0.1", 1, {}});
  EXPECT_EQ(failure([&] { client.request("GET", "/\r\nX: y", {}, "", soon()); }).code, ErrorCode::invalid_option);
  EXPECT_EQ(failure([&] { client.request("GET", "/", {{"X", "a\nb"}}, "", soon()); }).code, ErrorCode::invalid_option);
}

TEST(HttpClient, TellsAPlainServerFromATlsOne) {
  RawServer server([](int fd) {
    read_until(fd, "\n");
    send_raw(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  HttpEndpoint endpoint = server.endpoint();
  endpoint.tls.enabled = true;
  HttpClient client(endpoint);
  const ErrorText error = failure([&] { client.request("GET", "/", {}, "", Wait::at_most(milliseconds(2000))); });
  EXPECT_TRUE(contains(error.message + error.hint, "TLS")) << error.message;
}

}  // namespace
}  // namespace peerd::net
