#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kafka/encode.h"
#include "kafka/topics.h"

// Names that must not meet: of topics, and of what peerd itself writes beside a row.
namespace peerd::kafka {

/// Throws target_unfit where a table's messages could be taken for something else. `events_apart`: events have a topic of
/// their own.
void refuse_names(const Encoder& encoder, bool events_apart);

/// Of a table without a key: what comes twice counts twice, and a compacted topic takes no message without a key.
Problems check_keyless(const MirrorTable& table, bool exactly_once, Topics& topics, const Wait& wait);

/// The mirror's topics but those of dead letters, each of which takes one kind of messages; a name that two would have is a
/// problem.
std::vector<std::string> names_of_topics(const Topics& topics, std::span<const MirrorTable> tables, bool dead_letters,
                                         Problems& problems);

/// Of a topic that was written to and is another one now, or gone. `why` has both numbers.
[[noreturn]] void throw_other_topic(const std::string& topic, const std::string& table, const std::string& why);

/// What `act` throws becomes a problem, of `table` where there is one.
void add_problem(Problems& problems, const std::string& table, const std::function<void()>& act);

}  // namespace peerd::kafka
