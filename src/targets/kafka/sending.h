#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "kafka/ledger.h"
#include "kafka/producer.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd::kafka {

/// Throws invalid_option where an option is set that means nothing to Kafka, or to the mirror's format.
void refuse_meaningless(const MirrorSpec& mirror);
/// The value of an option of the mirror's that has few words. Throws invalid_option for another one.
std::string word_of(const MirrorSpec& mirror, std::string_view name, std::initializer_list<std::string_view> words);

/// How the mirror's options say that messages go out.
Sending sending_of(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);
/// As Target::reached(): at least once, messages stand before the position that tells of them.
std::optional<Lsn> reached_by(const Sending& sending, const Ledger& ledger);

}  // namespace peerd::kafka
