// What is there, and what would have to change for it to be as a file declares it.
#include "peerd/control/plan.h"

#include <nlohmann/json.hpp>

#include "json.h"
#include "mapping.h"
#include "plain_json.h"
#include "query_mapping.h"
#include "proto/declaration.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

/// Without its secrets, whose names are told.
void fill_declared(const PeerSpec& peer, const OptionTable& options, peerdb_route::DeclaredPeer& declared) {
  PeerSpec shown{peer.name, peer.kind, {}};
  for (const auto& [name, value] : peer.options) {
    const Option* option = find_option(options, name);
    if (option && option->secret == Secret::yes) declared.add_keep(name);
    else shown.options.emplace(name, value);
  }
  fill_peer(shown, options, *declared.mutable_peer());
}

}  // namespace

std::string declaration(Call& call) {
  peerdb_route::Declaration all;
  for (const PeerSpec& peer : call.deps.peers.list()) {
    const Connector* connector = call.deps.peers.connectors().find(peer.kind);
    if (connector) fill_declared(peer, *connector->options, *all.add_peers());
  }
  for (const MirrorRecord& record : call.deps.catalog.mirrors()) {
    if (record.state == MirrorState::terminating || record.state == MirrorState::terminated) continue;
    if (record.spec.of_query()) fill_query(record.spec, *all.add_query_mirrors());
    else fill_mirror(record.spec, *all.add_mirrors());
  }
  return write_json_as_declared(all);
}

std::string plan(Call& call) {
  peerdb_route::Declaration body;
  read_json(call.body, body);
  Declaration declared;
  for (const auto& item : body.peers()) {
    PeerRequest peer = peer_request(item.peer(), call.deps.peers.connectors());
    declared.peers.push_back({std::move(peer.name), std::move(peer.kind), std::move(peer.options),
                              {item.keep().begin(), item.keep().end()}});
  }
  for (const auto& mirror : body.mirrors()) declared.mirrors.push_back(mirror_request(mirror));
  for (const auto& mirror : body.query_mirrors()) declared.mirrors.push_back(query_request(mirror));
  declared.prune = body.prune();
  auto changes = nlohmann::ordered_json::array();
  for (const PlannedChange& change : plan_changes(declared, call.deps.catalog, call.deps.peers.connectors())) {
    changes.push_back({{"kind", to_string(change.kind)},
                       {"name", change.name},
                       {"action", to_string(change.action)},
                       {"differs", change.differs},
                       {"hint", change.hint}});
  }
  return write_plain({{"changes", changes}});
}

}  // namespace peerd::rest
