#pragma once

#include <librdkafka/rdkafka.h>

#include <thread>

#include "kafka/ledger.h"
#include "kafka/producer.h"
#include "peerd/targets/kafka_target.h"
#include "postgres_fixture.h"
#include "support/error_of.h"

namespace peerd::testing_kafka {

using namespace std::chrono_literals;
using testing_postgres::FakeSource;
using testing_postgres::kSame;
using testing_postgres::sample_table;
using testing_postgres::Writer;

/// One message as a read_committed consumer has it.
struct Told {
  int partition;
  std::string key, value;
  std::map<std::string, std::string> headers;
  std::string kind() const { return headers.count("kind") != 0 ? headers.at("kind") : ""; }
};

/// A mirror's target with topics of its own on the broker that PEERD_TEST_KAFKA names.
class RealKafka : public testing::Test {
 protected:
  static constexpr int kPartitions = 3;
  void SetUp() override {
    const char* servers = std::getenv("PEERD_TEST_KAFKA");
    if (servers == nullptr) GTEST_SKIP() << "PEERD_TEST_KAFKA names no broker";
    set_up(servers);
  }
  void set_up(const std::string& servers) {
    static int count = 0;
    peer_ = {"target", "KAFKA", {{"servers", servers}, {"disable_tls", "true"}, {"linger_ms", "0"}, {"compression", "none"}}};
    mirror_.name = "m";
    mirror_.options = {{"partitions", std::to_string(kPartitions)},
                       {"snapshot_num_tables_in_parallel", "1"},
                       {"snapshot_max_parallel_workers", "1"}};
    lease_ = {MirrorId{1}, 1, make_uuid()};
    table_ = sample_table("unit_" + std::to_string(getpid()) + "_" + std::to_string(++count));
    topic_ = table_.target_name;
  }

  static Wait wait() { return Wait::at_most(60s); }
  Target& target() {
    if (!target_) {
      target_ = make_kafka_target(peer_, mirror_, lease_);
      target_->open(wait());
    }
    return *target_;
  }
  /// Another process, or the next try: a newer lease.
  void restart() {
    target_.reset();
    ++lease_.epoch;
  }
  void streaming(std::uint64_t start = 10) {
    prepare_table(target(), table_, wait());
    target().set_position(Durable{Lsn{start}}, wait());
  }
  ApplyResult apply(Writer& writer) { return apply(*writer.take()); }
  ApplyResult apply(const Batch& batch) { return target().apply(batch, ApplyContext{source_, horizons_, wait()}); }
  std::uint64_t position() { return target().position(wait()).value().lsn.value; }
  /// The code of what it throws.
  template <class Act>
  static ErrorText thrown(const Act& act) {
    return error_of(act);
  }

  Chunk chunk(std::uint32_t number) const {
    Chunk out;
    out.table = table_.schema.id;
    out.start = table_.start;
    out.number = number;
    return out;
  }
  ChunkWriter::Begun begin(ChunkWriter& writer, std::uint32_t number, std::string_view rows) {
    const auto begun = writer.begin(table_, chunk(number), {CopyForm::text, {}}, counts_, wait());
    if (begun == ChunkWriter::Begun::ready) writer.write(std::as_bytes(std::span(rows)), wait());
    return begun;
  }
  ChunkWriter::Begun load(ChunkWriter& writer, std::uint32_t number, std::string_view rows) {
    const auto begun = begin(writer, number, rows);
    if (begun == ChunkWriter::Begun::ready) counts_ = writer.finish(wait());
    return begun;
  }

