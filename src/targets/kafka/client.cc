#include "kafka/client.h"

#include <set>

#include "kafka/errors.h"
#include "kafka/topic_ends.h"
#include "peerd/base/text.h"
#include "peerd/targets/kafka_target.h"

namespace peerd::kafka {
namespace {

[[noreturn]] void refuse(std::string field, std::string message, std::string hint) {
  Error error(ErrorCode::invalid_option, std::move(message), std::move(hint));
  error.text.field = std::move(field);
  throw error;
}

void add_pass_through(const Options& options, Properties& properties) {
  static const std::set<std::string> kOurs = {"transactional.id", "enable.idempotence", "acks", "request.required.acks",
                                              "max.in.flight", "max.in.flight.requests.per.connection",
                                              "transaction.timeout.ms", "isolation.level", "enable.partition.eof",
                                              "enable.auto.commit", "message.timeout.ms", "delivery.timeout.ms"};
  constexpr std::string_view kPrefix = "properties.";
  for (const auto& [name, value] : options) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string property = name.substr(kPrefix.size());
    if (kOurs.contains(property)) refuse(name, "property " + property + " is peerd's own", "leave it out");
    properties[property] = value;
  }
}

}  // namespace

std::string partitioner_of(const std::string& word) {
  static const std::set<std::string> kPlain = {"", "default", "sticky", "stickykey"};
  static const std::set<std::string> kKnown = {"murmur2_random", "murmur2",      "consistent_random", "consistent",
                                               "fnv1a_random",   "fnv1a"};
  const std::string lower = to_lower(word);
  if (kPlain.contains(lower)) return "murmur2_random";
  if (kKnown.contains(lower)) return lower;
  refuse("partitioner", "partitioner would not keep a key in one partition, or is unknown",
         "leave it out, or use murmur2_random, consistent_random or fnv1a_random");
}

Properties properties_of(const PeerSpec& peer) {
  const auto text = [&](std::string_view name) { return option_text(kafka_options(), peer.options, name); };
  Properties out;
  out["bootstrap.servers"] = text("servers");
  const bool tls = !option_boolean(kafka_options(), peer.options, "disable_tls"), login = !text("user").empty();
  out["security.protocol"] = login ? (tls ? "sasl_ssl" : "sasl_plaintext") : (tls ? "ssl" : "plaintext");
  if (login) {
    const std::string mechanism = text("sasl_mechanism").empty() ? "PLAIN" : text("sasl_mechanism");
    if (mechanism != "PLAIN" && mechanism != "SCRAM-SHA-256" && mechanism != "SCRAM-SHA-512")
      refuse("sasl_mechanism", "unsupported SASL mechanism", "use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
    out["sasl.mechanism"] = mechanism;
    out["sasl.username"] = text("user");
    out["sasl.password"] = text("password");
  }
  if (text("certificate").empty() != text("private_key").empty())
    refuse("certificate", "certificate and private_key belong together", "give both or neither");
  if (tls && !text("root_ca").empty()) out["ssl.ca.pem"] = text("root_ca");
  if (tls && !text("certificate").empty()) {
    out["ssl.certificate.pem"] = text("certificate");
    out["ssl.key.pem"] = text("private_key");
  }
  add_pass_through(peer.options, out);
  return out;
}

Client::Client(rd_kafka_type_t type, const Properties& properties) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    refuse("properties." + name, "librdkafka refuses property " + name, "see librdkafka's CONFIGURATION.md");
  }
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_error_cb(conf, &Client::on_error);
  rd_kafka_conf_set_log_cb(conf, nullptr);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, &Client::on_delivery);
  client_ = rd_kafka_new(type, conf, reason, sizeof reason);
  if (client_ != nullptr) return;
  rd_kafka_conf_destroy(conf);
  throw Error(ErrorCode::invalid_option, std::string("librdkafka refuses the peer's options: ") + reason,
              "check certificate, private_key, root_ca and properties of the peer");
}

