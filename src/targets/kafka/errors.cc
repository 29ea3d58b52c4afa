#include "kafka/errors.h"

#include <algorithm>

namespace peerd::kafka {
namespace {

struct CodeFacts {
  rd_kafka_resp_err_t code;
  ErrorCode is;
  std::string_view hint;
  std::optional<Retry> retry{};
};

using enum ErrorCode;
constexpr std::string_view kLogin = "check user, password and sasl_mechanism of the peer";
constexpr std::string_view kReach = "check servers and disable_tls of the peer, and that the brokers run";
/// What brokers refuse for the time being is sent again and again, and librdkafka does not say why.
constexpr std::string_view kStalled =
    "check servers and disable_tls of the peer, that the brokers run, and what their logs say of the topics";
/// Whether the other one is newer is for the ledger to say, when this one opens the mirror again.
constexpr std::string_view kFenced = "another process has taken the mirror over: leave it to one of them";
constexpr CodeFacts kCodes[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, unreachable, kReach},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, unreachable, kReach},
    {RD_KAFKA_RESP_ERR__RESOLVE, unreachable, kReach},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, unreachable, kStalled},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, unreachable, kStalled},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, unreachable, kStalled},
    {RD_KAFKA_RESP_ERR__SSL, unreachable, "check disable_tls, root_ca, certificate and private_key of the peer"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, bad_password, kLogin},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, bad_password, kLogin},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, bad_password, kLogin},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, no_privilege, "allow the user Write, Describe and Create on the topic"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, no_privilege, "allow the user Create and IdempotentWrite on the cluster"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, no_privilege,
     "allow the user Write and Describe on transactional ids peerd-*"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, not_found, "the topic was deleted, or never made", Retry::later},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, not_found, "the topic was deleted, or never made"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, not_found, "the topic was deleted, or never made"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, bad_value,
     "the topic's max.message.bytes is smaller than the message and was not told: allow DescribeConfigs on it, or raise it",
     Retry::later},
    {RD_KAFKA_RESP_ERR__FENCED, fenced, kFenced, Retry::later},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, fenced, kFenced, Retry::later},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, fenced, kFenced, Retry::later},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, invalid_option,
     "lower transaction_timeout_ms, or raise transaction.max.timeout.ms of the brokers"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, invalid_option, "lower replication_factor: there are too few brokers"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, target_unfit,
     "raise message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic, or set the clocks of peerd's machine and the brokers right"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, target_unfit,
     "map the table to another topic: no two may have names that differ in dots and underscores alone"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, target_unfit, "the brokers' policy refuses this topic: make it by hand"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, invalid_option, "the value is not one that librdkafka takes"},
};

}  // namespace

ErrorText error_text(rd_kafka_resp_err_t code, const std::string& doing, const std::string& detail) {
  ErrorText text;
  text.code = peer_error;
  text.retry = Retry::later;
  const auto* found = std::ranges::find(kCodes, code, &CodeFacts::code);
  if (found != std::end(kCodes)) {
    text.code = found->is;
    text.hint = found->hint;
    text.retry = found->retry;
  }
  if (text.hint.empty()) text.hint = "look into the brokers' logs; the mirror tries again";
  text.message = "Kafka: " + doing + ": " + rd_kafka_err2str(code);
  text.detail = detail;
  text.origin = rd_kafka_err2name(code);
  return text;
}

void check(rd_kafka_error_t* error, const std::string& doing) {
  if (error == nullptr) return;
  ErrorText text = error_text(rd_kafka_error_code(error), doing, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  throw Error(std::move(text));
}

}  // namespace peerd::kafka
