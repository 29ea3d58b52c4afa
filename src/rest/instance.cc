#include <nlohmann/json.hpp>

#include "json.h"
#include "peerd/base/version.h"
#include "plain_json.h"
#include "proto/route.pb.h"
#include "routes.h"

namespace peerd::rest {

using Json = nlohmann::ordered_json;


/// Each list begins with its headline, as PeerDB's page shows it.
std::string peer_types(Call& call) {
  Json sources = Json::array({"Sources"}), targets = Json::array({"Targets"}), queues = Json::array({"Queues"});
  for (const Connector& connector : call.deps.peers.connectors().all()) {
    const std::string word = connector.kind == "POSTGRES" ? "POSTGRESQL" : std::string(connector.kind);
    if (connector.source) sources.push_back(word);
    if (connector.target) (connector.kind == "KAFKA" ? queues : targets).push_back(word);
  }
  return write_plain(Json::array({sources, targets, queues}));
}

std::string mirror_types(Call&) {
  return write_plain(Json::array({Json{{"title", "CDC"},
                                       {"description", "the tables' rows, then every change of them as it is committed"},
                                       {"link", ""}}}));
}

std::string version(Call&) {
  peerdb_route::PeerDBVersionResponse reply;
  reply.set_version(kVersion);
  return write_json(reply);
}

}  // namespace peerd::rest
