#include "peerd/net/http.h"
#include "peerd/rest/rest_server.h"
#include "peerd/web/assets.h"
#include "unit/control/control_fixture.h"

namespace peerd::rest {
namespace {

class Page : public ControlTest {
 protected:
  net::HttpReply get(const std::string& path, std::map<std::string, std::string> headers = {}, const std::string& method = "GET") {
    const net::HttpHandler handler = make_rest_handler({peers_, mirrors_, *catalog_, password_, attempts_});
    const net::HttpRequest request{method, path, "", std::move(headers), "", "test"};
    const auto admission = handler.admit(request);
    if (admission.refusal) return *admission.refusal;
    quick_ = admission.quick;
    return handler.handle(request, {});
  }
  std::string password_;
  net::AttemptLimit attempts_;
  bool quick_ = false;
};

TEST_F(Page, IsServedWithoutAPassword) {
  password_ = "secret";
  const auto reply = get("/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, web::find_asset("index.html")->bytes);
  EXPECT_EQ(reply.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_TRUE(quick_) << "it must come when all operators are busy";
  EXPECT_EQ(get("/page/lib/preact.js").headers.at("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(get("/page/lib/uplot.css").status, 200);
}

TEST_F(Page, LetsNothingButItsOwnFilesRun) {
  for (const char* path : {"/", "/page/lib/hooks.js"}) {
    const auto headers = get(path).headers;
    const std::string policy = headers.at("content-security-policy");
    for (const char* part : {"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self'",
                             "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"})
      EXPECT_TRUE(has(policy, part)) << part;
    EXPECT_FALSE(has(policy, "unsafe"));
    EXPECT_EQ(headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(headers.at("referrer-policy"), "no-referrer");
    EXPECT_EQ(headers.at("cache-control"), "no-cache");
  }
}

TEST_F(Page, ComesPackedToWhoUnpacks) {
  const auto* file = web::find_asset("lib/preact.js");
  const struct {
    const char* accept;
    bool packed;
  } kCases[] = {{"gzip, deflate, br", true}, {"br, GZIP;q=0.5", true},  {"br;q=1.0, gzip ; q=0.01", true}, {"gzip;q=0", false},
                {"gzip; q=0.0", false},      {"identity", false}, {"x-gzip", false},               {"", false}};
  for (const auto& test : kCases) {
    const auto reply = get("/page/lib/preact.js", {{"accept-encoding", test.accept}});
    EXPECT_EQ(reply.body, test.packed ? file->gzip : file->bytes) << test.accept;
    EXPECT_EQ(reply.headers.contains("content-encoding"), test.packed) << test.accept;
    EXPECT_EQ(reply.headers.at("vary"), "accept-encoding");
  }
}

TEST_F(Page, IsNotSentAgainToWhoHasIt) {
  const std::string etag = get("/page/lib/htm.js").headers.at("etag");
  for (const std::string& known : {etag, "\"old\", " + etag, etag.substr(2), std::string("*")}) {
    const auto reply = get("/page/lib/htm.js", {{"if-none-match", known}, {"accept-encoding", "gzip"}});
    EXPECT_EQ(reply.status, 304) << known;
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(reply.headers.at("etag"), etag);
  }
  EXPECT_EQ(get("/page/lib/htm.js", {{"if-none-match", "W/\"old\""}}).status, 200);
  EXPECT_EQ(get("/page/lib/preact.js", {{"if-none-match", etag}}).status, 200);
}

TEST_F(Page, TakesReadingMethodsOfItsFilesAlone) {
  EXPECT_EQ(get("/", {}, "HEAD").status, 200);
  const auto post = get("/", {}, "POST");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.headers.at("allow"), "GET, HEAD");
  for (const char* path : {"/page/", "/page/nope.js", "/page/../index.html", "/page//index.html"}) {
    const auto reply = get(path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_TRUE(has(reply.body, R"("reason":"UNKNOWN_PATH")")) << reply.body;
  }
}

TEST_F(Page, IsRefusedUnderANameThatAnySiteCanGive) {
  EXPECT_EQ(get("/", {{"host", "evil:3000"}}).status, 403);
  EXPECT_EQ(get("/page/lib/preact.js", {{"host", "evil:3000"}}).status, 403);
  EXPECT_EQ(get("/", {{"host", "localhost:3000"}}).status, 200);
}

}  // namespace
}  // namespace peerd::rest
