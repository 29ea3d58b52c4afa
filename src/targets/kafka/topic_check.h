#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "kafka/client.h"
#include "peerd/base/error.h"

namespace peerd::kafka {

/// The cleanup policy of topics whose every message counts, whatever the brokers do by default: compaction would leave
/// the last one of a key.
inline constexpr const char* kKeepsAll = "delete";
inline bool compacts(std::string_view policy) { return policy.find("compact") != std::string_view::npos; }

/// That each topic may be seen, or may be made where it is absent, and that acknowledged messages survive the loss of a
/// broker: replication factor above 1 with min.insync.replicas below 2 is a problem (rules.md 31). `client` is a
/// consumer's. Settings that the user may not see are taken for well. No two names may differ in dots and underscores
/// alone, and one of kKeepsAll may not stand compacted. Changes nothing.
Problems check_topics(Client& client, std::span<const Client::NewTopic> topics, const Wait& wait);

/// cleanup.policy of the topic, or, of "", what the brokers give to new ones. "": the user may not see it.
std::string cleanup_policy(Client& client, const std::string& topic, const Wait& wait);

/// max.message.bytes by topic; of an absent one what the brokers give to new ones. Left out where the user may not see it.
std::map<std::string, std::size_t> message_limits(Client& client, std::span<const std::string> topics, const Wait& wait);

}  // namespace peerd::kafka
