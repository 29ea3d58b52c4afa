#pragma once

#include <string>
#include <vector>

#include "peerd/control/control.h"
#include "peerd/control/view_query.h"
#include "peerd/net/attempt_limit.h"
#include "peerd/net/server.h"

namespace peerd {

/// What the HTTP port works with; all of it outlives the server. An empty password leaves the API open.
struct RestDeps {
  PeerControl& peers;
  MirrorControl& mirrors;
  Catalog& catalog;
  std::string password;
  net::AttemptLimit& attempts;
  std::vector<std::string> allowed_hosts{};  ///< Beside IP addresses and localhost; asked for when there is no password.
  std::string read_password{};  ///< Whoever gives it sees all and changes nothing; "" = there is none.
  bool tls = false;             ///< The port speaks HTTPS: its cookies are for that alone.
  ViewQuery query{};            ///< What answers POST query; without one it is refused.
};

/// Answers /api/v1/..., the same under /v1/..., /healthz, and with the page at / and below /page/. Never throws; docs/rest.md lists the endpoints.
net::HttpHandler make_rest_handler(RestDeps deps);

}  // namespace peerd
