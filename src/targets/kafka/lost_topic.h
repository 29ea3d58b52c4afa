#pragma once

#include <string>

#include "kafka/ledger.h"
#include "kafka/producer.h"
#include "kafka/topic_ends.h"
#include "peerd/base/log.h"

namespace peerd::kafka {

/// Throws position_lost: the ledger's topic is empty.
[[noreturn]] void throw_no_position(const std::string& ledger);

/// A topic was deleted, or made again, and all that was there comes again: what the ledger has of it goes, in a transaction of its own:
/// `ends`, and the chunks of `table` (0: none are known).
void forget_topic(Producer& producer, const Topic& at, Ledger& ledger, const std::string& topic, TopicEnds& ends, TableId table,
                  const Wait& wait);

/// A key stays in the partition where its messages are: those that were added to the topic since the mirror first wrote to it
/// take none. Noted in the ledger before anything is sent by it, in a transaction of its own; says so where there are more.
void keep_keys(Producer& producer, const Topic& at, Topics& topics, const std::string& topic, TopicEnds& ends, const LogFields& who,
               const Wait& wait);

}  // namespace peerd::kafka
