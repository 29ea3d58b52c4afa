#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "peerd/net/server.h"
#include "peerd/rest/rest_server.h"
#include "sessions.h"

namespace peerd::rest {

enum class Login { none, cookie, basic };
std::string_view to_string(Login login);

/// Who asks, told by the head alone.
struct Access {
  enum class Outcome { granted, missing, wrong, cross_site } outcome;
  Role role = Role::admin;  ///< Once granted.
  Login login = Login::none;
};
/// HTTP Basic with an empty user's name, as PeerDB has it, or else the cookie of a session. Without a password set everybody
/// is admin. cross_site: the cookie comes with a request that changes something, and a page of another site may have sent it.
Access check_access(const net::HttpRequest& request, const RestDeps& deps, Sessions& sessions);

/// What the password opens; compared in constant time. REQUIRES: one is set.
std::optional<Role> role_of(std::string_view given, const RestDeps& deps);

/// Whether it is HTTP Basic that tells who asks.
bool gives_password(const net::HttpRequest& request);
/// The session's token that the request carries; "" when there is none.
std::string_view session_token(const net::HttpRequest& request);
/// The header that gives the browser the token; "" takes it away.
std::string session_cookie(std::string_view token, bool tls);

/// "X-Requested-With: peerd", which a page of another site cannot set.
bool is_own_page(const net::HttpRequest& request);
/// Whether a browser's script asks, to whom the browser's own password box must not be shown.
bool is_script(const net::HttpRequest& request);
/// Sent by a page of another site, in the browser of somebody who may use peerd.
bool is_cross_site(const net::HttpRequest& request);

}  // namespace peerd::rest
