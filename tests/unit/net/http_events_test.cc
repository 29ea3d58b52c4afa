#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "peerd/net/event_feed.h"
#include "test_peers.h"

namespace peerd::net {
namespace {

using std::chrono::milliseconds;

/// A port whose /events goes on with a feed, on one operator's thread.
struct EventServer {
  EventFeed feed{3};
  Operators operators{1};
  Server server;
  std::uint16_t port;
  std::atomic<bool> publish_early = false;

  explicit EventServer(TlsServerOptions tls = {}) {
    HttpHandler handler;
    handler.handle = [this](const HttpRequest& request, std::stop_token) {
      if (request.path != "/events") return HttpReply{200, {}, "plain"};
      HttpReply reply{200, {{"content-type", "text/event-stream"}}, "first\n\n"};
      reply.events = feed.listen();
      if (!reply.events) return HttpReply{503, {}, "full"};
      if (publish_early) feed.publish("second\n\n");
      return reply;
    };
    port = server.listen_http("127.0.0.1", 0, std::move(tls), std::move(handler), operators);
    server.start();
  }
  bool listeners_become(std::size_t count) const {
    for (int i = 0; i < 6000 && feed.listeners() != count; ++i) std::this_thread::sleep_for(milliseconds(10));
    return feed.listeners() == count;
  }
};

constexpr const char* kAsk = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";

std::string read_to(RawClient& client, std::string_view end) { return read_until(client.fd(), end); }

TEST(HttpEvents, GoOnWithWhatIsPublished) {
  EventServer http;
  RawClient client(http.port);
  client.send(kAsk);
  const std::string head = read_to(client, "first\n\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_EQ(head.find("content-length"), std::string::npos) << "it has no end yet";
  EXPECT_NE(head.find("connection: close\r\n"), std::string::npos);
  for (int i = 0; i < 20; ++i) {
    const std::string text = "event " + std::to_string(i) + "\n\n";
    http.feed.publish(text);
    EXPECT_EQ(read_to(client, "\n\n"), text);
  }
}

TEST(HttpEvents, MissNothingThatIsPublishedBeforeTheyAreSent) {
  EventServer http;
  http.publish_early = true;
  RawClient client(http.port);
  client.send(kAsk);
  const std::string got = read_to(client, "second\n\n");
  EXPECT_TRUE(got.ends_with("first\n\nsecond\n\n")) << got;
}

TEST(HttpEvents, HoldNoOperator) {
  EventServer http;
  RawClient one(http.port), other(http.port);
  one.send(kAsk);
  other.send(kAsk);
  ASSERT_TRUE(http.listeners_become(2));
  HttpClient client({"127.0.0.1", http.port, {}});
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).body, "plain");
}

TEST(HttpEvents, EndWhenTheirListenerIsEnded) {
  EventFeed feed;
  std::string got;
  const auto listener = feed.listen();
  feed.publish("a");
  listener->end();
  feed.publish("b");
  listener->attach([&](std::string text) { got += text.empty() ? "end" : text; });
  EXPECT_EQ(got, "aend");
}

TEST(HttpEvents, CloseTheConnectionAtTheirEnd) {
  std::shared_ptr<EventListener> listener;
  EventFeed feed;
  Operators operators;
  Server server;
  HttpHandler handler;
  handler.handle = [&](const HttpRequest&, std::stop_token) {
    HttpReply reply{200, {}, "first"};
    reply.events = listener = feed.listen();
    return reply;
  };
  const std::uint16_t port = server.listen_http("127.0.0.1", 0, {}, handler, operators);
  server.start();
  RawClient client(port);
  client.send(kAsk);
  read_to(client, "first");
  feed.publish("last");
  listener->end();
  EXPECT_EQ(client.read_all(), "last");
}

TEST(HttpEvents, LeaveTheirPlaceWhenTheClientGoes) {
  EventServer http;
  {
    RawClient one(http.port), two(http.port), three(http.port);
    for (RawClient* client : {&one, &two, &three}) client->send(kAsk);
    ASSERT_TRUE(http.listeners_become(3));
    RawClient more(http.port);
    more.send(kAsk);
    EXPECT_TRUE(more.read_some().starts_with("HTTP/1.1 503"));
  }
  EXPECT_TRUE(http.listeners_become(0));
  RawClient again(http.port);
  again.send(kAsk);
  EXPECT_NE(read_to(again, "first\n\n").find("200 OK"), std::string::npos);
}

TEST(HttpEvents, AreCutOffForWhoDoesNotReadThem) {
  EventServer http;
  RawClient idle(http.port), reader(http.port);
  idle.send(kAsk);
  reader.send(kAsk);
  ASSERT_TRUE(http.listeners_become(2));
  read_to(reader, "first\n\n");
  const std::string text = std::string(200'000, 'e') + "\n\n";
  int published = 0;
  for (; http.feed.listeners() == 2 && published < 500; ++published) {  // The kernel's buffers take some megabytes.
    http.feed.publish(text);
    EXPECT_EQ(read_to(reader, "\n\n").size(), text.size()) << published;
  }
  EXPECT_EQ(http.feed.listeners(), 1u) << "who reads stays";
  EXPECT_LT(published, 100);
  http.feed.publish("after\n\n");
  EXPECT_EQ(read_to(reader, "\n\n"), "after\n\n");
}

TEST(HttpEvents, EndAtOnceWithTheServer) {
  EventServer http;
  RawClient client(http.port);
  client.send(kAsk);
  ASSERT_TRUE(http.listeners_become(1));
  std::atomic<bool> done = false;
  std::thread publisher([&] {
    while (!done) http.feed.publish("x\n\n");
  });
  std::thread reader([&] { client.read_all(); });
  const auto begin = std::chrono::steady_clock::now();
  http.server.stop();
  EXPECT_TRUE(http.operators.stop(soon()));
  EXPECT_LT(seconds_since(begin), 5.0);
  EXPECT_TRUE(http.listeners_become(0));
  done = true;
  publisher.join();
  reader.join();
}

TEST(HttpEvents, GoThroughTls) {
  const Pem pem = make_certificate("localhost");
  EventServer http({pem.certificate, pem.key});
  HttpEndpoint endpoint{"127.0.0.1", http.port, {}};
  endpoint.tls = {.enabled = true, .root_ca = pem.certificate, .server_name = "localhost"};
  std::string got;
  std::stop_source enough;
  HttpClient client(endpoint);
  EXPECT_THROW(client.download("GET", "/events", {}, "",
                               [&](std::string_view piece) {
                                 got += piece;
                                 if (got == "first\n\n") http.feed.publish("second\n\n");
                                 if (got == "first\n\nsecond\n\n") enough.request_stop();
                               },
                               soon(enough.get_token())),
               Stopped);
}

}  // namespace
}  // namespace peerd::net