Client::~Client() {
  rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  rd_kafka_destroy(client_);
}

void Client::on_error(rd_kafka_t*, int code, const char*, void* self) {
  auto& client = *static_cast<Client*>(self);
  // A refused login, once told, is what matters: the connection that fails after it says less.
  if (client.last_error_ != RD_KAFKA_RESP_ERR__AUTHENTICATION) client.last_error_ = code;
}

void Client::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  if (message->err == 0) {
    if (auto* const ends = static_cast<TopicEnds*>(message->_private)) ends->delivered(message->partition, message->offset);
    return;
  }
  // What was only thrown away after another message's failure says nothing of the reason.
  const auto purged = [](int code) { return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT; };
  auto& client = *static_cast<Client*>(self);
  const int known = client.delivery_error_.load();
  if (known != 0 && (!purged(known) || purged(message->err))) return;
  client.delivery_topic_ = rd_kafka_topic_name(message->rkt);
  client.delivery_error_ = message->err;
}

void Client::check_background(const std::string& doing, const Wait& wait) {
  rd_kafka_poll(client_, 0);
  if (wait.stop.stop_requested()) throw Stopped{};
  const auto last = static_cast<rd_kafka_resp_err_t>(last_error_.load());
  if (last == RD_KAFKA_RESP_ERR__AUTHENTICATION || wait.expired())
    throw Error(error_text(last == 0 ? RD_KAFKA_RESP_ERR__TIMED_OUT : last, doing));
}

std::string Client::cluster(const Wait& wait) {
  for (;;) {
    rd_kafka_poll(client_, 0);
    if (char* id = rd_kafka_clusterid(client_, 200)) {
      std::string out(id);
      rd_kafka_mem_free(client_, id);
      return out;
    }
    check_background("connecting", wait);
  }
}

Client::Metadata Client::metadata(const std::string& topic, const std::string& doing, const Wait& wait) {
  const std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> handle(
      topic.empty() ? nullptr : rd_kafka_topic_new(client_, topic.c_str(), nullptr), rd_kafka_topic_destroy);
  for (;;) {
    const rd_kafka_metadata_t* found = nullptr;
    if (rd_kafka_metadata(client_, 0, handle.get(), &found, 1000) == RD_KAFKA_RESP_ERR_NO_ERROR) return Metadata(found);
    check_background(doing, wait);
  }
}

int Client::partitions(const std::string& topic, const Wait& wait) {
  cluster(wait);
  for (const std::string doing = "reading about topic " + topic;; check_background(doing, wait)) {
    const Metadata found = metadata(topic, doing, wait);
    if (found->topic_cnt == 0) return 0;
    const rd_kafka_metadata_topic_t& told = found->topics[0];
    if (told.err == RD_KAFKA_RESP_ERR_NO_ERROR) return told.partition_cnt;
    if (told.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return 0;
    if (told.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) throw Error(error_text(told.err, doing));
  }
}

std::vector<std::int64_t> Client::ends(const std::string& topic, const Wait& wait) {
  const int count = partitions(topic, wait);
  const std::string doing = "reading how far topic " + topic + " is written";
  const std::unique_ptr<rd_kafka_topic_partition_list_t, void (*)(rd_kafka_topic_partition_list_t*)> list(
      rd_kafka_topic_partition_list_new(count), rd_kafka_topic_partition_list_destroy);
  for (int p = 0; p < count; ++p) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  while (count > 0) {
    // The time -1 stands for the end; the answer takes its place.
    for (int p = 0; p < count; ++p) list->elems[p].offset = RD_KAFKA_OFFSET_END;
    bool whole = rd_kafka_offsets_for_times(client_, list.get(), 1000) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int p = 0; p < count; ++p) {
      whole = whole && list->elems[p].err == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[p].offset >= 0;
      out[static_cast<std::size_t>(p)] = list->elems[p].offset;
    }
    if (whole) break;
    check_background(doing, wait);
  }
  return out;
}

