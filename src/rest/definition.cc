#include <nlohmann/json.hpp>

#include "json.h"
#include "mapping.h"
#include "peerd/control/mirror_sql.h"
#include "plain_json.h"
#include "query_mapping.h"
#include "routes.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::ordered_json;

/// The body that creates the mirror, without what PeerDB's message has and the mirror has not.
Json create_body(const MirrorSpec& mirror) {
  if (mirror.of_query()) {
    peerdb_route::CreateQRepFlowRequest query;
    fill_query(mirror, *query.mutable_qrep_config());
    return Json::parse(write_json_as_declared(query));
  }
  peerdb_route::CreateCDCFlowRequest body;
  fill_mirror(mirror, *body.mutable_connection_configs());
  return Json::parse(write_json_as_declared(body));
}

}  // namespace

std::string mirror_definition(Call& call) {
  const MirrorSpec mirror = call.deps.mirrors.record(call.parameter).spec;
  const PeerSpec source = call.deps.peers.get(mirror.source), target = call.deps.peers.get(mirror.target);
  const Json body = create_body(mirror);
  return write_plain({{"sql", create_mirror_sql(mirror, source, target, call.deps.peers.connectors())},
                      {"rest", body},
                      {"yaml", write_yaml(body)}});
}

}  // namespace peerd::rest
