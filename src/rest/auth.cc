#include "auth.h"

#include <algorithm>

#include "peerd/base/encoding.h"
#include "peerd/base/text.h"
#include "peerd/net/http.h"

namespace peerd::rest {
namespace {

constexpr std::string_view kCookie = "peerd_session";

/// Takes as long for any `given` of one length.
bool equal(std::string_view given, std::string_view wanted) {
  volatile unsigned char difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference = difference | static_cast<unsigned char>(given[i] ^ wanted[i % wanted.size()]);
  }
  return difference == 0;
}

std::string_view header_of(const net::HttpRequest& request, const char* name) {
  const auto header = request.headers.find(name);
  return header == request.headers.end() ? std::string_view() : std::string_view(header->second);
}

/// What follows "Basic", nullopt when the request has none.
std::optional<std::string_view> basic_of(const net::HttpRequest& request) {
  const std::string_view value = header_of(request, "authorization");
  if (to_lower(value.substr(0, 6)) != "basic ") return std::nullopt;
  return value.substr(std::min(value.size(), value.find_first_not_of(' ', 6)));
}

}  // namespace

std::string_view to_string(Login login) {
  constexpr std::string_view kNames[] = {"none", "cookie", "basic"};
  return kNames[static_cast<int>(login)];
}

std::optional<Role> role_of(std::string_view given, const RestDeps& deps) {
  const bool admin = equal(given, deps.password);
  const bool read = !deps.read_password.empty() && equal(given, deps.read_password);
  if (admin) return Role::admin;
  return read ? std::optional(Role::read) : std::nullopt;
}

Access check_access(const net::HttpRequest& request, const RestDeps& deps, Sessions& sessions) {
  using enum Access::Outcome;
  if (deps.password.empty()) return {granted};
  if (const auto basic = basic_of(request)) {
    std::string decoded;
    if (!base64_decode(*basic, decoded) || !decoded.starts_with(':')) return {wrong};
    const auto role = role_of(std::string_view(decoded).substr(1), deps);
    return role ? Access{granted, *role, Login::basic} : Access{wrong};
  }
  const auto role = sessions.find(session_token(request));
  if (!role) return {missing};
  const bool reads = request.method == "GET" || request.method == "HEAD";
  return reads || is_own_page(request) ? Access{granted, *role, Login::cookie} : Access{cross_site};
}

bool gives_password(const net::HttpRequest& request) { return basic_of(request).has_value(); }

std::string_view session_token(const net::HttpRequest& request) {
  std::string_view cookies = header_of(request, "cookie");
  while (!cookies.empty()) {
    const std::string_view one = cookies.substr(0, cookies.find(';'));
    if (one.starts_with(kCookie) && one.substr(kCookie.size()).starts_with('=')) return one.substr(kCookie.size() + 1);
    cookies.remove_prefix(one.size());
    cookies.remove_prefix(std::min(cookies.size(), cookies.find_first_not_of("; ")));
  }
  return {};
}

std::string session_cookie(std::string_view token, bool tls) {
  const auto life = token.empty() ? std::chrono::seconds(0) : std::chrono::seconds(Sessions::kLife);
  return std::string(kCookie) + "=" + std::string(token) + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
         std::to_string(life.count()) + (tls ? "; Secure" : "");
}

bool is_own_page(const net::HttpRequest& request) { return header_of(request, "x-requested-with") == "peerd"; }

bool is_script(const net::HttpRequest& request) {
  return is_own_page(request) || !session_token(request).empty() ||
         header_of(request, "accept").find("text/event-stream") != std::string_view::npos;
}

bool is_cross_site(const net::HttpRequest& request) {
  const auto origin = request.headers.find("origin"), host = request.headers.find("host");
  if (origin == request.headers.end()) return false;
  const auto scheme = origin->second.find("://");
  return host == request.headers.end() || scheme == std::string::npos ||
         to_lower(origin->second.substr(scheme + 3)) != to_lower(host->second);
}

}  // namespace peerd::rest
