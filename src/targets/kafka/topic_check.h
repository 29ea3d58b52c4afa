#pragma once

#include <span>
#include <string>

#include "kafka/client.h"
#include "peerd/base/error.h"

namespace peerd::kafka {

struct WantedTopic {
  std::string name;
  int replication_factor = 0;  ///< Where it is to be made; 0: the broker's default.
};

/// That acknowledged messages survive the loss of a broker: replication factor above 1 with min.insync.replicas below 2
/// is a problem (rules.md 31). `client` is a consumer's. What the user may not see is taken for well. Changes nothing.
Problems check_replication(Client& client, std::span<const WantedTopic> topics, const Wait& wait);

}  // namespace peerd::kafka
