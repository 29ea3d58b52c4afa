#include "kafka/topics.h"

#include <algorithm>

#include "kafka/ledger.h"
#include "kafka/topic_check.h"
#include "peerd/postgres/connection.h"
#include "peerd/targets/kafka_target.h"

namespace peerd::kafka {
namespace {

void check_name(const std::string& topic, const std::string& table, const std::string& option = {}) {
  const bool well = !topic.empty() && topic.size() <= 249 && topic != "." && topic != ".." &&
                    topic.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string::npos;
  if (well) return;
  Error error(ErrorCode::invalid_option, "\"" + topic + "\" cannot be the name of a topic",
              "use letters, digits, dot, _ and -, at most 249 in all" + (option.empty() ? "" : ": give " + option));
  error.text.table = table;
  error.text.field = option;
  throw error;
}

}  // namespace

std::string Topics::text(std::string_view option) const {
  return option_text(kafka_mirror_options(), mirror_.options, option);
}

int Topics::asked(std::string_view option) const {
  return static_cast<int>(option_integer(kafka_mirror_options(), mirror_.options, option));
}

bool Topics::dead_letters() const { return text("on_bad_row") == "dead_letter"; }

Client& Topics::client() {
  // A consumer's instance: a producer's that looks at an absent topic makes it, where brokers allow that, in their shape.
  if (client_) return *client_;
  Properties properties = properties_of(peer_);
  properties["isolation.level"] = "read_uncommitted";  // A topic's end is where the next message goes.
  client_ = std::make_unique<Client>(RD_KAFKA_CONSUMER, properties);
  return *client_;
}

std::string Topics::name_of(const std::string& schema, const std::string& table, const std::string& target) const {
  std::string out;
  const std::string pattern = text("topic");
  for (std::size_t i = 0; i < pattern.size();) {
    const std::size_t end = pattern[i] == '{' ? pattern.find('}', i) : std::string::npos;
    const std::string_view field = end == std::string::npos ? "" : std::string_view(pattern).substr(i, end - i + 1);
    if (field == "{schema}") out += schema;
    else if (field == "{table}") out += table;
    else if (field == "{target}") out += kafka_topic(peer_, target);
    else { out += pattern[i++]; continue; }
    i = end + 1;
  }
  check_name(out, schema + "." + table);
  return out;
}

std::string Topics::message_topic() const {
  if (mirror_.message_prefixes().empty()) return {};
  const std::string named = text("message_topic"), topic = named.empty() ? mirror_.name + ".message" : named;
  check_name(topic, "", "message_topic");
  return topic;
}

std::string Topics::event_topic() const {
  std::string topic = text("event_topic");
  if (topic.empty() && text("format") == "debezium") topic = mirror_.name + ".event";
  if (!topic.empty()) check_name(topic, "", "event_topic");
  return topic;
}

std::string Topics::dead_letters_of(const std::string& topic) const {
  const std::string named = text("dead_letter_topic");
  return named.empty() ? topic + ".dead_letter" : named;
}

Topic Topics::of(const std::string& name) const {
  const auto own = static_cast<std::size_t>(option_integer(kafka_options(), peer_.options, "max_record_batch_bytes"));
  const auto known = limits_.find(name);
  Topic topic{name, known == limits_.end() ? own : std::min(own, known->second)};
  Lock lock(keyed_mutex_);
  if (const auto keyed = keyed_.find(name); keyed != keyed_.end()) topic.keyed = keyed->second;
  return topic;
}

void Topics::key_over(const std::string& name, std::size_t partitions) {
  Lock lock(keyed_mutex_);
  keyed_[name] = partitions;
}

std::size_t Topics::smallest() const {
  std::size_t out = of("").largest;
  for (const auto& [_, limit] : limits_) out = std::min(out, limit);
  return out;
}

bool Topics::is_compacted(const std::string& name, const Wait& wait) {
  const std::string asked = text("cleanup_policy");
  const bool there = exists(name, wait);
  const std::string policy = there || asked.empty() ? cleanup_policy(client(), there ? name : "", wait) : asked;
  return compacts(policy);
}

void Topics::make(const std::string& name, const std::string& cleanup, int partitions, const Wait& wait) {
  if (!exists(name, wait)) client().create_topic({name, partitions, asked("replication_factor"), cleanup}, wait);
}

void Topics::make_with_dead_letters(const std::string& topic, const std::string& cleanup, const Wait& wait) {
  make(topic, cleanup, asked("partitions"), wait);
  if (dead_letters()) make(dead_letters_of(topic), kKeepsAll, 0, wait);
}

void Topics::make_for(const MirrorTable& table, const Wait& wait) {
  make_with_dead_letters(name_of(table), text("cleanup_policy"), wait);
}

void Topics::make_for_messages(const Wait& wait) {
  // Not with the tables' cleanup policy: all messages of a prefix have one key.
  if (const std::string topic = message_topic(); !topic.empty()) make_with_dead_letters(topic, kKeepsAll, wait);
}

void Topics::make_for_events(const Wait& wait) {
  // One partition: all of a mirror's events in one order.
  if (const std::string topic = event_topic(); !topic.empty()) make(topic, "", 1, wait);
}

void Topics::read_limits(const Wait& wait) {
  std::vector<std::string> names;
  for (const TableMapping& mapping : mirror_.tables) {
    const postgres::QualifiedName source = postgres::parse_qualified(mapping.source);
    names.push_back(name_of(source.schema, source.name, mapping.target));
  }
  if (const std::string topic = message_topic(); !topic.empty()) names.push_back(topic);
  if (const std::string topic = event_topic(); !topic.empty()) names.push_back(topic);
  for (std::size_t i = names.size(); dead_letters() && i > 0; --i) names.push_back(dead_letters_of(names[i - 1]));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());  // Tables may share their dead letters' topic.
  limits_ = message_limits(client(), names, wait);
}

Problems Topics::check(std::span<const std::string> names, const Wait& wait) {
  std::vector<Client::NewTopic> wanted;
  const int factor = asked("replication_factor"), partitions = asked("partitions");
  for (const std::string& name : names) {
    wanted.push_back({name, partitions, factor, name == message_topic() ? kKeepsAll : "", true});
    if (dead_letters() && name != event_topic()) wanted.push_back({dead_letters_of(name), 0, factor, kKeepsAll, true});
  }
  Problems problems = check_topics(client(), wanted, wait);
  if (!problems.empty()) return problems;
  try {
    // Of the bookkeeping topic's name only the beginning is known yet.
    client().create_topic({ledger_topic("check"), 1, factor, "compact", true}, wait);
  } catch (const Error& error) {
    problems.push_back({error.text, ""});
  }
  return problems;
}

}  // namespace peerd::kafka
