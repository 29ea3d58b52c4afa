#pragma once

#include <string>

#include "kafka/ledger.h"
#include "kafka/producer.h"
#include "kafka/topic_ends.h"

namespace peerd::kafka {

/// A topic was deleted, or made again, and all that was there comes again: what the ledger has of it goes, in a transaction of its own:
/// `ends`, and the chunks of `table` (0: none are known).
void forget_topic(Producer& producer, const Topic& at, Ledger& ledger, const std::string& topic, TopicEnds& ends, TableId table,
                  const Wait& wait);

}  // namespace peerd::kafka
