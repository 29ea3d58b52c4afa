#include "refusals.h"

#include "auth.h"
#include "hosts.h"
#include "json.h"
#include "page.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "probes.h"
#include "routes.h"

namespace peerd::rest {
namespace {

net::HttpReply refuse_cross_site(std::string_view hint) {
  return reply_with(403, error_json(7, "CROSS_SITE", "requests from pages of other sites are refused", hint));
}

/// Who has shown no password yet may send a password, and not much else.
constexpr std::int64_t kMostOpenBody = 4096;
bool brings_much(const net::HttpRequest& request) {
  if (request.headers.contains("transfer-encoding")) return true;
  const auto length = request.headers.find("content-length");
  if (length == request.headers.end()) return false;
  const auto bytes = read_integer(length->second);
  return !bytes || *bytes < 0 || *bytes > kMostOpenBody;
}

/// The endpoint that is asked for; nullptr when there is none.
const Route* asked_route(const net::HttpRequest& request) {
  const auto path = versioned(request.path);
  for (const Route& route : routes()) {
    if (path && route.method == request.method && match(route.path, *path)) return &route;
  }
  return nullptr;
}

std::optional<net::HttpReply> refuse_access(RestDeps& deps, Sessions& sessions, const net::HttpRequest& request,
                                            const Route* route) {
  const Access access = check_access(request, deps, sessions);
  switch (access.outcome) {
    case Access::Outcome::missing:
      return refuse_missing_password(request);
    case Access::Outcome::wrong:
      note_wrong_password(deps, request);
      return refuse_wrong_password();
    case Access::Outcome::cross_site:
      return refuse_cross_site("with a session's cookie send the header X-Requested-With: peerd");
    case Access::Outcome::granted:
      break;
  }
  if (access.role == Role::admin || route == nullptr || route->kind == Route::Kind::reads) return std::nullopt;
  return reply_with(403, error_json(7, "READ_ONLY", "this password may look at everything and change nothing",
                                    "log in with PEERD_PASSWORD to change something"));
}

}  // namespace

net::HttpReply reply_with(int status, std::string body) {
  return {.status = status,
          .headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}},
          .body = std::move(body)};
}

net::HttpReply refuse_missing_password(const net::HttpRequest& request) {
  auto reply = reply_with(401, error_json(16, "PASSWORD_REQUIRED", "a password is required",
                                          "HTTP Basic with an empty user name (curl -u :password), or POST session"));
  if (!is_script(request)) reply.headers["www-authenticate"] = "Basic realm=\"peerd\", charset=\"UTF-8\"";
  return reply;
}

std::optional<Access> who_asks(Call& call) {
  const Access access = check_access(call.request, call.deps, call.sessions);
  if (access.outcome == Access::Outcome::granted) return access;
  call.reply = refuse_missing_password(call.request);
  return std::nullopt;
}

net::HttpReply refuse_wrong_password() {
  return reply_with(403, error_json(7, "WRONG_PASSWORD", "wrong user name or password",
                                    "the user name is empty, the password is PEERD_PASSWORD: curl -u :password"));
}

net::HttpReply refuse_too_many_attempts() {
  auto reply = reply_with(429, error_json(8, "TOO_MANY_ATTEMPTS", "too many wrong passwords from this address",
                                          "wait a few seconds, and check the password"));
  reply.headers["retry-after"] = "2";
  return reply;
}

void note_wrong_password(RestDeps& deps, const net::HttpRequest& request) {
  deps.attempts.failed(request.remote);
  log(LogLevel::warning, "a wrong password came to the REST port from " + request.remote);
}

std::optional<net::HttpReply> refusal(RestDeps& deps, Sessions& sessions, const net::HttpRequest& request) {
  if ((deps.password.empty() || !deps.allowed_hosts.empty()) && !is_own_host(request, deps.allowed_hosts)) {
    return reply_with(403, error_json(7, "HOST_REFUSED", "this server does not know itself by that name",
                                      "set PEERD_PASSWORD, or name the host in PEERD_ALLOWED_HOSTS"));
  }
  const bool needs_none = is_open_probe(request, deps.probes) || is_page(request);
  const Route* route = needs_none ? nullptr : asked_route(request);
  const bool logs_in = route != nullptr && route->answer == open_session;  // Its password comes in the body.
  if ((needs_none || logs_in) && brings_much(request)) {
    return reply_with(413, error_json(8, "BODY_TOO_LARGE",
                                      "this path takes a body of at most 4096 bytes, with its length", ""));
  }
  if (needs_none) return std::nullopt;
  if (is_cross_site(request)) return refuse_cross_site("");
  if (deps.password.empty()) return std::nullopt;
  // Whoever holds a session does not wait for those who guess behind the same proxy.
  const bool known = !logs_in && !gives_password(request) && sessions.find(session_token(request));
  if (!known && !deps.attempts.may_try(request.remote)) return refuse_too_many_attempts();
  if (logs_in) return std::nullopt;
  return refuse_access(deps, sessions, request, route);
}

}  // namespace peerd::rest
