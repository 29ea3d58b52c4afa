#pragma once

#include <span>
#include <string>
#include <string_view>

#include "peerd/base/clock.h"
#include "peerd/rest/rest_server.h"

namespace peerd::rest {

/// What an endpoint gets; all of it lives as long as the call.
struct Call {
  RestDeps& deps;
  std::string_view parameter;  ///< What stands where the path says {name}.
  std::string_view body;
  Wait wait;
};

struct Route {
  std::string_view method, path;  ///< Path behind /api/v1 or /v1; a last part "{…}" takes any one part.
  std::string (*answer)(Call&);   ///< The reply's JSON, status 200. Throws Error.
};
std::span<const Route> routes();

// The endpoints, by file.
std::string list_peers(Call& call);
std::string peer_info(Call& call);
std::string validate_peer(Call& call);
std::string create_peer(Call& call);
std::string drop_peer(Call& call);

std::string validate_mirror(Call& call);
std::string create_mirror(Call& call);
std::string list_mirrors(Call& call);
std::string mirror_names(Call& call);
std::string mirror_status(Call& call);
std::string change_state(Call& call);

std::string version(Call& call);
std::string health(RestDeps& deps);

}  // namespace peerd::rest