namespace {

/// Runs one admin request on one topic and throws its error, but not `harmless`.
template <class Send>
void admin(rd_kafka_t* client, rd_kafka_admin_op_t op, const std::string& doing, rd_kafka_resp_err_t harmless,
           const Wait& wait, const Send& send) {
  const std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)> queue(rd_kafka_queue_new(client),
                                                                              rd_kafka_queue_destroy);
  const std::unique_ptr<rd_kafka_AdminOptions_t, void (*)(rd_kafka_AdminOptions_t*)> options(
      rd_kafka_AdminOptions_new(client, op), rd_kafka_AdminOptions_destroy);
  char reason[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(1000, wait.remaining_ms(30'000)), reason, sizeof reason);
  send(options.get(), queue.get());
  for (;;) {
    const std::unique_ptr<rd_kafka_event_t, void (*)(rd_kafka_event_t*)> event(rd_kafka_queue_poll(queue.get(), 200),
                                                                                rd_kafka_event_destroy);
    if (!event) {
      wait.check(doing.c_str());
      continue;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    std::string detail;
    if (code == 0) {
      std::size_t count = 0;
      const rd_kafka_topic_result_t** results = nullptr;
      if (const auto* made = rd_kafka_event_CreateTopics_result(event.get()))
        results = rd_kafka_CreateTopics_result_topics(made, &count);
      else if (const auto* gone = rd_kafka_event_DeleteTopics_result(event.get()))
        results = rd_kafka_DeleteTopics_result_topics(gone, &count);
      if (count > 0) {
        code = rd_kafka_topic_result_error(results[0]);
        if (const char* said = rd_kafka_topic_result_error_string(results[0])) detail = said;
      }
    }
    if (code != 0 && code != harmless) throw Error(error_text(code, doing, detail));
    return;
  }
}

}  // namespace

void Client::create_topic(const NewTopic& topic, const Wait& wait) {
  char reason[256];
  const auto or_default = [](int number) { return number == 0 ? -1 : number; };
  rd_kafka_NewTopic_t* made = rd_kafka_NewTopic_new(topic.name.c_str(), or_default(topic.partitions),
                                                    or_default(topic.replication_factor), reason, sizeof reason);
  if (made == nullptr) throw Error(ErrorCode::invalid_option, "topic " + topic.name + " cannot be made: " + reason);
  if (!topic.cleanup_policy.empty()) rd_kafka_NewTopic_set_config(made, "cleanup.policy", topic.cleanup_policy.c_str());
  const std::unique_ptr<rd_kafka_NewTopic_t, void (*)(rd_kafka_NewTopic_t*)> owner(made, rd_kafka_NewTopic_destroy);
  admin(client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, "making topic " + topic.name, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS,
        wait, [&](auto* options, auto* queue) {
          rd_kafka_AdminOptions_set_validate_only(options, topic.only_check ? 1 : 0, reason, sizeof reason);
          rd_kafka_CreateTopics(client_, &made, 1, options, queue);
        });
  if (topic.only_check) return;
  while (partitions(topic.name, wait) == 0) wait.check("waiting for the new topic");
}

void Client::delete_topic(const std::string& topic, const Wait& wait) {
  rd_kafka_DeleteTopic_t* gone = rd_kafka_DeleteTopic_new(topic.c_str());
  const std::unique_ptr<rd_kafka_DeleteTopic_t, void (*)(rd_kafka_DeleteTopic_t*)> owner(gone, rd_kafka_DeleteTopic_destroy);
  admin(client_, RD_KAFKA_ADMIN_OP_DELETETOPICS, "deleting topic " + topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, wait,
        [&](auto* options, auto* queue) { rd_kafka_DeleteTopics(client_, &gone, 1, options, queue); });
}

}  // namespace peerd::kafka
