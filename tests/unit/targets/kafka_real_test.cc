#include <atomic>
#include <thread>

#include "kafka/errors.h"
#include "kafka_fixture.h"

namespace peerd::testing_kafka {
namespace {

using kafka::kPositionKey;
using Strings = std::vector<std::string>;

// --- the ledger -----------------------------------------------------------------------------------------------------------

class KafkaLedger : public RealKafka {
 protected:
  /// A record as it is, in a transaction of its own.
  void write(const std::string& key, const std::string& value, bool commit = true) {
    kafka::Producer producer(sending(), 900);
    producer.init(wait());
    producer.begin(wait());
    ASSERT_TRUE(producer.send({ledger(), 1'000'000}, 0, key, value, nullptr, wait()));
    if (commit) producer.commit(wait());
  }
};

TEST_F(KafkaLedger, ThePositionOutlivesTheProcessAndTheNewestRecordWins) {
  streaming(10);
  EXPECT_EQ(position(), 10u);
  for (const std::uint64_t commit : {100, 200, 300}) {
    Writer writer(table_);
    writer.begin(commit).insert({std::to_string(commit), "a", "A", "1"}).commit();
    EXPECT_EQ(apply(writer).durable.lsn.value, commit + 1);
  }
  restart();
  EXPECT_EQ(position(), 301u);
  Writer quiet(table_);
  quiet.idle(400);
  EXPECT_EQ(apply(quiet).durable.lsn.value, 400u);
  restart();
  EXPECT_EQ(position(), 400u);
}

TEST_F(KafkaLedger, WithoutAPositionItIsLost) {
  const ErrorText text = thrown([&] { target().position(wait()); });
  EXPECT_EQ(text.code, ErrorCode::position_lost);
  EXPECT_NE(text.message.find(ledger()), std::string::npos) << text.message;
}

TEST_F(KafkaLedger, ARecordThatIsNotPeerdsIsSaidToBeOne) {
  const std::pair<std::string, std::string> kForeign[] = {
      {std::string(kPositionKey), ""},   {std::string(kPositionKey), "0/10"},     {std::string(kPositionKey), "0/10 "},
      {std::string(kPositionKey), "x y"}, {kafka::chunk_key(chunk(0)), "nonsense"}};
  kafka::Client topics(RD_KAFKA_CONSUMER, kafka::properties_of(peer_));
  for (const auto& [key, value] : kForeign) {
    lease_.uuid = make_uuid();
    topics.create_topic({ledger(), 1, 1, "compact"}, wait());
    kafka::Sending plain = sending();
    plain.exactly_once = false;
    kafka::Producer producer(plain, -1);
    producer.begin(wait());
    producer.send({ledger(), 1'000'000}, 0, key, value, nullptr, wait());
    producer.commit(wait());
    EXPECT_EQ(thrown([&] { kafka::read_ledger(peer_, lease_.uuid, wait()); }).code, ErrorCode::position_lost) << '"' << value << '"';
  }
}

TEST_F(KafkaLedger, WhatWasNotCommittedIsNotThere) {
  streaming(10);
  write(std::string(kPositionKey), kafka::position_value(Lsn{5000}, Lsn{}), false);
  restart();
  EXPECT_EQ(position(), 10u);
}

TEST_F(KafkaLedger, ItsTopicIsCompactedWithOnePartition) {
  streaming(10);
  kafka::Client client(RD_KAFKA_CONSUMER, kafka::properties_of(peer_));
  EXPECT_EQ(client.partitions(ledger(), wait()), 1);
  target().forget(wait());
  target().forget(wait());
  for (const Wait patience = wait(); client.partitions(ledger(), wait()) != 0;) patience.check("the topic to go");
}

// --- start ----------------------------------------------------------------------------------------------------------------

using KafkaStart = RealKafka;

// Rule 28: what an older process still commits while the new one starts is either read by it, or comes too late.
TEST_F(KafkaStart, ThePositionIsReadOnceTheOlderProcessIsFenced) {
  streaming(10);
  target_.reset();
  std::atomic<std::uint64_t> committed{10};
  std::jthread older([&](const std::stop_token& stop) {
    try {
      kafka::Producer producer(sending(), -1);
      producer.init(wait());
      for (std::uint64_t at = 11; !stop.stop_requested(); ++at) {
        producer.begin(wait());
        producer.send({ledger(), 1'000'000}, 0, kPositionKey, kafka::position_value(Lsn{at}, Lsn{}), nullptr, wait());
        producer.commit(wait());
        committed = at;
        std::this_thread::sleep_for(30ms);  // So that whoever reads comes to an end.
      }
    } catch (const Error& error) {
      // A broker that is at its commit just then may answer with an unknown error, which is no answer, and tried again.
      const bool unknown = error.text.code == ErrorCode::peer_error && retry_of(error.text) == Retry::later;
      EXPECT_TRUE(error.text.code == ErrorCode::fenced || unknown) << error.text.message;
    }
  });
  while (committed < 20) std::this_thread::sleep_for(1ms);
  ++lease_.epoch;
  const std::uint64_t read = position();
  older.request_stop();
  older.join();
  EXPECT_GE(read, committed.load()) << "what was committed after the position was read would be sent again";
  EXPECT_GE(read, 20u);
}

// Rule 28, of the snapshot's workers.
TEST_F(KafkaStart, AChunkOfAnOlderProcessIsFenced) {
  prepare_table(target(), table_, wait());
  const auto older = std::move(target_);
  const auto writer = older->open_writer(wait());
  begin(*writer, 0, "1\ta\tA\t1\n");
  ++lease_.epoch;
  target();
  EXPECT_EQ(thrown([&] { writer->finish(wait()); }).code, ErrorCode::fenced);
  EXPECT_EQ(kinds(), Strings{});
}

TEST_F(KafkaStart, AChangeOfAnOlderProcessIsFenced) {
  streaming();
  const auto older = std::move(target_);
  ++lease_.epoch;
  target();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  EXPECT_EQ(thrown([&] { older->apply(*writer.take(), ApplyContext{source_, horizons_, wait()}); }).code, ErrorCode::fenced);
  EXPECT_EQ(kinds(), Strings{});
}

// Rule 28: not even the transactions of who has the newer lease are disturbed by an older process that wakes up.
TEST_F(KafkaStart, AnOlderLeaseLeavesTheMirrorAlone) {
  lease_.epoch = 5;
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"});
  apply(writer);  // its transaction stays open
  for (const std::uint64_t older : {3, 5}) {
    const auto other = make_kafka_target(peer_, mirror_, Lease{MirrorId{1}, older, lease_.uuid});
    const ErrorText text = thrown([&] { other->open(wait()); });
    EXPECT_EQ(text.code, ErrorCode::fenced);
    EXPECT_EQ(retry_of(text), Retry::never);
  }
  writer.commit();
  apply(writer);
  EXPECT_EQ(kinds(), Strings{"insert {\"id\":1}"});
}

// --- the copy -------------------------------------------------------------------------------------------------------------

using KafkaCopy = RealKafka;

TEST_F(KafkaCopy, AChunkIsThereWithItsRecordOrNotAtAll) {
  prepare_table(target(), table_, wait());
  auto writer = target().open_writer(wait());
  EXPECT_EQ(load(*writer, 0, "1\ta\t\\N\t1\n2\tb\\tc\tB\t2\n"), ChunkWriter::Begun::ready);
  EXPECT_EQ(counts_.rows, 2u);
  begin(*writer, 1, "3\tc\tC\t3\n");
  writer.reset();  // It dies with chunk 1 in flight.
  restart();
  prepare_table(target(), table_, wait());
  writer = target().open_writer(wait());
  counts_ = {};
  EXPECT_EQ(load(*writer, 0, ""), ChunkWriter::Begun::known_done);
  EXPECT_EQ(counts_.rows, 2u);
  EXPECT_GT(counts_.bytes, 0u);
  begin(*writer, 2, "9\tz\tZ\t9\n");  // Abandoned.
  EXPECT_EQ(load(*writer, 1, "3\tc\tC\t3\n"), ChunkWriter::Begun::ready);
  EXPECT_EQ(kinds(3), (Strings{R"(read {"id":1})", R"(read {"id":2})", R"(read {"id":3})"}));
}

TEST_F(KafkaCopy, ATopicThatWentIsNotMadeAgain) {
  const TargetIdentity noted = target().create(table_, wait());
  load(*target().open_writer(wait()), 0, "1\ta\tA\t1\n");
  target().verify(table_, noted, wait());
  kafka::Client client(RD_KAFKA_CONSUMER, kafka::properties_of(peer_));
  client.delete_topic(topic_, wait());
  for (const Wait patience = wait(); client.partitions(topic_, wait()) != 0;) patience.check("the topic to go");
  restart();
  const ErrorText text = thrown([&] { target().verify(table_, noted, wait()); });
  EXPECT_EQ(text.code, ErrorCode::target_unfit);
  EXPECT_NE(text.message.find(topic_), std::string::npos) << text.message;
  EXPECT_EQ(client.partitions(topic_, wait()), 0);
  client.create_topic({topic_, 1, 1, ""}, wait());
  const ErrorText again = thrown([&] { target().verify(table_, noted, wait()); });
  EXPECT_EQ(again.code, ErrorCode::target_unfit);
  EXPECT_NE(again.detail.find("was written up to offset"), std::string::npos) << again.detail;
}

// Rule 29: the rows and the record of them are one transaction.
TEST_F(KafkaCopy, RowsWhoseRecordCannotBeWrittenAreNotThere) {
  prepare_table(target(), table_, wait());
  const auto writer = target().open_writer(wait());
  refuse_above(ledger(), 1);
  begin(*writer, 0, "1\ta\tA\t1\n");
  thrown([&] { writer->finish(wait()); });
  EXPECT_EQ(kinds(), Strings{});
}

// Rule 9.
TEST_F(KafkaCopy, AFreshStartVoidsWhatWasRead) {
  target().restart_copy(table_, {}, wait());  // Nothing was read yet.
  prepare_table(target(), table_, wait());
  auto writer = target().open_writer(wait());
  load(*writer, 0, "1\ta\tA\t1\n");
  target().restart_copy(table_, {}, wait());  // The same start: what was read stays.
  EXPECT_EQ(kinds(1), (Strings{R"(read {"id":1})"}));
  writer.reset();
  const std::string voided = R"(truncate {"_peerd_event":"truncate"})";
  for (const bool again : {false, true}) {
    if (again) restart();  // What the ledger knows of older starts.
    table_.start.value += 10;
    target().restart_copy(table_, {}, wait());
    prepare_table(target(), table_, wait());
    const std::size_t told_of = (again ? 2 : 1) * kPartitions;
    EXPECT_EQ(kinds(told_of, "read"), Strings(told_of, voided));
  }
  writer = target().open_writer(wait());
  EXPECT_EQ(load(*writer, 0, "2\tb\tB\t2\n"), ChunkWriter::Begun::ready) << "of the older start";
}

// --- the stream -----------------------------------------------------------------------------------------------------------

using KafkaApply = RealKafka;

// Rule 29.
TEST_F(KafkaApply, ChangesWhosePositionCannotBeWrittenAreNotThere) {
  streaming();
  refuse_above(ledger(), 1);
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  thrown([&] { apply(writer); });
  EXPECT_EQ(kinds(), Strings{});
}

// Rule 28: at least once, nothing but the delivery reports tells that a message was lost.
TEST_F(KafkaApply, AMessageThatTheBrokerRefusesHoldsThePosition) {
  for (const char* delivery : {"exactly_once", "at_least_once"}) {
    mirror_.options["delivery"] = delivery;
    lease_.uuid = make_uuid();
    table_.target_name = topic_ = topic_ + "_";
    streaming();
    refuse_above(topic_, 5000);
    Writer writer(table_);
    writer.begin(100).insert({"1", std::string(20'000, 'x'), "A", "1"}).commit();
    const ErrorText text = thrown([&] { apply(writer); });
    EXPECT_EQ(text.code, ErrorCode::bad_value) << delivery << ": " << text.message;
    restart();
    EXPECT_EQ(position(), 10u) << delivery;
    EXPECT_EQ(kinds(), Strings{}) << delivery;
    target_.reset();
  }
}

// Rules 22 and 30.
TEST_F(KafkaApply, AnOpenTailIsNotVisibleBeforeItsEnd) {
  streaming();
  Writer writer(table_);
  writer.begin(100).insert({"1", "a", "A", "1"}).commit();
  writer.begin(200).insert({"2", "b", "B", "2"});
  auto applied = apply(writer);
  EXPECT_EQ(applied.durable.lsn.value, 101u);
  EXPECT_EQ(kinds(1), (Strings{R"(insert {"id":1})"}));
  writer.insert({"3", "c", "C", "3"});
  applied = apply(writer);
  EXPECT_EQ(applied.durable.lsn.value, 101u);
  EXPECT_EQ(kinds(1), (Strings{R"(insert {"id":1})"}));
  writer.insert({"4", "d", "D", "4"}).commit();
  EXPECT_EQ(apply(writer).durable.lsn.value, 201u);
  EXPECT_EQ(kinds(4).size(), 4u);
  std::map<std::string, std::string> ordinals;
  for (const Told& one : told(topic_)) ordinals[one.key] = one.headers.at("ordinal");
  EXPECT_EQ(ordinals, (std::map<std::string, std::string>{
                          {R"({"id":1})", "0"}, {R"({"id":2})", "0"}, {R"({"id":3})", "1"}, {R"({"id":4})", "2"}}));
  restart();
  EXPECT_EQ(position(), 201u);
}

// Rule 30.
TEST_F(KafkaApply, AKeyChangeIsADeleteAndACreate) {
  streaming();
  Writer writer(table_);
  writer.begin(100).update({"2", "a", "A", "1"}, {"1"}).commit();
  apply(writer);
  EXPECT_EQ(kinds(2), (Strings{R"(delete {"id":1})", R"(insert {"id":2})"}));
}

// Rule 30.
TEST_F(KafkaApply, ATruncateGoesToEveryPartition) {
  streaming();
  Writer writer(table_);
  writer.begin(100).truncate().commit();
  apply(writer);
  std::vector<int> partitions;
  for (const Told& one : told(topic_, kPartitions)) {
    EXPECT_EQ(one.kind() + one.key, R"(truncate{"_peerd_event":"truncate"})");
    partitions.push_back(one.partition);
  }
  std::ranges::sort(partitions);
  EXPECT_EQ(partitions, (std::vector<int>{0, 1, 2}));
}

// Rule 30.
TEST_F(KafkaApply, TheHorizonIsAnnouncedOnceToEveryPartitionWhenItIsPassed) {
  horizons_.raise(table_.schema.id, Lsn{150});
  streaming();
  const auto horizon = [&](std::size_t at_least) { return kinds(at_least, "insert"); };
  const auto change = [&](std::uint64_t commit) {
    Writer writer(table_);
    writer.begin(commit).insert({std::to_string(commit), "a", "A", "1"}).commit();
    apply(writer);
  };
  change(100);
  EXPECT_EQ(horizon(0), Strings{});
  change(200);
  EXPECT_EQ(horizon(kPartitions), Strings(kPartitions, R"(horizon {"_peerd_event":"horizon"})"));
  change(300);
  restart();
  prepare_table(target(), table_, wait());
  change(400);
  EXPECT_EQ(horizon(kPartitions).size(), static_cast<std::size_t>(kPartitions)) << "told again";
}

// Rule 31.
TEST_F(KafkaApply, ValuesThatAreFilledFromTheSourceStayListed) {
  streaming();
  source_.rows["1"] = {"1", "now", "LARGE", "7"};
  Writer writer(table_);
  writer.begin(100).update({"1", "now", kSame, "7"}).update({"2", "gone", kSame, "8"}).commit();
  apply(writer);
  for (const Told& one : told(topic_, 2)) {
    EXPECT_EQ(one.headers.count("unchanged_columns") != 0 ? one.headers.at("unchanged_columns") : "", R"(["big"])");
    EXPECT_NE(one.value.find(R"("unchanged_columns":["big"])"), std::string::npos) << one.value;
    EXPECT_EQ(one.value.find("LARGE") != std::string::npos, one.key == R"({"id":1})") << one.value;
  }
  EXPECT_EQ(kinds(2), (Strings{R"(update {"id":1})", R"(update {"id":2})"}));
}

// --- CREATE MIRROR --------------------------------------------------------------------------------------------------------

using KafkaPreflight = RealKafka;

// Rule 31; the tests' broker has min.insync.replicas 1.
TEST_F(KafkaPreflight, ReplicasThatMayAllBeBehindAreRefused) {
  EXPECT_TRUE(target().preflight(std::span(&table_, 1), wait()).empty());
  mirror_.options["replication_factor"] = "3";
  restart();
  target_ = make_kafka_target(peer_, mirror_, lease_);
  const Problems problems = target_->preflight(std::span(&table_, 1), wait());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text.code, ErrorCode::target_unfit);
  EXPECT_NE(problems[0].text.hint.find("min.insync.replicas"), std::string::npos) << problems[0].text.hint;
}

TEST_F(KafkaPreflight, NamesOfTopics) {
  MirrorTable other = table_;
  other.schema.name = "other";
  const auto problems = [&](const std::string& pattern) {
    mirror_.options["topic"] = pattern;
    const MirrorTable tables[] = {table_, other};
    return make_kafka_target(peer_, mirror_, lease_)->preflight(tables, wait());
  };
  EXPECT_TRUE(problems(topic_ + ".{schema}.{table}").empty());
  EXPECT_TRUE(problems("{table}-{target}_x").empty());
  ASSERT_EQ(problems("{target}").size(), 1u);
  EXPECT_NE(problems("{target}")[0].text.message.find("is another's of this mirror"), std::string::npos);
  // Brokers make no two topics whose names differ in dots and underscores alone.
  other.schema.schema = table_.schema.schema + "." + other.schema.name;
  other.schema.name = "x";
  table_.schema.name = "other.x";
  EXPECT_TRUE(problems(topic_ + ".{schema}-{table}").empty());
  EXPECT_EQ(problems(topic_ + ".{schema}_{table}").size(), 2u);
  EXPECT_NE(problems(topic_ + ".{schema}_{table}")[0].text.message.find("differ in dots and underscores"), std::string::npos);
  for (const std::string& pattern : {std::string("a b"), std::string("{oid}"), std::string("{table"), std::string("."), std::string(250, 'x')})
    EXPECT_GE(problems(pattern).size(), 2u) << pattern;
}

// --- without a broker -----------------------------------------------------------------------------------------------------

class KafkaOptions : public testing::Test {
 protected:
  static ErrorText refused(const Options& options) {
    try {
      kafka::Client(RD_KAFKA_PRODUCER, kafka::properties_of({"k", "KAFKA", options}));
    } catch (const Error& error) {
      return error.text;
    }
    return {};
  }
  static std::string field(std::string name, std::string value) {
    return refused({{"servers", "127.0.0.1:1"}, {"disable_tls", "true"}, {std::move(name), std::move(value)}}).field;
  }
};

TEST_F(KafkaOptions, WhatExactlyOnceStandsOnIsNotToBeSet) {
  for (const char* name : {"transactional.id", "enable.idempotence", "acks", "isolation.level", "transaction.timeout.ms",
                           "max.in.flight", "message.timeout.ms"})
    EXPECT_EQ(field(std::string("properties.") + name, "1"), std::string("properties.") + name);
  EXPECT_EQ(field("properties.socket.timeout.ms", "5000"), "");
  EXPECT_EQ(field("properties.socket.timeout.ms", "soon"), "properties.socket.timeout.ms");
  EXPECT_EQ(field("properties.no.such", "1"), "properties.no.such");
}

TEST_F(KafkaOptions, ACertificateAndItsKeyBelongTogether) {
  EXPECT_EQ(field("certificate", "x"), "certificate");
  EXPECT_EQ(field("private_key", "x"), "certificate");
}

TEST_F(KafkaOptions, LoginAndTls) {
  const auto protocol = [](Options options) {
    options["servers"] = "b:1";
    return kafka::properties_of({"k", "KAFKA", options}).at("security.protocol");
  };
  EXPECT_EQ(protocol({}), "ssl");
  EXPECT_EQ(protocol({{"disable_tls", "true"}}), "plaintext");
  EXPECT_EQ(protocol({{"user", "u"}}), "sasl_ssl");
  EXPECT_EQ(protocol({{"user", "u"}, {"disable_tls", "true"}}), "sasl_plaintext");
  EXPECT_EQ(refused({{"servers", "b:1"}, {"user", "u"}, {"sasl_mechanism", "GSSAPI"}}).field, "sasl_mechanism");
}

TEST_F(KafkaOptions, PartitionersThatTearAKeysOrderAreRefused) {
  for (const char* word : {"", "Sticky", "StickyKey", "default", "murmur2_random"}) EXPECT_EQ(kafka::partitioner_of(word), "murmur2_random");
  EXPECT_EQ(kafka::partitioner_of("Consistent"), "consistent");
  for (const char* word : {"LeastBackup", "Manual", "RoundRobin", "random"}) {
    try {
      kafka::partitioner_of(word);
      ADD_FAILURE() << word;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.field, "partitioner") << word;
    }
  }
}

TEST(KafkaErrors, EachHasACodeAHintAndItsNameAsOrigin) {
  const auto code = [](rd_kafka_resp_err_t error) {
    const ErrorText text = kafka::error_text(error, "doing");
    EXPECT_EQ(text.origin, rd_kafka_err2name(error));
    EXPECT_NE(text.message.find("doing"), std::string::npos);
    EXPECT_TRUE(!text.hint.empty() || text.code == ErrorCode::peer_error) << text.origin;
    return text.code;
  };
  using enum ErrorCode;
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__TRANSPORT), unreachable);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN), unreachable);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__SSL), unreachable);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__AUTHENTICATION), bad_password);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED), bad_password);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), no_privilege);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED), no_privilege);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), not_found);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), bad_value);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR__FENCED), fenced);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_PRODUCER_FENCED), fenced);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT), invalid_option);
  EXPECT_EQ(code(RD_KAFKA_RESP_ERR_INVALID_MSG), peer_error);
}

}  // namespace
}  // namespace peerd::testing_kafka
