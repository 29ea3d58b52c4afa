#pragma once

#include "peerd/control/control.h"
#include "proto/flow.pb.h"
#include "proto/peers.pb.h"
#include "proto/route.pb.h"

namespace peerd::rest {

struct PeerRequest {
  std::string name, kind;
  RawOptions options;
};

/// A peer as CREATE PEER would say it, by reflection: the config's field names are option names. Its kind comes from
/// `type`, or from the config when no type is sent. Throws Error(invalid_option) with the JSON path.
PeerRequest peer_request(const peerdb_peers::Peer& peer, const Connectors& connectors);

/// The way back; options that the message has no field for are left out.
void fill_peer(const PeerSpec& spec, const OptionTable& options, peerdb_peers::Peer& peer);
/// Gives every field of PeerDB's that is not set the value that holds, so that it is shown; those that PeerDB leaves out, too,
/// are `omitted`. A number that peerd finds for itself stays unset.
void fill_unset(google::protobuf::Message& config, const OptionTable& options,
                std::initializer_list<std::string_view> omitted);
peerdb_peers::DBType type_of_kind(std::string_view kind);

/// A mirror carries no settings: what one asks for is what peerd does anyway, or is refused.
void check_mirror_settings(const google::protobuf::Map<std::string, std::string>& settings, const std::string& path);
/// Refuses (not_supported) what PeerDB has and peerd has not, unless it is sent as its default.
MirrorRequest mirror_request(const peerdb_flow::FlowConnectionConfigs& configs);
/// Refuses what it cannot change, and numbers of 0 and empty lists mean "leave as it is", as in PeerDB.
MirrorChange mirror_change(const peerdb_flow::CDCFlowConfigUpdate& update);
void fill_mirror(const MirrorSpec& spec, peerdb_flow::FlowConnectionConfigs& configs);
peerdb_flow::FlowStatus status_of(MirrorState state);

}  // namespace peerd::rest
