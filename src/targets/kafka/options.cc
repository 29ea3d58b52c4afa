#include "peerd/targets/kafka_target.h"

namespace peerd {
namespace {

constexpr Option kOptions[] = {
    {"servers", OptionType::text, "", Required::yes, Secret::no, "brokers to begin with, host:port, with commas"},
    {"user", OptionType::text, "", Required::no, Secret::no, "user to log in as by SASL; empty does not log in"},
    {"username", OptionType::text, "", Required::no, Secret::no, "another name of user", 0, 0, "user"},
    {"password", OptionType::text, "", Required::no, Secret::yes, "the user's password"},
    {"sasl_mechanism", OptionType::text, "PLAIN", Required::no, Secret::no, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"},
    {"sasl", OptionType::text, "", Required::no, Secret::no, "another name of sasl_mechanism", 0, 0, "sasl_mechanism"},
    {"disable_tls", OptionType::boolean, "false", Required::no, Secret::no, "speak without TLS"},
    {"root_ca", OptionType::text, "", Required::no, Secret::no,
     "PEM text of the certificates that the brokers' are checked against; empty takes the system's"},
    {"certificate", OptionType::text, "", Required::no, Secret::no, "PEM text of a client certificate"},
    {"private_key", OptionType::text, "", Required::no, Secret::yes, "PEM text of the client certificate's key"},
    {"partitioner", OptionType::text, "murmur2_random", Required::no, Secret::no, "how a key chooses its partition"},
    {"max_record_batch_bytes", OptionType::integer, "1000012", Required::no, Secret::no,
     "the largest message, and the largest batch of them", 1000, 1'000'000'000},
    {"compression", OptionType::text, "lz4", Required::no, Secret::no, "none, gzip, snappy, lz4 or zstd"},
    {"linger_ms", OptionType::integer, "5", Required::no, Secret::no, "how long messages are gathered", 0, 900'000},
    {"properties.", OptionType::text, "", Required::no, Secret::yes, "any property of librdkafka"},
};

constexpr Option kMirrorOptions[] = {
    {"format", OptionType::text, "peerdb", Required::no, Secret::no, "of the messages: peerdb, flat or debezium"},
    {"topic", OptionType::text, "{target}", Required::no, Secret::no,
     "pattern of the topics' names: {schema}, {table}, {target}"},
    {"partitions", OptionType::integer, "0", Required::no, Secret::no,
     "of topics that are made; 0 takes the broker's default", 0, 100'000},
    {"replication_factor", OptionType::integer, "0", Required::no, Secret::no,
     "of topics that are made; 0 takes the broker's default", 0, 100},
    {"cleanup_policy", OptionType::text, "", Required::no, Secret::no,
     "of topics that are made: delete, compact or compact,delete; empty takes the broker's default"},
    {"delivery", OptionType::text, "exactly_once", Required::no, Secret::no, "exactly_once or at_least_once"},
    {"tombstones", OptionType::boolean, "", Required::no, Secret::no,
     "a delete is followed by a message with the same key and no value; by default so in the format debezium alone"},
    {"event_topic", OptionType::text, "", Required::no, Secret::no,
     "where truncates and horizons go; empty takes the mirror's name with .event in the format debezium, else the tables' topics"},
    {"skipped_operations", OptionType::text, "t", Required::no, Secret::no,
     "of the format debezium: t leaves truncates out of the tables' topics, none sends them there as Debezium does"},
    {"on_bad_row", OptionType::text, "stop", Required::no, Secret::no,
     "stop, or dead_letter for rows that are larger than max_record_batch_bytes"},
    {"dead_letter_topic", OptionType::text, "", Required::no, Secret::no,
     "where they go; empty takes the table's topic with .dead_letter"},
    {"transaction_timeout_ms", OptionType::integer, "600000", Required::no, Secret::no,
     "of Kafka's transactions; at most the broker's transaction.max.timeout.ms", 10'000, 2'000'000'000},
    {"logical_messages", OptionType::text, "", Required::no, Secret::no,
     "prefixes of the messages of pg_logical_emit_message that are delivered, with commas; * is all"},
    {"message_topic", OptionType::text, "", Required::no, Secret::no,
     "where they go; empty takes the mirror's name with .message"},
};

}  // namespace

const OptionTable& kafka_options() {
  static constexpr OptionTable kTable{"KAFKA peer", kOptions};
  return kTable;
}

const OptionTable& kafka_mirror_options() {
  static constexpr OptionTable kTable{"CREATE MIRROR to KAFKA", kMirrorOptions};
  return kTable;
}

std::string kafka_topic(const PeerSpec&, std::string_view target) {
  std::string out;
  for (const char c : target)
    if (c != '"') out += c;
  return out;
}

}  // namespace peerd
