#include "peerd/net/server.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>

#include "peerd/base/error.h"
#include "test_peers.h"

namespace peerd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What the tests' connections do: echo, and a few words of command.
class Echo final : public ConnectionHandler {
 public:
  explicit Echo(std::shared_ptr<Connection> connection, std::atomic<int>* open)
      : connection_(std::move(connection)), open_(open) {
    if (open_ != nullptr) ++*open_;
  }
  ~Echo() override {
    if (open_ != nullptr) --*open_;
  }
  std::size_t on_bytes(std::string_view bytes) override {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) return 0;
    const std::string line(bytes.substr(0, end));
    if (line == "tls") {
      connection_->send("S");
      connection_->start_tls();
    } else if (line == "close") {
      connection_->send("bye\n");
      connection_->close_when_sent();
    } else if (line == "throw") {
      throw std::runtime_error("on purpose");
    } else {
      connection_->send(line + "\n");
    }
    return end + 1;
  }
  void on_closed() override {}

 private:
  const std::shared_ptr<Connection> connection_;
  std::atomic<int>* const open_;
};

struct EchoServer {
  std::atomic<int> open = 0;
  Server server;
  std::uint16_t port;
  explicit EchoServer(TlsServerOptions tls = {}) {
    port = server.listen_tcp("127.0.0.1", 0, std::move(tls),
                             [this](auto connection) { return std::make_unique<Echo>(connection, &open); });
    server.start();
  }
};

TEST(Server, EchoesLinesThatComeInPieces) {
  EchoServer echo;
  RawClient client(echo.port);
  client.send("hel");
  client.send("lo\nworld\nx");
  std::string got;
  while (got.size() < 12) got += client.read_some();
  EXPECT_EQ(got, "hello\nworld\n");
}

TEST(Server, SendsEverythingBeforeItCloses) {
  EchoServer echo;
  RawClient client(echo.port);
  client.send("close\n" + std::string(1 << 20, 'x'));  // Much that nobody reads.
  EXPECT_EQ(client.read_all(), "bye\n");
}

TEST(Server, EndsAConnectionWhoseHandlerThrowsAndNoOther) {
  EchoServer echo;
  RawClient good(echo.port), bad(echo.port);
  bad.send("throw\n");
  EXPECT_EQ(bad.read_all(), "");
  good.send("hello\n");
  EXPECT_EQ(good.read_some(), "hello\n");
}

TEST(Server, NamesAddressAndPortThatCannotBeBound) {
  EchoServer echo;
  Server second;
  try {
    second.listen_tcp("127.0.0.1", echo.port, {}, [](auto) { return nullptr; });
    ADD_FAILURE() << "bound twice";
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("127.0.0.1:" + std::to_string(echo.port)), std::string::npos)
        << error.text.message;
  }
}

TEST(Server, RefusesAKeyThatIsNotTheCertificates) {
  Server server;
  const TlsServerOptions mixed{make_certificate("a").certificate, make_certificate("b").key};
  EXPECT_THROW(server.listen_tcp("127.0.0.1", 0, mixed, [](auto) { return nullptr; }), Error);
}

TEST(Server, TakesThousandsOfShortConnectionsAndForgetsThem) {
  EchoServer echo;
  for (int i = 0; i < 3000; ++i) {
    RawClient client(echo.port);
    ASSERT_TRUE(client.connected());
    if (i % 3 == 0) continue;  // Comes and goes.
    client.send("hello\n");
    if (i % 3 == 1) {
      ASSERT_EQ(client.read_some(), "hello\n");
    }
  }
  const auto begin = steady_clock::now();
  int open = 0;  // One value is looked at and asserted: the last ones may be taken up only now.
  while ((open = echo.open) > 0 && seconds_since(begin) < 60) std::this_thread::yield();
  EXPECT_EQ(open, 0);
}

TEST(Server, StopsAtOnceWithOpenConnectionsAndTwice) {
  EchoServer echo;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<RawClient>(echo.port));
    clients.back()->send("hello\n");
    clients.back()->read_some();
  }
  const auto begin = steady_clock::now();
  echo.server.stop();
  echo.server.stop();
  EXPECT_LT(seconds_since(begin), 5.0);  // Loose: the machine may be busy. Waiting for the clients would not end.
  EXPECT_EQ(echo.open, 0);
  EXPECT_EQ(clients[0]->read_all(), "");
}

// Hands the connection to the test.
struct Handed {
  std::promise<std::shared_ptr<Connection>> promise;
  Server server;
  std::uint16_t port;
  struct Handler : ConnectionHandler {
    std::shared_ptr<Connection> connection;
    std::size_t on_bytes(std::string_view bytes) override {
      connection->pause_reading();
      return bytes.size();
    }
    void on_closed() override { connection.reset(); }
  };
  Handed() {
    port = server.listen_tcp("127.0.0.1", 0, {}, [this](std::shared_ptr<Connection> connection) {
      auto handler = std::make_unique<Handler>();
      handler->connection = connection;
      promise.set_value(std::move(connection));
      return handler;
    });
    server.start();
  }
};

