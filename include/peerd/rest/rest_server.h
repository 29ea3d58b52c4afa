#pragma once

#include <string>

#include "peerd/control/control.h"
#include "peerd/net/server.h"

namespace peerd {

/// What the HTTP port works with; all of it outlives the server. An empty password leaves the API open.
struct RestDeps {
  PeerControl& peers;
  MirrorControl& mirrors;
  Catalog& catalog;
  std::string password;
};

/// Answers /api/v1/..., the same under /v1/..., and /healthz. Never throws; docs/rest.md lists the endpoints.
net::Server::HandleHttp make_rest_handler(RestDeps deps);

}  // namespace peerd
