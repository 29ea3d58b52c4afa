#include <nlohmann/json.hpp>

#include "peerd/base/encoding.h"
#include "peerd/base/version.h"
#include "peerd/net/http.h"
#include "peerd/rest/rest_server.h"
#include "sessions.h"
#include "unit/control/control_fixture.h"

namespace peerd::rest {
namespace {

class HandClock final : public Clock {
 public:
  Instant now() const noexcept override { return now_; }
  std::chrono::system_clock::time_point wall() const noexcept override { return {}; }
  bool sleep_until(Instant, const std::stop_token&) override { return true; }
  void advance(std::chrono::seconds by) { now_ += by; }

 private:
  Instant now_{std::chrono::hours(1000)};
};

TEST(Sessions, LastTwelveHours) {
  HandClock clock;
  Sessions sessions(clock);
  const std::string token = sessions.open(Role::read);
  EXPECT_EQ(token.size(), 64u);
  EXPECT_NE(token, sessions.open(Role::read));
  clock.advance(std::chrono::hours(12) - std::chrono::seconds(1));
  EXPECT_EQ(sessions.find(token), Role::read);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(sessions.find(token), std::nullopt);
}

TEST(Sessions, AreWorthlessOnceClosed) {
  Sessions sessions;
  const std::string one = sessions.open(Role::admin), other = sessions.open(Role::admin);
  sessions.close(one);
  sessions.close("nothing");
  EXPECT_EQ(sessions.find(one), std::nullopt);
  EXPECT_EQ(sessions.find(other), Role::admin);
  for (const std::string& wrong : {std::string(), other + "0", other.substr(1), std::string(64, '0')})
    EXPECT_EQ(sessions.find(wrong), std::nullopt);
}

TEST(Sessions, AreAThousandAtMostAndTheOldestGo) {
  HandClock clock;
  Sessions sessions(clock);
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < Sessions::kMost + 2; ++i) {
    tokens.push_back(sessions.open(Role::admin));
    clock.advance(std::chrono::seconds(1));
  }
  std::size_t open = 0;
  for (const std::string& token : tokens) open += sessions.find(token).has_value();
  EXPECT_EQ(open, Sessions::kMost);
  EXPECT_FALSE(sessions.find(tokens[0]) || sessions.find(tokens[1]));
  EXPECT_TRUE(sessions.find(tokens[2]));
}

using Headers = std::map<std::string, std::string>;

class Session : public ControlTest {
 protected:
  net::HttpReply ask(const std::string& method, const std::string& path, Headers headers = {}, const std::string& body = {}) {
    if (!handler_.handle) {
      handler_ = make_rest_handler({peers_, mirrors_, *catalog_, password_, attempts_, {}, read_password_, tls_});
    }
    const net::HttpRequest request{method, "/api/v1/" + path, "", std::move(headers), body, "test"};
    if (const auto refusal = handler_.admit(request).refusal) return *refusal;
    return handler_.handle(request, {});
  }
  net::HttpReply log_in(const std::string& password) {
    return ask("POST", "session", {}, nlohmann::json{{"password", password}}.dump());
  }
  /// The cookie as a browser sends it back.
  std::string cookie_of(const std::string& password) {
    const std::string header = log_in(password).headers.at("set-cookie");
    return header.substr(0, header.find(';'));
  }
  static Headers page(const std::string& cookie) { return {{"cookie", cookie}, {"x-requested-with", "peerd"}}; }
  static Headers basic(const std::string& password) {
    return {{"authorization", "Basic " + base64_encode(":" + password)}};
  }

