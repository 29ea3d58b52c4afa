#include "peerd/rest/rest_server.h"

#include "auth.h"
#include "hosts.h"
#include "json.h"
#include "page.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "routes.h"

namespace peerd {
namespace rest {
namespace {

constexpr std::chrono::seconds kLongest{60};

net::HttpReply reply_with(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

/// The path behind /api/v1/ or /v1/.
std::optional<std::string_view> versioned(std::string_view path) {
  for (const std::string_view prefix : {"/api/v1/", "/v1/"}) {
    if (path.starts_with(prefix)) return path.substr(prefix.size());
  }
  return std::nullopt;
}

net::HttpReply unknown_path(std::string_view path) {
  std::vector<std::string_view> paths;
  for (const auto& route : routes()) paths.push_back(route.path);
  const auto meant = closest(path, paths);
  return reply_with(
      404, error_json(5, "UNKNOWN_PATH", "there is no such path",
                      meant.empty() ? "docs/rest.md lists the paths" : "did you mean /api/v1/" + std::string(meant)));
}

net::HttpReply refuse_access(Access access) {
  if (access == Access::missing) {
    auto reply = reply_with(401, error_json(16, "PASSWORD_REQUIRED", "a password is required",
                                            "HTTP Basic with an empty user name: curl -u :password"));
    reply.headers["www-authenticate"] = "Basic realm=\"peerd\", charset=\"UTF-8\"";
    return reply;
  }
  return reply_with(403, error_json(7, "WRONG_PASSWORD", "wrong user name or password",
                                    "the user name is empty, the password is PEERD_PASSWORD: curl -u :password"));
}

bool is_health(const net::HttpRequest& request) { return request.path == "/healthz"; }

/// Who may ask. Told by the head alone, so that nobody without the password can make us hold a body.
std::optional<net::HttpReply> refusal(RestDeps& deps, const net::HttpRequest& request) {
  if ((deps.password.empty() || !deps.allowed_hosts.empty()) && !is_own_host(request, deps.allowed_hosts)) {
    return reply_with(403, error_json(7, "HOST_REFUSED", "this server does not know itself by that name",
                                      "set PEERD_PASSWORD, or name the host in PEERD_ALLOWED_HOSTS"));
  }
  if (is_health(request) || is_page(request)) return std::nullopt;
  if (is_cross_site(request)) {
    return reply_with(403, error_json(7, "CROSS_SITE", "requests from pages of other sites are refused", ""));
  }
  if (deps.password.empty()) return std::nullopt;
  if (!deps.attempts.may_try(request.remote)) {
    auto reply = reply_with(429, error_json(8, "TOO_MANY_ATTEMPTS", "too many wrong passwords from this address",
                                            "wait a few seconds, and check the password"));
    reply.headers["retry-after"] = "2";
    return reply;
  }
  const Access access = check_access(request, deps.password);
  if (access == Access::granted) return std::nullopt;
  if (access == Access::wrong) {
    deps.attempts.failed(request.remote);
    log(LogLevel::warning, "a wrong password came to the REST port from " + request.remote);
  }
  return refuse_access(access);
}

net::HttpReply route(RestDeps& deps, const net::HttpRequest& request, const std::stop_token& stop) {
  if (is_health(request)) {
    if (request.method != "GET" && request.method != "HEAD")
      return reply_with(405, error_json(12, "WRONG_METHOD", "use GET", ""));
    return reply_with(200, health(deps));
  }
  if (is_page(request)) return page_reply(request);
  const auto path = versioned(request.path);
  const Query query = read_query(request.query);
  const Route* other = nullptr;
  for (const auto& candidate : routes()) {
    const auto parameter = path ? match(candidate.path, *path) : std::nullopt;
    if (!parameter) continue;
    if (candidate.method == request.method) {
      Call call{deps, *parameter, request.body, query, Wait::at_most(kLongest, stop)};
      return reply_with(200, candidate.answer(call));
    }
    other = &candidate;
  }
  if (!other) return unknown_path(path.value_or(request.path));
  auto reply = reply_with(405, error_json(12, "WRONG_METHOD", "this path takes " + std::string(other->method), ""));
  reply.headers["allow"] = std::string(other->method);
  return reply;
}

}  // namespace

}  // namespace rest

net::HttpHandler make_rest_handler(RestDeps given) {
  const auto deps = std::make_shared<RestDeps>(std::move(given));
  net::HttpHandler handler;
  handler.admit = [deps](const net::HttpRequest& head) {
    return net::HttpAdmission{.refusal = rest::refusal(*deps, head), .quick = rest::is_health(head) || rest::is_page(head)};
  };
  handler.handle = [deps](const net::HttpRequest& request, std::stop_token stop) {
    try {
      return rest::route(*deps, request, stop);
    } catch (const Stopped&) {
      return rest::reply_with(503, rest::error_json(14, "STOPPING", "peerd stops, or the client is gone", ""));
    } catch (...) {
      const ErrorText text = current_error();
      if (text.code == ErrorCode::internal)
        log(LogLevel::error, "a request failed: " + text.message, {.hint = text.hint});
      return rest::reply_with(rest::answer_facts(text).http_status, rest::error_json(text));
    }
  };
  return handler;
}

}  // namespace peerd