  std::string ledger() const { return kafka::ledger_topic(lease_.uuid); }
  kafka::Sending sending() const {
    kafka::Sending out;
    out.peer = peer_;
    out.mirror = mirror_.name;
    out.uuid = lease_.uuid;
    return out;
  }
  /// All that is committed in the topic, each partition in its order. The end of a transaction is written to one partition after
  /// the other, after the producer was told: waits a while for so many messages.
  std::vector<Told> told(const std::string& topic, std::size_t at_least = 0) {
    for (const Wait patience = Wait::at_most(20s);;) {
      std::vector<Told> out = told_now(topic);
      if (out.size() >= at_least || patience.expired()) return out;
    }
  }
  std::vector<Told> told_now(const std::string& topic) {
    kafka::Properties properties = kafka::properties_of(peer_);
    properties["group.id"] = "unused";
    properties["enable.auto.commit"] = "false";
    properties["enable.partition.eof"] = "true";
    properties["isolation.level"] = "read_committed";
    kafka::Client client(RD_KAFKA_CONSUMER, properties);
    rd_kafka_poll_set_consumer(client.get());
    const int partitions = client.partitions(topic, wait());
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; ++p) rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client.get(), list);
    rd_kafka_topic_partition_list_destroy(list);
    std::vector<Told> out;
    const Wait patience = wait();
    for (int open = partitions; open > 0;) {
      patience.check("reading a topic");
      const std::unique_ptr<rd_kafka_message_t, void (*)(rd_kafka_message_t*)> message(rd_kafka_consumer_poll(client.get(), 200),
                                                                                        rd_kafka_message_destroy);
      if (!message) continue;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) --open;
      if (message->err != 0) continue;
      Told& one = out.emplace_back();
      one.partition = message->partition;
      if (message->key != nullptr) one.key.assign(static_cast<const char*>(message->key), message->key_len);
      if (message->payload != nullptr) one.value.assign(static_cast<const char*>(message->payload), message->len);
      rd_kafka_headers_t* headers = nullptr;
      if (rd_kafka_message_headers(message.get(), &headers) != 0) continue;
      const char* name = nullptr;
      const void* bytes = nullptr;
      std::size_t size = 0;
      for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &bytes, &size) == 0; ++i)
        one.headers[name] = std::string(static_cast<const char*>(bytes), size);
    }
    return out;
  }
  /// "kind key" of each message of a kind that is not `without`, sorted; waits a while for so many.
  std::vector<std::string> kinds(std::size_t at_least = 0, const std::string& without = "horizon") {
    for (const Wait patience = Wait::at_most(20s);;) {
      std::vector<std::string> out;
      for (const Told& one : told_now(topic_))
        if (one.kind() != without) out.push_back(one.kind() + " " + one.key);
      std::ranges::sort(out);
      if (out.size() >= at_least || patience.expired()) return out;
    }
  }
  /// Makes a topic refuse every message of more than so many bytes.
  void refuse_above(const std::string& topic, int bytes) {
    kafka::Client client(RD_KAFKA_CONSUMER, kafka::properties_of(peer_));
    rd_kafka_ConfigResource_t* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
    rd_kafka_ConfigResource_set_config(resource, "max.message.bytes", std::to_string(bytes).c_str());
    rd_kafka_queue_t* queue = rd_kafka_queue_new(client.get());
    rd_kafka_AlterConfigs(client.get(), &resource, 1, nullptr, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 30'000);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    while (takes(topic, static_cast<std::size_t>(bytes))) std::this_thread::sleep_for(50ms);
  }

  /// Whether the broker takes a message of so many bytes and more. It learns of settings late; nobody sees the attempt.
  bool takes(const std::string& topic, std::size_t bytes) {
    kafka::Producer trial(sending(), 901);
    trial.init(wait());
    trial.begin(wait());
    trial.send({topic, 1'000'000}, 0, "trial", std::string(bytes, 'x'), nullptr, wait());
    for (const Wait patience = wait(); rd_kafka_flush(trial.client().get(), 200) != 0;) patience.check("the trial to be answered");
    return trial.client().delivery_error() == 0;
  }

  PeerSpec peer_;
  MirrorSpec mirror_;
  Lease lease_;
  MirrorTable table_;
  std::string topic_;
  CopyCounts counts_;
  FakeSource source_;
  Horizons horizons_;
  std::unique_ptr<Target> target_;
};

}  // namespace peerd::testing_kafka
