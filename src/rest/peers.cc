#include "json.h"
#include "mapping.h"
#include "routes.h"

namespace peerd::rest {
namespace {

constexpr std::chrono::seconds kReach{20};  // As CREATE PEER.

void add_item(const PeerSpec& peer, google::protobuf::RepeatedPtrField<peerdb_route::PeerListItem>& items) {
  auto& item = *items.Add();
  item.set_name(peer.name);
  item.set_type(type_of_kind(peer.kind));
}

}  // namespace

std::string list_peers(Call& call) {
  peerdb_route::ListPeersResponse reply;
  for (const auto& peer : call.deps.peers.list()) {
    const Connector* connector = call.deps.peers.connectors().find(peer.kind);
    add_item(peer, *reply.mutable_items());
    if (connector && connector->source) add_item(peer, *reply.mutable_source_items());
    if (connector && connector->target) add_item(peer, *reply.mutable_destination_items());
  }
  return write_json(reply);
}

std::string peer_info(Call& call) {
  PeerSpec peer = call.deps.peers.get(call.parameter);
  const Connector& connector = call.deps.peers.connectors().of(peer.kind);
  peerdb_route::PeerInfoResponse reply;
  try {
    reply.set_version(call.deps.peers.session(peer.name)->server_version(call.wait.shorter(kReach)));
  } catch (const Error&) {
    // A peer that is down is still shown, with an empty version.
  }
  peer.options = redacted(*connector.options, peer.options);
  fill_peer(peer, *connector.options, *reply.mutable_peer());
  return write_json(reply);
}

std::string validate_peer(Call& call) {
  peerdb_route::ValidatePeerRequest body;
  read_json(call.body, body);
  if (!body.has_peer())
    throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = "no peer provided", .field = "peer"});
  const auto peer = peer_request(body.peer(), call.deps.peers.connectors());
  call.deps.peers.validate(peer.name, peer.kind, peer.options, call.wait.shorter(kReach));
  peerdb_route::ValidatePeerResponse reply;
  reply.set_status(peerdb_route::VALID);
  reply.set_message(peer.kind + " peer " + peer.name + " is valid");
  return write_json(reply);
}

std::string create_peer(Call& call) {
  peerdb_route::CreatePeerRequest body;
  read_json(call.body, body);
  if (!body.has_peer())
    throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = "no peer provided", .field = "peer"});
  const auto peer = peer_request(body.peer(), call.deps.peers.connectors());
  const auto replace = body.allow_update() ? Replace::yes : Replace::no;
  const auto check = body.disable_validation() ? PeerControl::Check::no : PeerControl::Check::yes;
  const Done done = call.deps.peers.create(peer.name, peer.kind, peer.options, replace, IfExists::no, check,
                                           call.wait.shorter(kReach));
  peerdb_route::CreatePeerResponse reply;
  reply.set_status(peerdb_route::CREATED);
  if (done == Done::was_there) reply.set_message("the same peer existed already");
  return write_json(reply);
}

std::string drop_peer(Call& call) {
  peerdb_route::DropPeerRequest body;
  read_json(call.body, body);
  if (body.peer_name().empty()) {
    throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = "no peer name provided", .field = "peer_name"});
  }
  call.deps.peers.drop(body.peer_name(), IfExists::no);
  return write_json(peerdb_route::DropPeerResponse());
}

}  // namespace peerd::rest
