#include "kafka/producer.h"

#include <algorithm>
#include <charconv>

#include "kafka/errors.h"
#include "peerd/targets/kafka_target.h"

namespace peerd::kafka {
namespace {

Properties producer_properties(const Sending& sending, int worker) {
  const auto text = [&](std::string_view name) { return option_text(kafka_options(), sending.peer.options, name); };
  Properties out{{"compression.type", text("compression")},
                 {"linger.ms", text("linger_ms")},
                 {"queue.buffering.max.kbytes", worker < 0 ? "65536" : "16384"},
                 {"queue.buffering.max.messages", "200000"},
                 {"topic.metadata.refresh.interval.ms", "60000"}};
  for (auto& [name, value] : properties_of(sending.peer)) out[name] = value;
  out["enable.idempotence"] = "true";
  out["message.max.bytes"] = text("max_record_batch_bytes");
  constexpr std::size_t kUsual = 1'000'000;  // librdkafka's own.
  out["batch.size"] = std::to_string(std::min(kUsual, sending.batch_bytes));
  // As Java's clients unless the peer says otherwise: they find a key where this producer put it.
  out["partitioner"] = partitioner_of(text("partitioner"));
  if (!sending.exactly_once) return out;
  out["transactional.id"] = "peerd-" + sending.uuid + (worker < 0 ? "" : "-w" + std::to_string(worker));
  out["transaction.timeout.ms"] = std::to_string(sending.transaction_timeout_ms);
  return out;
}

}  // namespace

Producer::Producer(const Sending& sending, int worker)
    : sending_(sending),
      partitioner_(partitioner_of(option_text(kafka_options(), sending.peer.options, "partitioner"))),
      client_(RD_KAFKA_PRODUCER, producer_properties(sending, worker)) {}

/// What is open holds back read_committed readers until it is aborted or times out.
Producer::~Producer() {
  if (!open_ || !sending_.exactly_once) return;
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
  if (rd_kafka_error_t* error = rd_kafka_abort_transaction(client_.get(), 2000)) rd_kafka_error_destroy(error);
}

void Producer::init(const Wait& wait) {
  if (!sending_.exactly_once) return void(client_.cluster(wait));
  client_.cluster(wait);
  client_.retry("taking over the mirror's transactions", wait,
                [&](int ms) { return rd_kafka_init_transactions(client_.get(), ms); });
}

void Producer::know(const Topic& topic, const Wait& wait) {
  client_.partitions(topic.name, wait);
  tables_[topic.name] = topic.table;
}

void Producer::refused(rd_kafka_resp_err_t code, const std::string& topic, const std::string& detail) const {
  const auto known = tables_.find(topic);
  const std::string table = known == tables_.end() ? "" : known->second;
  ErrorText text = error_text(code, "sending to topic " + topic + (table.empty() ? "" : ", for table " + table), detail);
  text.table = table;
  throw Error(std::move(text));
}

void Producer::begin(const Wait&) {
  if (sending_.exactly_once) check(rd_kafka_begin_transaction(client_.get()), "beginning a transaction");
  open_ = true;
  begun_ = std::chrono::steady_clock::now();
}

/// An expired transaction looks like a fenced one from outside: the clock tells them apart (rules.md 28, 31).
void Producer::check_age() const {
  if (!sending_.exactly_once || !open_) return;
  const auto age = std::chrono::steady_clock::now() - begun_;
  if (age < std::chrono::milliseconds(sending_.transaction_timeout_ms)) return;
  ErrorText text{.code = ErrorCode::timeout, .message = "a source transaction or a chunk takes longer than a Kafka transaction may last"};
  text.hint = "raise transaction_timeout_ms of the mirror and transaction.max.timeout.ms of the brokers, or make chunks smaller";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void Producer::check_delivery() const {
  if (client_.delivery_error() == 0) return;
  // The report that says why may come after those of messages that were thrown away because of it.
  rd_kafka_flush(client_.get(), 500);
  const rd_kafka_resp_err_t code = client_.delivery_error();
  check_age();
  char reason[256] = "";
  rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_.get(), reason, sizeof reason);
  if (fatal == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH) fatal = RD_KAFKA_RESP_ERR__FENCED;
  refused(fatal != 0 ? fatal : code, client_.delivery_topic(), reason);
}

void Producer::settle(const Wait& wait) {
  Wait patience = wait.shorter(Client::kStall);
  const auto flushed = [&] {
    const Blocked blocked;
    return rd_kafka_flush(client_.get(), 200) == 0;
  };
  for (int left = rd_kafka_outq_len(client_.get()); !flushed();) {
    check_delivery();
    check_age();
    const int now = rd_kafka_outq_len(client_.get());
    if (now != left) patience = wait.shorter(Client::kStall);
    left = now;
    client_.check_background("sending", patience);
  }
  check_delivery();
  check_age();
}

void Producer::commit(const Wait& wait) {
  settle(wait);
  if (sending_.exactly_once) {
    try {
      client_.retry("committing", wait, [&](int ms) {
        const Blocked blocked;
        return rd_kafka_commit_transaction(client_.get(), ms);
      });
    } catch (const Error&) {
      check_age();
      throw;
    }
  }
  open_ = false;
}

/// As librdkafka does it, but for the number of partitions: that of now may be another one.
std::int32_t Producer::place_of(std::string_view key, std::size_t partitions) const {
  const auto place = partitioner_.starts_with("consistent") ? rd_kafka_msg_partitioner_consistent
                     : partitioner_.starts_with("fnv1a")    ? rd_kafka_msg_partitioner_fnv1a
                                                            : rd_kafka_msg_partitioner_murmur2;
  return place(nullptr, key.data(), key.size(), static_cast<std::int32_t>(partitions), nullptr, nullptr);
}

bool Producer::send(const Topic& topic, std::int32_t partition, std::string_view key,
                    std::optional<std::string_view> value, const Headers* headers, const Wait& wait) {
  // What surrounds a message counts too: the batch's head, the headers' names and numbers.
  const std::size_t around = 512 + sending_.mirror.size() + (headers ? headers->unchanged.size() : 0);
  if (key.size() + (value ? value->size() : 0) + around > topic.largest) return false;
  char lsn[24], xid[16], ordinal[24], chunk[16];
  rd_kafka_vu_t parts[16];
  std::size_t count = 0;
  const auto header = [&](const char* name, const void* bytes, std::size_t size) {
    parts[count].vtype = RD_KAFKA_VTYPE_HEADER;
    parts[count++].u.header = {name, bytes, static_cast<ssize_t>(size)};
  };
  const auto number = [&](const char* name, char* digits, std::size_t room, std::uint64_t n) {
    header(name, digits, static_cast<std::size_t>(std::to_chars(digits, digits + room, n).ptr - digits));
  };
  if (headers != nullptr) {
    char* end = std::to_chars(lsn, lsn + 9, static_cast<std::uint32_t>(headers->lsn.value >> 32), 16).ptr;
    *end++ = '/';
    end = std::to_chars(end, lsn + sizeof lsn, static_cast<std::uint32_t>(headers->lsn.value), 16).ptr;
    for (char* c = lsn; c != end; ++c)
      if (*c >= 'a') *c = static_cast<char>(*c - 32);
    header("lsn", lsn, static_cast<std::size_t>(end - lsn));
    number("transaction", xid, sizeof xid, headers->xid);
    number("ordinal", ordinal, sizeof ordinal, headers->ordinal);
    header("mirror", sending_.mirror.data(), sending_.mirror.size());
    header("kind", to_string(headers->kind).data(), to_string(headers->kind).size());
    if (headers->chunk) number("chunk", chunk, sizeof chunk, *headers->chunk);
    if (!headers->unchanged.empty()) header("unchanged_columns", headers->unchanged.data(), headers->unchanged.size());
  }
  parts[count].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[count++].u.cstr = topic.name.c_str();
  parts[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  if (partition < 0 && topic.keyed > 0 && !key.empty()) partition = place_of(key, topic.keyed);
  parts[count++].u.i32 = partition < 0 ? RD_KAFKA_PARTITION_UA : partition;
  parts[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
  if (!key.empty()) {  // Else it is null.
    parts[count].vtype = RD_KAFKA_VTYPE_KEY;
    parts[count++].u.mem = {const_cast<char*>(key.data()), key.size()};
  }
  if (topic.ends != nullptr) {
    topic.ends->sent();
    parts[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[count++].u.ptr = topic.ends;
  }
  if (value) {
    parts[count].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[count++].u.mem = {const_cast<char*>(value->data()), value->size()};
  }
  std::optional<Wait> patience;
  for (;;) {
    rd_kafka_error_t* error = rd_kafka_produceva(client_.get(), parts, count);
    if (error == nullptr) break;
    const auto code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      rd_kafka_error_destroy(error);
      return false;
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      // A message that was refused makes the transaction erroneous before its report is taken: it says why.
      rd_kafka_poll(client_.get(), 200);
      check_delivery();
      check_age();
      const std::string why = rd_kafka_error_string(error);
      rd_kafka_error_destroy(error);
      refused(code, topic.name, why);
    }
    rd_kafka_error_destroy(error);
    {
      const Blocked blocked;
      rd_kafka_poll(client_.get(), 50);
    }
    check_delivery();
    check_age();
    if (!patience) patience = wait.shorter(Client::kStall);
    client_.check_background("sending", *patience);
  }
  constexpr unsigned kPollEvery = 256;
  if (++sent_ % kPollEvery == 0) {
    rd_kafka_poll(client_.get(), 0);
    check_delivery();
    check_age();
    if (wait.stop.stop_requested()) throw Stopped{};
  }
  return true;
}

}  // namespace peerd::kafka
