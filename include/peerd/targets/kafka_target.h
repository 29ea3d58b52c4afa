#pragma once

#include <memory>

#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_session.h"
#include "peerd/specs/peer_spec.h"
#include "peerd/targets/target.h"

namespace peerd {

/// Of CREATE PEER … FROM KAFKA.
const OptionTable& kafka_options();
/// Of CREATE MIRROR … TO a KAFKA peer, beside the common ones.
const OptionTable& kafka_mirror_options();

/// One message for each change, in commit order, the position in the same Kafka transaction; docs/targets/kafka.md tells
/// what consumers may rely on.
std::unique_ptr<Target> make_kafka_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);
std::unique_ptr<PeerSession> make_kafka_session(const PeerSpec& peer);
/// The topic that a mapping names: without SQL's quotes.
std::string kafka_topic(const PeerSpec& peer, std::string_view target);

}  // namespace peerd
