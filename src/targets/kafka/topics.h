#pragma once

#include <map>
#include <memory>
#include <string>

#include "kafka/client.h"
#include "kafka/topic_ends.h"
#include "peerd/base/mutex.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd::kafka {

/// A topic as messages go to it.
struct Topic {
  std::string name;
  std::size_t largest = 0;  ///< Bytes of a message, uncompressed, that the peer and the topic allow.
  std::size_t keyed = 0;    ///< TopicEnds::keyed().
  TopicEnds* ends = nullptr;  ///< Told of what was delivered, where somebody wants to know.
  std::string table{};        ///< The source's, "s.t"; "": of messages, events or bookkeeping.
};

/// The topics of one mirror: their names, their making, their limits. One thread changes it; the const calls are for
/// any.
class Topics {
 public:
  Topics(const PeerSpec& peer, const MirrorSpec& mirror) : peer_(peer), mirror_(mirror) {}

  /// Topic::keyed of this topic from now on.
  void key_over(const std::string& name, std::size_t partitions);
  /// Throws invalid_option with the table when the pattern makes no name of a topic.
  std::string name_of(const std::string& schema, const std::string& table, const std::string& target) const;
  std::string name_of(const MirrorTable& table) const {
    return name_of(table.schema.schema, table.schema.name, table.target_name);
  }
  std::string dead_letters_of(const std::string& topic) const;
  std::string message_topic() const;  ///< Of logical messages; "" where none are delivered.
  /// Of truncates and horizons, apart from the tables'; "" where they go to these.
  std::string event_topic() const;
  Topic of(const std::string& name) const;

  std::string cluster(const Wait& wait) { return client().cluster(wait); }
  std::vector<std::int64_t> ends(const std::string& name, const Wait& wait) { return client().ends(name, wait); }
  int partitions(const std::string& name, const Wait& wait) { return client().partitions(name, wait); }
  bool exists(const std::string& name, const Wait& wait) { return partitions(name, wait) > 0; }
  /// The topic's cleanup policy has `compact`, or will have, once it is made. What the user may not see is taken for
  /// no.
  bool is_compacted(const std::string& name, const Wait& wait);
  /// What is absent is made; what exists is left as it is. The table's topic and, where bad rows go there, its dead
  /// letters'.
  void make_for(const MirrorTable& table, const Wait& wait);
  void make_for_messages(const Wait& wait);
  void make_for_events(const Wait& wait);
  void make(const std::string& name, const std::string& cleanup, int partitions, const Wait& wait);
  /// Reads max.message.bytes of the mirror's topics, or the brokers' where they are absent. What the user may not see
  /// is taken for no limit: the broker then refuses what is too large.
  void read_limits(const Wait& wait);
  /// Of all topics: a batch of many messages may not be larger than what the least of them takes.
  std::size_t smallest() const;
  /// That they can be used or made, and that no message is lost with one broker (rules.md 31). Changes nothing.
  Problems check(std::span<const std::string> names, const Wait& wait);

 private:
  void make_with_dead_letters(const std::string& topic, const std::string& cleanup, const Wait& wait);
  Client& client();
  int asked(std::string_view option) const;
  std::string text(std::string_view option) const;
  bool dead_letters() const;

  const PeerSpec peer_;
  const MirrorSpec mirror_;
  std::unique_ptr<Client> client_;
  std::map<std::string, std::size_t> limits_;
  mutable Mutex keyed_mutex_;
  std::map<std::string, std::size_t> keyed_ PEERD_GUARDED_BY(keyed_mutex_);
};

}  // namespace peerd::kafka
