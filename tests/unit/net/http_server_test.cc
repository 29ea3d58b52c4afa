#include <gtest/gtest.h>

#include <atomic>

#include "peerd/base/error.h"
#include "peerd/net/attempt_limit.h"
#include "test_peers.h"

namespace peerd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Answers with what was asked; /slow waits for its stop, /fail throws, /big answers with as many bytes as the query
// says.
HttpReply answer(const HttpRequest& request, std::stop_token stop) {
  if (request.path == "/slow") {
    while (!stop.stop_requested()) std::this_thread::yield();
    throw Stopped{};
  }
  if (request.path == "/fail") throw std::runtime_error("on purpose");
  if (request.path == "/big") return {200, {}, std::string(std::stoul(request.query), 'y')};
  const auto header = request.headers.find("x-test");
  return {201,
          {{"x-path", request.path},
           {"x-query", request.query},
           {"x-test", header == request.headers.end() ? "" : header->second}},
          request.method + " " + std::to_string(request.body.size()) + " " + request.body.substr(0, 100)};
}

// Who says so is refused by the head alone; /quick has a thread of its own.
HttpAdmission admit(const HttpRequest& head) {
  HttpAdmission admission{.quick = head.path == "/quick"};
  if (head.headers.contains("x-refuse")) admission.refusal = HttpReply{401, {}, "no"};
  return admission;
}

struct HttpServer {
  Operators operators;
  Server server;
  std::uint16_t port;
  explicit HttpServer(TlsServerOptions tls = {}, unsigned threads = 4, std::size_t queue = 64)
      : operators(threads, queue) {
    port = server.listen_http("127.0.0.1", 0, std::move(tls), {admit, answer}, operators);
    server.start();
  }
  HttpEndpoint endpoint() const { return {"127.0.0.1", port, {}}; }
  std::string raw(std::string_view text) const {
    RawClient client(port);
    client.send(text);
    return client.read_all();
  }
};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(HttpServer, AnswersRequestsOnOneConnection) {
  HttpServer http;
  HttpClient client(http.endpoint());
  for (int i = 0; i < 100; ++i) {
    const auto got = client.request("POST", "/a%20b/c?d=e%20f", {{"X-Test", "v"}}, "body", soon());
    EXPECT_EQ(got.status, 201);
    EXPECT_EQ(got.body, "POST 4 body");
    EXPECT_EQ(got.headers.at("x-path"), "/a b/c");
    EXPECT_EQ(got.headers.at("x-query"), "d=e%20f");
    EXPECT_EQ(got.headers.at("x-test"), "v");
  }
  EXPECT_EQ(client.request("HEAD", "/", {}, "", soon()).body, "");
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).body, "GET 0 ");
}

TEST(HttpServer, TakesChunkedUploads) {
  HttpServer http;
  HttpClient client(http.endpoint());
  for (int round = 0; round < 3; ++round) {
    const auto upload = client.upload("PUT", "/up", {}, soon());
    const std::string block(100'000, 'z');
    for (int i = 0; i < 50; ++i) upload->write(bytes_of(block), soon());
    upload->write({}, soon());
    EXPECT_EQ(upload->finish(soon()).body.substr(0, 12), "PUT 5000000 ");
  }
}

TEST(HttpServer, SendsLargeAnswersInPieces) {
  HttpServer http;
  HttpClient client(http.endpoint());
  std::size_t size = 0, pieces = 0;
  const auto got = client.download(
      "GET", "/big?20000000", {}, "", [&](std::string_view piece) { size += piece.size(), ++pieces; }, soon());
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "");
  EXPECT_EQ(size, 20'000'000u);
  EXPECT_GT(pieces, 100u);
}

TEST(HttpServer, RefusesABodyOfMoreThanEightMiBAndSaysSo) {
  HttpServer http;
  HttpClient client(http.endpoint());
  const auto got = client.request("POST", "/", {}, std::string((8 << 20) + 1, 'x'), soon());
  EXPECT_EQ(got.status, 413);
  EXPECT_EQ(client.request("POST", "/", {}, std::string(8 << 20, 'x'), soon()).status, 201);
}