  std::string password_ = "secret", read_password_ = "look";
  bool tls_ = false;
  net::AttemptLimit attempts_;
  net::HttpHandler handler_;
};

TEST_F(Session, BeginsWithAPasswordAndEndsWhenItIsAsked) {
  const auto opened = log_in("secret");
  EXPECT_EQ(opened.status, 200);
  EXPECT_EQ(opened.body, R"({"role":"admin"})");
  const std::string header = opened.headers.at("set-cookie");
  EXPECT_TRUE(header.starts_with("peerd_session="));
  EXPECT_TRUE(header.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200")) << header;
  const std::string cookie = header.substr(0, header.find(';'));

  EXPECT_EQ(ask("GET", "version", {{"cookie", cookie}}).status, 200);
  EXPECT_EQ(ask("GET", "version", {{"cookie", "a=b; " + cookie + "; c=d"}}).status, 200);
  EXPECT_EQ(ask("GET", "version", {{"cookie", "x" + cookie}}).status, 401);
  EXPECT_EQ(ask("GET", "session", {{"cookie", cookie}}).body,
            R"({"role":"admin","login":"cookie","version":")" + std::string(kVersion) + "\"}");

  const auto closed = ask("DELETE", "session", page(cookie));
  EXPECT_EQ(closed.body, "{}");
  EXPECT_TRUE(has(closed.headers.at("set-cookie"), "peerd_session=; ") && has(closed.headers.at("set-cookie"), "Max-Age=0"));
  EXPECT_EQ(ask("GET", "version", {{"cookie", cookie}}).status, 401);
  EXPECT_EQ(ask("GET", "session", {{"cookie", cookie}}).status, 401);
}

TEST_F(Session, CookiesAreForTlsAloneWhereThereIsTls) {
  tls_ = true;
  EXPECT_TRUE(has(log_in("secret").headers.at("set-cookie"), "; Secure"));
}

TEST_F(Session, WrongPasswordsAreRefusedAndCounted) {
  const auto wrong = log_in("Secret");
  EXPECT_EQ(wrong.status, 403);
  EXPECT_TRUE(has(wrong.body, R"("reason":"WRONG_PASSWORD")"));
  EXPECT_FALSE(wrong.headers.contains("set-cookie"));
  for (const char* body : {"", "{", "[]", "{}", R"({"password":7})", R"({"passwort":"secret"})"}) {
    const auto reply = ask("POST", "session", {}, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_FALSE(has(reply.body, "secret")) << reply.body;
  }
  EXPECT_EQ(log_in("").status, 403);
  int refused = 0;
  for (int i = 0; i < 12; ++i) refused += log_in("guess").status == 429;
  EXPECT_GE(refused, 1);
  EXPECT_EQ(log_in("secret").status, 429) << "not even looked at";
}

TEST_F(Session, AreNotStoppedByThoseWhoGuessBehindTheSameProxy) {
  const std::string cookie = cookie_of("secret");
  for (int i = 0; i < 12; ++i) log_in("guess");
  EXPECT_EQ(ask("GET", "version", basic("secret")).status, 429);
  EXPECT_EQ(ask("GET", "version", {{"cookie", cookie}}).status, 200);
  EXPECT_EQ(ask("POST", "session", {{"cookie", cookie}, {"x-requested-with", "peerd"}}, R"({"password":"secret"})").status, 429);
}

TEST_F(Session, WhoHasShownNoPasswordBringsLittle) {
  const std::string much(5000, '[');
  const Headers length{{"content-length", "5000"}}, open{{"transfer-encoding", "chunked"}};
  EXPECT_EQ(ask("POST", "session", length, much).status, 413);
  EXPECT_EQ(ask("POST", "session", open, much).status, 413);
  EXPECT_EQ(ask("POST", "session", {{"content-length", "99999999999999999999"}}, much).status, 413);
  for (const char* path : {"/healthz", "/", "/page/x.js"}) {
    const auto refusal = handler_.admit({"POST", path, "", length, "", "test"}).refusal;
    ASSERT_TRUE(refusal) << path;
    EXPECT_EQ(refusal->status, 413);
  }
  EXPECT_EQ(ask("POST", "session", {{"content-length", "21"}}, R"({"password":"secret"})").status, 200);
}

TEST_F(Session, OfWhoMayOnlyReadChangesNothing) {
  make_peers();
  const std::string cookie = cookie_of("look");
  EXPECT_EQ(nlohmann::json::parse(ask("GET", "session", page(cookie)).body).at("role"), "read");
  EXPECT_EQ(nlohmann::json::parse(ask("GET", "session", basic("look")).body).at("login"), "basic");
  for (const Headers& headers : {page(cookie), basic("look")}) {
    EXPECT_EQ(ask("GET", "peers/list", headers).status, 200);
    EXPECT_EQ(ask("GET", "peers/info/src", headers).status, 200);
    EXPECT_EQ(ask("POST", "mirrors/status", headers, R"({"flow_job_name":"nope"})").status, 404);
    for (const char* path : {"peers/create", "peers/validate", "peers/drop", "flows/cdc/create", "mirrors/cdc/validate", "mirrors/state_change"}) {
      const auto reply = ask("POST", path, headers, R"({"peer_name":"ch"})");
      EXPECT_EQ(reply.status, 403) << path;
      EXPECT_TRUE(has(reply.body, R"("reason":"READ_ONLY")")) << reply.body;
    }
  }
  EXPECT_EQ(ask("POST", "peers/drop", page(cookie_of("secret")), R"({"peer_name":"ch"})").status, 200);
  EXPECT_EQ(ask("DELETE", "session", page(cookie)).status, 200);
}

TEST_F(Session, NoReadPasswordIsNotAnEmptyOne) {
  read_password_ = "";
  EXPECT_EQ(log_in("").status, 403);
  EXPECT_EQ(ask("GET", "version", basic("")).status, 403);
}

TEST_F(Session, CookiesThatAPageOfAnotherSiteSendsAreWorthNothing) {
  make_peers();
  const std::string cookie = cookie_of("secret");
  for (const char* value : {"", "XMLHttpRequest"}) {
    Headers headers{{"cookie", cookie}};
    if (*value != '\0') headers["x-requested-with"] = value;
    const auto reply = ask("POST", "peers/drop", headers, R"({"peer_name":"ch"})");
    EXPECT_EQ(reply.status, 403);
    EXPECT_TRUE(has(reply.body, R"("reason":"CROSS_SITE")")) << reply.body;
    EXPECT_EQ(ask("DELETE", "session", headers).status, 403);
  }
  Headers foreign = page(cookie);
  foreign["host"] = "localhost:3000";
  foreign["origin"] = "http://evil.example";
  EXPECT_EQ(ask("POST", "peers/drop", foreign, R"({"peer_name":"ch"})").status, 403);
  EXPECT_EQ(ask("GET", "peers/info/ch", page(cookie)).status, 200) << "it is still there";
}

TEST_F(Session, TheBrowsersOwnBoxIsNotShownToThePage) {
  EXPECT_TRUE(ask("GET", "session").headers.contains("www-authenticate"));
  for (const Headers& headers : {Headers{{"x-requested-with", "peerd"}}, Headers{{"accept", "text/event-stream"}},
                                 Headers{{"cookie", "peerd_session=old"}}}) {
    const auto reply = ask("GET", "session", headers);
    EXPECT_EQ(reply.status, 401);
    EXPECT_FALSE(reply.headers.contains("www-authenticate"));
  }
}

TEST_F(Session, WithoutAPasswordEverybodyIsAdmin) {
  password_ = read_password_ = "";
  const auto opened = log_in("any");
  EXPECT_EQ(opened.body, R"({"role":"admin"})");
  EXPECT_FALSE(opened.headers.contains("set-cookie"));
  EXPECT_EQ(nlohmann::json::parse(ask("GET", "session").body).at("login"), "none");
  EXPECT_EQ(ask("DELETE", "session").status, 200);
}

TEST_F(Session, TellsItsMethodsToWhoUsesAnother) {
  const auto reply = ask("PUT", "session", basic("secret"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("allow"), "POST, GET, DELETE");
}

}  // namespace
}  // namespace peerd::rest