TEST(Server, HoldsASenderBackWhileThePeerDoesNotReadAndLosesNothing) {
  Handed handed;
  RawClient client(handed.port);
  const auto connection = handed.promise.get_future().get();
  std::atomic<int> sent = 0;
  constexpr int kBlocks = 64;
  std::thread sender([&] {
    for (int i = 0; i < kBlocks; ++i, ++sent) connection->send(std::string(1 << 20, static_cast<char>('a' + i % 26)));
    connection->close_when_sent();
  });
  // Without reading, the sender gets as far as our limit and the kernel's buffers, then stands.
  for (int last = -1, same = 0; same < 200'000;) {
    std::this_thread::yield();
    same = sent == last ? same + 1 : 0;
    last = sent;
  }
  EXPECT_LT(sent, 20);
  const std::string all = client.read_all();
  client.finish();
  sender.join();
  ASSERT_EQ(all.size(), std::size_t{kBlocks} << 20);
  for (int i = 0; i < kBlocks; ++i) EXPECT_EQ(all[(std::size_t(i) << 20) + 17], static_cast<char>('a' + i % 26));
}

TEST(Server, FreesAHeldSenderWhenItStops) {
  Handed handed;
  RawClient client(handed.port);
  const auto connection = handed.promise.get_future().get();
  std::promise<bool> stopped;
  std::thread sender([&] {
    try {
      for (;;) connection->send(std::string(1 << 20, 'x'));
    } catch (const Stopped&) {
      stopped.set_value(true);
    }
  });
  handed.server.stop();
  EXPECT_TRUE(stopped.get_future().get());
  sender.join();
  EXPECT_TRUE(connection->gone().stop_requested());
}

TEST(Server, NoticesAPeerThatGoesWhileReadingIsPaused) {
  Handed handed;
  std::shared_ptr<Connection> connection;
  {
    RawClient client(handed.port);
    connection = handed.promise.get_future().get();
    client.send("a statement that takes long");
  }
  const auto begin = steady_clock::now();
  while (!connection->gone().stop_requested() && seconds_since(begin) < 60) std::this_thread::yield();
  EXPECT_TRUE(connection->gone().stop_requested());
  EXPECT_THROW(connection->send("too late"), Stopped);
}

TEST(Server, ClosesAConnectionWhoseTimeIsUp) {
  Handed handed;
  RawClient client(handed.port);
  handed.promise.get_future().get()->close_after(milliseconds(1));
  EXPECT_EQ(client.read_all(), "");
}

TEST(Server, StartsTlsInMidStream) {
  const Pem pem = make_certificate("localhost");
  EchoServer echo({pem.certificate, pem.key});
  RawClient client(echo.port);
  client.send("hello\n");
  EXPECT_EQ(client.read_some(), "hello\n");
  client.send("tls\n");
  EXPECT_EQ(client.read_some(), "S");
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, client.fd());
  ASSERT_EQ(SSL_connect(tls), 1);
  char answer[16];
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(SSL_write(tls, "again\n", 6), 6);
    ASSERT_EQ(SSL_read(tls, answer, sizeof answer), 6);
    ASSERT_EQ(std::string_view(answer, 6), "again\n");
  }
  ASSERT_EQ(SSL_write(tls, "close\n", 6), 6);
  EXPECT_EQ(SSL_read(tls, answer, sizeof answer), 4);
  EXPECT_EQ(SSL_read(tls, answer, sizeof answer), 0);
  EXPECT_EQ(SSL_get_error(tls, 0), SSL_ERROR_ZERO_RETURN);
  SSL_free(tls);
  SSL_CTX_free(context);
}

TEST(Server, RefusesPlainBytesSmuggledBehindTheRequestForTls) {
  const Pem pem = make_certificate("localhost");
  EchoServer echo({pem.certificate, pem.key});
  RawClient client(echo.port);
  client.send("tls\nsmuggled\n");
  const std::string got = client.read_all();
  EXPECT_EQ(got.find("smuggled"), std::string::npos);
}

TEST(Server, SurvivesGarbageInATlsHandshake) {
  const Pem pem = make_certificate("localhost");
  EchoServer echo({pem.certificate, pem.key});
  RawClient client(echo.port);
  client.send("tls\n");
  EXPECT_EQ(client.read_some(), "S");
  client.send(std::string(10000, '\x7f'));
  client.read_all();
  RawClient next(echo.port);
  next.send("hello\n");
  EXPECT_EQ(next.read_some(), "hello\n");
}

TEST(Operators, TakeNoMoreThanTheirQueueHolds) {
  Operators operators(1, 2);
  std::promise<void> running, release;
  ASSERT_TRUE(operators.post([&] {
    running.set_value();
    release.get_future().wait();
  }));
  running.get_future().wait();
  std::atomic<int> ran = 0;
  EXPECT_TRUE(operators.post([&] { ++ran; }));
  EXPECT_TRUE(operators.post([&] { ++ran; }));
  EXPECT_FALSE(operators.post([&] { ++ran; }));
  EXPECT_TRUE(operators.usage().full());
  EXPECT_EQ(operators.usage().waiting, 2u);
  EXPECT_FALSE(operators.stop(Wait::at_most(milliseconds(10))));
  release.set_value();
  EXPECT_TRUE(operators.stop(soon()));
  EXPECT_EQ(ran, 0);
  EXPECT_FALSE(operators.post([] {}));
}

}  // namespace
}  // namespace peerd::net