TEST(HttpServer, AnswersGarbageWith400) {
  HttpServer http;
  EXPECT_EQ(http.raw("hello\r\n\r\n").substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(http.raw(std::string("\x16\x03\x01\x02\x00\x01\x00", 7) + std::string(1000, '\xff')).substr(0, 12),
            "HTTP/1.1 400");
  EXPECT_EQ(http.raw("GET * HTTP/1.1\r\n\r\n").substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(http.raw("GET / HTTP/1.1\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n").substr(0, 12), "HTTP/1.1 431");
  EXPECT_EQ(http.raw("GET / HTTP/1.0\r\n\r\n").substr(0, 12), "HTTP/1.1 201");
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  HttpServer http;
  std::string many;
  for (int i = 0; i < 200; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  const std::string got = http.raw(many + "GET /last HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = got.find("x-path: /" + std::to_string(i) + "\r\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(got.find("x-path: /last\r\n", at), std::string::npos);
}

TEST(HttpServer, SaysContinueToWhoWaitsForIt) {
  HttpServer http;
  RawClient client(http.port);
  client.send("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_some(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  EXPECT_NE(client.read_all().find("POST 2 ab"), std::string::npos);
}

TEST(HttpServer, RefusesByTheHeadAlone) {
  HttpServer http;
  RawClient client(http.port);
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nX-Refuse: 1\r\nContent-Length: 5000000\r\n\r\n");
  const std::string answer = client.read_all();  // Of the body nothing was sent.
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401")) << answer;
  EXPECT_NE(answer.find("connection: close"), std::string::npos);
}

TEST(HttpServer, TakesNoBodyWhoseEndIsNotCertain) {
  HttpServer http;
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const char* head : {"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
                           "Transfer-Encoding: identity\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"}) {
    const std::string answer = http.raw(std::string("POST /a HTTP/1.1\r\nHost: h\r\n") + head + "\r\n" + hidden);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 501") || answer.starts_with("HTTP/1.1 400")) << head << answer;
    EXPECT_EQ(answer.find("/hidden"), std::string::npos) << head << answer;
  }
}

TEST(HttpServer, AnswersWhatIsQuickThoughAllOperatorsAreBusy) {
  HttpServer http({}, 1, 1);
  RawClient slow(http.port);
  slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = http.raw("GET /quick HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 201")) << answer;
}

TEST(AttemptLimit, GivesTenAtOnceAndOneEachSecond) {
  AttemptLimit limit;
  const auto begin = steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(limit.may_try("10.0.0.1:5000", begin)) << i;
    limit.failed("10.0.0.1:5000", begin);
  }
  EXPECT_FALSE(limit.may_try("10.0.0.1:6000", begin));
  EXPECT_TRUE(limit.may_try("10.0.0.2:5000", begin));
  EXPECT_TRUE(limit.may_try("10.0.0.1:6000", begin + std::chrono::seconds(1)));
  EXPECT_FALSE(limit.may_try("10.0.0.1:6000", begin + milliseconds(900)));
}

TEST(HttpServer, Answers500WhereTheHandlerFails) {
  HttpServer http;
  HttpClient client(http.endpoint());
  const auto got = client.request("GET", "/fail", {}, "", soon());
  EXPECT_EQ(got.status, 500);
  EXPECT_EQ(got.body.find("on purpose"), std::string::npos);
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).status, 201);
}

TEST(HttpServer, Answers503WhenAllOperatorsAreBusy) {
  HttpServer http({}, 1, 1);
  RawClient first(http.port), second(http.port);
  first.send("GET /slow HTTP/1.1\r\n\r\n");
  second.send("GET /slow HTTP/1.1\r\n\r\n");
  HttpClient client(http.endpoint());
  HttpResponse got;
  const auto begin = steady_clock::now();
  do {
    try {
      got = client.request("GET", "/", {}, "", Wait::at_most(milliseconds(300)));
    } catch (const Error&) {
      got = {};  // It waited in the queue: the second had not come yet.
    }
  } while (got.status != 503 && seconds_since(begin) < 60);
  EXPECT_EQ(got.status, 503);
  EXPECT_EQ(got.body.substr(0, 20), "{\"code\":8,\"message\":");
}

