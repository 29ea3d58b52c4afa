#include "kafka/topic_check.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "kafka/errors.h"

namespace peerd::kafka {
namespace {

struct Free {
  void operator()(rd_kafka_queue_t* p) const { rd_kafka_queue_destroy(p); }
  void operator()(rd_kafka_event_t* p) const { rd_kafka_event_destroy(p); }
  void operator()(rd_kafka_ConfigResource_t* p) const { rd_kafka_ConfigResource_destroy(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// 0: absent. Throws no_privilege where the user may not see it.
int replicas_of(Client& client, const std::string& topic, const Wait& wait) {
  const auto found = client.metadata(topic, "reading about topics", wait);
  if (found->topic_cnt == 0) return 0;
  const rd_kafka_metadata_topic_t& told = found->topics[0];
  if (told.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) throw Error(error_text(told.err, "looking at topic " + topic));
  return told.partition_cnt == 0 ? 0 : told.partitions[0].replica_cnt;
}

/// One of the settings of a topic or broker; "": it is not there.
std::string value_in(const rd_kafka_ConfigResource_t* resource, std::string_view entry) {
  std::size_t entries = 0;
  const auto* const list = rd_kafka_ConfigResource_configs(resource, &entries);
  for (std::size_t i = 0; i < entries; ++i) {
    const char* const value = rd_kafka_ConfigEntry_value(list[i]);
    if (value != nullptr && entry == rd_kafka_ConfigEntry_name(list[i])) return value;
  }
  return {};
}

int number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// That one of each of these topics or brokers, in one request; of those that are absent, or that the user may not see,
/// none.
std::map<std::string, std::string> settings(Client& client, rd_kafka_ResourceType_t type, std::span<const std::string> names,
                                    std::string_view entry, const Wait& wait) {
  std::map<std::string, std::string> out;
  std::vector<Owned<rd_kafka_ConfigResource_t>> resources;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const std::string& name : names) {
    resources.emplace_back(rd_kafka_ConfigResource_new(type, name.c_str()));
    asked.push_back(resources.back().get());
  }
  if (asked.empty()) return out;
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DescribeConfigs(client.get(), asked.data(), asked.size(), nullptr, queue.get());
  Owned<rd_kafka_event_t> event;
  while (!(event = Owned<rd_kafka_event_t>(rd_kafka_queue_poll(queue.get(), 200))))
    client.check_background("reading the settings of " + names.front(), wait);
  const auto* const result = rd_kafka_event_DescribeConfigs_result(event.get());
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR || result == nullptr) return out;
  std::size_t count = 0;
  const auto* const all = rd_kafka_DescribeConfigs_result_resources(result, &count);
  for (std::size_t i = 0; i < count; ++i)
    if (std::string value = value_in(all[i], entry); !value.empty()) out[rd_kafka_ConfigResource_name(all[i])] = std::move(value);
  return out;
}

/// Of one; "" where it is absent or the user may not see it.
std::string setting(Client& client, rd_kafka_ResourceType_t type, const std::string& name, std::string_view entry,
            const Wait& wait) {
  const auto found = settings(client, type, {&name, 1}, entry, wait);
  return found.empty() ? std::string() : found.begin()->second;
}

Problem frail(const std::string& topic, int replicas, std::string hint) {
  ErrorText text{.code = ErrorCode::target_unfit};
  text.message = "topic " + topic + " has replication factor " + std::to_string(replicas) +
                 " and min.insync.replicas 1: acknowledged messages can be lost with one broker";
  text.hint = std::move(hint);
  return {std::move(text), ""};
}

Problem compacted(const std::string& topic) {
  ErrorText text{.code = ErrorCode::target_unfit};
  text.message = "topic " + topic + " is compacted: of its messages with one key only the last would stay, and without a key it takes none";
  text.hint = "set cleanup.policy = delete of topic " + topic + ", or name another";
  return {std::move(text), ""};
}

std::string a_broker(Client& client, const Wait& wait) {
  const auto brokers = client.metadata("", "reading about topics", wait);
  return brokers->broker_cnt > 0 ? std::to_string(brokers->brokers[0].id) : "";
}

/// As brokers compare them: their metrics have no dots.
std::string measured(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

/// Of two topics that are both to be made the brokers refuse the second, when the first has been made.
std::optional<Problem> collides(const Client::NewTopic& topic, std::span<const Client::NewTopic> topics) {
  const auto other = std::ranges::find_if(
      topics, [&](const Client::NewTopic& one) { return one.name != topic.name && measured(one.name) == measured(topic.name); });
  if (other == topics.end()) return std::nullopt;
  ErrorText text{.code = ErrorCode::target_unfit};
  text.message = "topics " + topic.name + " and " + other->name + " cannot both be made: their names differ in dots and underscores alone";
  text.hint = "map one of the tables to another target, or set the mirror's option topic";
  return Problem{std::move(text), ""};
}

std::optional<Problem> check_topic(Client& client, const Client::NewTopic& topic, std::span<const Client::NewTopic> topics,
                                   const std::string& broker, const Wait& wait) {
  constexpr std::string_view kLeast = "min.insync.replicas";
  if (const int replicas = replicas_of(client, topic.name, wait); replicas > 0) {
    if (replicas > 1 && setting(client, RD_KAFKA_RESOURCE_TOPIC, topic.name, kLeast, wait) == "1")
      return frail(topic.name, replicas, "set min.insync.replicas = 2 of topic " + topic.name);
    const bool keeps_all = topic.cleanup_policy == kKeepsAll;
    if (keeps_all && compacts(setting(client, RD_KAFKA_RESOURCE_TOPIC, topic.name, "cleanup.policy", wait)))
      return compacted(topic.name);
    return std::nullopt;
  }
  const int replicas = topic.replication_factor > 0
                           ? topic.replication_factor
                           : number(setting(client, RD_KAFKA_RESOURCE_BROKER, broker, "default.replication.factor", wait));
  if (replicas > 1 && setting(client, RD_KAFKA_RESOURCE_BROKER, broker, kLeast, wait) == "1")
    return frail(topic.name, replicas, "set min.insync.replicas = 2 of the brokers, or make the topic with it");
  client.create_topic(topic, wait);
  return collides(topic, topics);
}

}  // namespace

Problems check_topics(Client& client, std::span<const Client::NewTopic> topics, const Wait& wait) {
  Problems problems;
  client.cluster(wait);
  const std::string broker = a_broker(client, wait);
  for (const Client::NewTopic& topic : topics) {
    try {
      if (auto problem = check_topic(client, topic, topics, broker, wait)) problems.push_back(std::move(*problem));
    } catch (const Error& error) {
      problems.push_back({error.text, ""});
    }
  }
  return problems;
}

std::string cleanup_policy(Client& client, const std::string& topic, const Wait& wait) {
  client.cluster(wait);
  if (!topic.empty()) return setting(client, RD_KAFKA_RESOURCE_TOPIC, topic, "cleanup.policy", wait);
  const std::string broker = a_broker(client, wait);
  return broker.empty() ? "" : setting(client, RD_KAFKA_RESOURCE_BROKER, broker, "log.cleanup.policy", wait);
}

std::map<std::string, std::size_t> message_limits(Client& client, std::span<const std::string> topics, const Wait& wait) {
  client.cluster(wait);
  std::map<std::string, std::size_t> out;
  const std::string broker = a_broker(client, wait);
  const int usual = broker.empty() ? 0 : number(setting(client, RD_KAFKA_RESOURCE_BROKER, broker, "message.max.bytes", wait));
  const auto own = settings(client, RD_KAFKA_RESOURCE_TOPIC, topics, "max.message.bytes", wait);
  for (const std::string& topic : topics) {
    const auto found = own.find(topic);
    if (const int limit = found == own.end() ? usual : number(found->second); limit > 0) out[topic] = static_cast<std::size_t>(limit);
  }
  return out;
}

}  // namespace peerd::kafka
