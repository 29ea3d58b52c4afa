// What librdkafka's mock cluster can show of the target: messages and their order, and what becomes of errors that a real
// broker gives only when it is in trouble. It knows no ACLs, no settings and no aborted transactions: those are for
// kafka_real_test.cc. These tests run where no broker can be had.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka_fixture.h"

namespace peerd::testing_kafka {
namespace {

using Strings = std::vector<std::string>;

class KafkaMock : public RealKafka {
 protected:
  enum Request : std::int16_t { produce = 0, add_partitions = 24, end_transaction = 26 };  // Kafka's protocol, "API keys".

  void SetUp() override {
    char reason[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    ASSERT_NE(handle_, nullptr) << reason;
    cluster_ = rd_kafka_mock_cluster_new(handle_, 3);
    set_up(rd_kafka_mock_cluster_bootstraps(cluster_));
    rd_kafka_mock_topic_create(cluster_, topic_.c_str(), kPartitions, 3);
    rd_kafka_mock_topic_create(cluster_, ledger().c_str(), 1, 3);
  }
  void TearDown() override {
    target_.reset();
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  void fail(Request request, std::initializer_list<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), std::data(errors));
  }
  Writer one_row(std::uint64_t commit = 100) {
    Writer writer(table_);
    writer.begin(commit).insert({std::to_string(commit), "a", "A", "1"}).commit();
    return writer;
  }
  ErrorText thrown_by_apply() {
    Writer writer = one_row();
    return thrown([&] { apply(writer); });
  }

  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

TEST_F(KafkaMock, ChangesAndThePositionArrive) {
  streaming();
  for (const std::uint64_t commit : {100, 200, 300}) {
    Writer writer = one_row(commit);
    EXPECT_EQ(apply(writer).durable.lsn.value, commit + 1);
  }
  EXPECT_EQ(kinds(3), (Strings{"insert {\"id\":100}", "insert {\"id\":200}", "insert {\"id\":300}"}));
  restart();
  EXPECT_EQ(position(), 301u);
}

TEST_F(KafkaMock, LeadersThatMoveAreWaitedFor) {
  streaming();
  fail(produce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS});
  fail(end_transaction, {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR});
  Writer writer = one_row();
  EXPECT_EQ(apply(writer).durable.lsn.value, 101u);
  EXPECT_EQ(kinds(1), Strings{"insert {\"id\":100}"});
}

TEST_F(KafkaMock, AMessageThatIsRefusedIsAnErrorThatSaysWhy) {
  for (const auto& [refusal, code] : {std::pair{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ErrorCode::no_privilege},
                                      std::pair{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ErrorCode::bad_value},
                                      std::pair{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ErrorCode::target_unfit}}) {
    restart();
    streaming();
    fail(produce, {refusal});
    const ErrorText text = thrown_by_apply();
    EXPECT_EQ(text.code, code) << rd_kafka_err2name(refusal) << ": " << text.message;
    EXPECT_FALSE(text.hint.empty()) << text.message;
    rd_kafka_mock_clear_request_errors(cluster_, produce);
  }
}

TEST_F(KafkaMock, WhoIsFencedStopsAndTriesToOpenAgain) {
  for (const Request request : {add_partitions, end_transaction}) {
    restart();
    streaming();
    fail(request, {RD_KAFKA_RESP_ERR_PRODUCER_FENCED});
    const ErrorText text = thrown_by_apply();
    EXPECT_EQ(text.code, ErrorCode::fenced) << text.message;
    EXPECT_NE(text.hint.find("another process"), std::string::npos) << text.hint;
    EXPECT_EQ(retry_of(text), Retry::later) << "the ledger says who is newer";
  }
}

TEST_F(KafkaMock, BrokersThatAreGoneAreUnreachable) {
  streaming();
  for (int broker = 1; broker <= 3; ++broker) rd_kafka_mock_broker_set_down(cluster_, broker);
  Writer writer = one_row();
  const ErrorText text =
      thrown([&] { target().apply(*writer.take(), ApplyContext{source_, horizons_, Wait::at_most(2s)}); });
  EXPECT_EQ(text.code, ErrorCode::unreachable) << text.message;
  EXPECT_NE(text.hint.find("servers"), std::string::npos) << text.hint;
}

}  // namespace
}  // namespace peerd::testing_kafka
