#include "json.h"
#include "mapping.h"
#include "peer_rows.h"
#include "peerd/control/plan.h"
#include "routes.h"

namespace peerd::rest {
namespace {

constexpr std::chrono::seconds kReach{20};  // As CREATE PEER.

void add_item(const PeerSpec& peer, google::protobuf::RepeatedPtrField<peerdb_route::PeerListItem>& items) {
  auto& item = *items.Add();
  item.set_name(peer.name);
  item.set_type(type_of_kind(peer.kind));
}

/// As the server tells it itself, where it does.
std::string version_of(Call& call, const PeerSpec& peer) {
  const auto session = call.deps.peers.session(peer.name);
  if (peer.kind != "POSTGRES") return session->server_version(call.wait.shorter(kReach));
  return ask(*session, "SELECT version()", call).text(0, 0);
}

/// Every field that PeerDB shows of such a peer.
void fill_rest(const PeerSpec& spec, const OptionTable& options, peerdb_peers::Peer& peer) {
  if (spec.kind == "POSTGRES")
    fill_unset(*peer.mutable_postgres_config(), options, {"metadata_schema", "root_ca", "disable_tls"});
  if (spec.kind == "CLICKHOUSE")
    fill_unset(*peer.mutable_clickhouse_config(), options,
               {"endpoint", "certificate", "private_key", "root_ca", "tls_certificate_directory"});
  if (spec.kind == "KAFKA")
    fill_unset(*peer.mutable_kafka_config(), options,
               {"certificate", "private_key", "root_ca", "max_record_batch_bytes"});
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
    reply.set_version(version_of(call, peer));
  } catch (const Error&) {
    // A peer that is down is still shown, with an empty version.
  }
  peer.options = redacted(*connector.options, peer.options);
  fill_peer(peer, *connector.options, *reply.mutable_peer());
  fill_rest(peer, *connector.options, *reply.mutable_peer());
  return write_json(reply);
}

std::string validate_peer(Call& call) {
  peerdb_route::ValidatePeerRequest body;
  read_json(call.body, body);
  if (!body.has_peer())
    refuse_field("peer", "no peer provided");
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
    refuse_field("peer", "no peer provided");
  auto peer = peer_request(body.peer(), call.deps.peers.connectors());
  if (body.keep_size() > 0) {
    if (!body.allow_update())
      refuse_field("keep", "a secret is kept where a peer is replaced", "send allow_update, or the secret itself");
    const Declaration::Peer declared{
        peer.name, peer.kind, peer.options, {body.keep().begin(), body.keep().end()}};
    peer.options = with_kept(declared, call.deps.catalog, call.deps.peers.connectors());
  }
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
    refuse_field("peer_name", "no peer name provided");
  }
  call.deps.peers.drop(body.peer_name(), IfExists::no);
  return write_json(peerdb_route::DropPeerResponse());
}

}  // namespace peerd::rest
