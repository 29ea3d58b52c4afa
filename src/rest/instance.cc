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

}  // namespace peerd::rest