TEST(HttpServer, CancelsWhatItsClientNoLongerWaitsFor) {
  HttpServer http({}, 1);
  {
    RawClient client(http.port);
    client.send("GET /slow HTTP/1.1\r\n\r\n");
  }
  HttpClient client(http.endpoint());
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).status, 201);
}

TEST(HttpServer, StopsAtOnceWithARequestRunning) {
  HttpServer http;
  RawClient client(http.port);
  client.send("GET /slow HTTP/1.1\r\n\r\n");
  const auto begin = steady_clock::now();
  http.server.stop();
  EXPECT_TRUE(http.operators.stop(soon()));
  EXPECT_LT(seconds_since(begin), 5.0);  // Loose: the machine may be busy. Waiting for the request would not end.
}

TEST(HttpServer, SpeaksTlsToWhoKnowsItsCertificate) {
  const Pem pem = make_certificate("localhost");
  HttpServer http({pem.certificate, pem.key});
  HttpEndpoint endpoint = http.endpoint();
  endpoint.tls.enabled = true;
  endpoint.tls.root_ca = pem.certificate;
  endpoint.tls.server_name = "localhost";
  HttpClient client(endpoint);
  EXPECT_EQ(client.request("GET", "/", {}, "", soon()).status, 201);
  const auto upload = client.upload("PUT", "/up", {}, soon());
  const std::string block(1 << 20, 'z');
  for (int i = 0; i < 5; ++i) upload->write(bytes_of(block), soon());
  EXPECT_EQ(upload->finish(soon()).body.substr(0, 12), "PUT 5242880 ");
  std::size_t size = 0;
  client.download(
      "GET", "/big?5000000", {}, "", [&](std::string_view piece) { size += piece.size(); }, soon());
  EXPECT_EQ(size, 5'000'000u);
}

std::string tls_failure(const HttpServer& http, const TlsClientOptions& tls) {
  HttpEndpoint endpoint = http.endpoint();
  endpoint.tls = tls;
  try {
    HttpClient(endpoint).request("GET", "/", {}, "", soon());
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::unreachable);
    return error.text.message + " / " + error.text.hint;
  }
  return "";
}

TEST(HttpServer, IsRefusedByWhoDoesNotKnowItsCertificate) {
  const Pem pem = make_certificate("localhost"), other = make_certificate("localhost");
  HttpServer http({pem.certificate, pem.key});
  TlsClientOptions tls{.enabled = true, .root_ca = other.certificate, .server_name = "localhost"};
  EXPECT_NE(tls_failure(http, tls).find("root_ca"), std::string::npos) << tls_failure(http, tls);
  tls.root_ca = pem.certificate;
  tls.server_name = "elsewhere";
  EXPECT_NE(tls_failure(http, tls).find("tls_host"), std::string::npos) << tls_failure(http, tls);
  tls.server_name = "";  // Then the host is checked, and 127.0.0.1 is not in the certificate.
  EXPECT_NE(tls_failure(http, tls).find("tls_host"), std::string::npos) << tls_failure(http, tls);
  tls.verify = false;
  EXPECT_EQ(tls_failure(http, tls), "");
  tls = {.enabled = true};
  EXPECT_NE(tls_failure(http, tls).find("not accepted"), std::string::npos) << tls_failure(http, tls);
}

TEST(HttpServer, SurvivesPlainHttpAtItsTlsPort) {
  const Pem pem = make_certificate("localhost");
  HttpServer http({pem.certificate, pem.key});
  http.raw("GET / HTTP/1.1\r\n\r\n");
  TlsClientOptions tls{.enabled = true, .root_ca = pem.certificate, .server_name = "localhost"};
  EXPECT_EQ(tls_failure(http, tls), "");
}

}  // namespace
}  // namespace peerd::net
