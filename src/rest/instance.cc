#include "json.h"
#include "peerd/base/version.h"
#include "proto/route.pb.h"
#include "routes.h"

namespace peerd::rest {

std::string version(Call&) {
  peerdb_route::PeerDBVersionResponse reply;
  reply.set_version(kVersion);
  return write_json(reply);
}

std::string health(RestDeps& deps) {
  peerdb_route::HealthzResponse reply;
  reply.set_status("ok");  // It serves; a mirror that fails is an operator's matter, not a reason to restart peerd.
  std::uint32_t failing = 0;
  const auto mirrors = deps.mirrors.list();
  for (const auto& mirror : mirrors) {
    if (mirror.failing || mirror.state == MirrorState::failed) ++failing;
  }
  reply.set_mirrors(static_cast<std::uint32_t>(mirrors.size()));
  reply.set_failing(failing);
  return write_json(reply);
}

}  // namespace peerd::rest
