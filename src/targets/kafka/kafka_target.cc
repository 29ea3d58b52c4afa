// preflight → open (fence, then read the ledger: rules.md 28) → prepare per table → chunk writers → apply per batch.
// Every change is a message; the position commits with it, in the compacted topic of the mirror.
#include "peerd/targets/kafka_target.h"

#include <set>

#include "kafka/chunk_writer.h"
#include "kafka/errors.h"
#include "kafka/ledger.h"
#include "kafka/topic_check.h"
#include "kafka/unchanged.h"
#include "peerd/base/mutex.h"
#include "peerd/base/text.h"

namespace peerd {
namespace {

using namespace kafka;

/// "true" of options that have few words.
std::string word_of(const MirrorSpec& mirror, std::string_view name, std::initializer_list<std::string_view> words) {
  const std::string word = option_text(kafka_mirror_options(), mirror.options, name);
  std::vector<std::string> listed;
  for (const std::string_view known : words) {
    if (word == known) return word;
    listed.push_back("'" + std::string(known) + "'");
  }
  Error error(ErrorCode::invalid_option, "option \"" + std::string(name) + "\" has no such value",
              "use one of " + join(listed, ", "));
  error.text.field = name;
  throw error;
}

void check_topic_name(const std::string& name) {
  const bool well = !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string::npos;
  if (!well)
    throw Error(ErrorCode::invalid_option, "\"" + name + "\" cannot be the name of a topic",
                "use letters, digits, dot, _ and -, at most 249 in all");
}

Sending sending_of(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  const OptionTable& table = kafka_mirror_options();
  Sending out{peer, mirror.name, lease.uuid};
  out.exactly_once = word_of(mirror, "delivery", {"exactly_once", "at_least_once"}) == "exactly_once";
  out.dead_letters = word_of(mirror, "on_bad_row", {"stop", "dead_letter"}) == "dead_letter";
  out.tombstones = option_boolean(table, mirror.options, "tombstones");
  out.transaction_timeout_ms = static_cast<int>(option_integer(table, mirror.options, "transaction_timeout_ms"));
  out.largest = static_cast<std::size_t>(option_integer(kafka_options(), peer.options, "max_record_batch_bytes"));
  return out;
}

class KafkaTarget final : public Target {
 public:
  KafkaTarget(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease)
      : peer_(peer), mirror_(mirror), workers_(mirror.integer("snapshot_num_tables_in_parallel") *
                                               mirror.integer("snapshot_max_parallel_workers")) {
    for (const std::string name : {"soft_delete_col_name", "synced_at_col_name"}) {
      const auto set = mirror.options.find(name);
      if (set == mirror.options.end() || set->second.empty()) continue;
      Error error(ErrorCode::invalid_option, "option \"" + name + "\" means nothing to Kafka", "leave it out: a delete is a message");
      error.text.field = name;
      throw error;
    }
    setup_.sending = sending_of(peer, mirror, lease);
    const std::string format = word_of(mirror, "format", {"peerdb", "flat", "debezium"});
    format_ = format == "flat" ? Format::flat : format == "debezium" ? Format::debezium : Format::peerdb;
    setup_.encoder = [this](const TableSchema& schema) { return make_encoder(schema, format_, {mirror_.name, mirror_.source}); };
    word_of(mirror, "cleanup_policy", {"", "delete", "compact", "compact,delete", "delete,compact"});
    setup_.topic = [this](const MirrorTable& table) { return topic_of(table); };
    setup_.dead_letter_topic = [this](const std::string& topic) { return dead_letter_topic(topic); };
    setup_.known = [this](const Chunk& chunk, CopyCounts& counts) {
      const auto found = ledger_.chunks.find(chunk_key(chunk));
      if (found == ledger_.chunks.end()) return false;
      counts = found->second;
      return true;
    };
  }

  Problems preflight(std::span<const MirrorTable> tables, const Wait& wait) override;
  void open(const Wait& wait) override;
  CopyPlan prepare(const MirrorTable& table, const Wait& wait) override;
  void restart_copy(const MirrorTable& table, const Wait& wait) override;
  std::unique_ptr<ChunkWriter> open_writer(const Wait&) override;
  void end_copy(const MirrorTable&, const Wait&) override {}
  ApplyResult apply(const Batch& batch, const ApplyContext& context) override;
  std::optional<Durable> position(const Wait&) override;
  void set_position(Durable start, const Wait& wait) override;
  void forget(const Wait& wait) override;
  std::chrono::milliseconds flush_interval() const noexcept override { return std::chrono::milliseconds(0); }

 private:
  struct Table {
    TableSchema schema;
    std::string topic;
    std::unique_ptr<Encoder> encoder;
  };
  std::string topic_of(const MirrorTable& table) const;
  std::string dead_letter_topic(const std::string& topic) const {
    const std::string named = text("dead_letter_topic");
    return named.empty() ? topic + ".dead_letter" : named;
  }
  std::string text(std::string_view name) const { return option_text(kafka_mirror_options(), mirror_.options, name); }
  int replication_factor() const {
    return static_cast<int>(option_integer(kafka_mirror_options(), mirror_.options, "replication_factor"));
  }
  int partitions_asked() const {
    const auto asked = static_cast<int>(option_integer(kafka_mirror_options(), mirror_.options, "partitions"));
    return asked == 0 ? -1 : asked;
  }
  void make_topic(const std::string& name, const std::string& cleanup, int partitions, const Wait& wait);
  Table& learn(const MirrorTable& table);
  std::string message_topic() const;
  void prepare_messages(const Wait& wait);
  void enter(Lsn commit);
  void send_range(const Batch& batch, std::size_t from, std::size_t to, std::size_t messages_to, const Wait& wait);
  void send_logical(const MessageView& given, const Wait& wait);
  void send_change(const Batch& batch, std::size_t index, const TransactionView& transaction, const Wait& wait);
  void send_row(Table& table, const Message& message, const ChangeView& change, const Wait& wait);
  void send_event(Table& table, Kind kind, Lsn lsn, const Message& message, const Wait& wait);
  void commit_to(Lsn position, const Wait& wait);

  const PeerSpec peer_;
  const MirrorSpec mirror_;
  const std::int64_t workers_;
  Format format_;
  ChunkSetup setup_;
  std::unique_ptr<Client> topics_;
  std::unique_ptr<Producer> producer_;
  Ledger ledger_;
  std::map<TableId, Table> tables_;
  std::map<TableId, Lsn> starts_;  ///< Of the tables whose copy has begun.
  std::vector<Table*> of_batch_;
  UnchangedCells unchanged_;
  Lsn position_, horizon_;       ///< horizon_: to be announced once the stream has passed it.
  bool horizon_known_ = false;
  std::uint64_t ordinal_ = 0;
  std::size_t next_message_ = 0;  ///< Of the batch's logical messages.
  std::string message_topic_;
  std::unique_ptr<Encoder> logical_;  ///< Of logical messages: for no table.
  Lsn commit_, last_commit_;  ///< Of the transaction that is being sent, and of the one before.
  std::int64_t sent_us_ = 0;
  std::string key_, value_, names_;
  Mutex ids_mutex_;
  std::set<int> ids_;
};

std::string KafkaTarget::topic_of(const MirrorTable& table) const {
  std::string out;
  const std::string pattern = text("topic");
  for (std::size_t i = 0; i < pattern.size();) {
    const std::size_t end = pattern[i] == '{' ? pattern.find('}', i) : std::string::npos;
    const std::string_view field = end == std::string::npos ? "" : std::string_view(pattern).substr(i, end - i + 1);
    if (field == "{schema}") out += table.schema.schema;
    else if (field == "{table}") out += table.schema.name;
    else if (field == "{target}") out += kafka_topic(peer_, table.target_name);
    else { out += pattern[i++]; continue; }
    i = end + 1;
  }
  check_topic_name(out);
  return out;
}

/// Of logical messages; "" when none are delivered.
std::string KafkaTarget::message_topic() const {
  if (mirror_.message_prefixes().empty()) return {};
  const std::string named = text("message_topic"), topic = named.empty() ? mirror_.name + ".message" : named;
  check_topic_name(topic);
  return topic;
}

Problems KafkaTarget::preflight(std::span<const MirrorTable> tables, const Wait& wait) {
  Problems problems;
  std::set<std::string> topics;
  std::vector<WantedTopic> wanted;
  for (const MirrorTable& table : tables) {
    try {
      const std::string topic = topic_of(table), reserved = setup_.encoder(table.schema)->reserved_column();
      if (!topics.insert(topic).second)
        throw Error(ErrorCode::invalid_option, "two tables are mapped to topic " + topic, "give each a topic of its own");
      wanted.push_back({topic, replication_factor()});
      if (!reserved.empty())
        throw Error(ErrorCode::target_unfit, "column " + reserved + " has a name that the flat format needs", "exclude it, or use format = 'peerdb'");
    } catch (const Error& error) {
      problems.push_back({error.text, ""});
      problems.back().text.table = table.schema.qualified();
    }
  }
  try {
    if (const std::string topic = message_topic(); !topic.empty()) {
      if (!topics.insert(topic).second)
        throw Error(ErrorCode::invalid_option, "topic " + topic + " is a table's, and cannot take logical messages", "give message_topic");
      wanted.push_back({topic, replication_factor()});
    }
    Client client(RD_KAFKA_CONSUMER, properties_of(peer_));
    const Problems frail = check_replication(client, wanted, wait.shorter(std::chrono::seconds(20)));
    problems.insert(problems.end(), frail.begin(), frail.end());
  } catch (const Error& error) {
    problems.push_back({error.text, ""});
  }
  return problems;
}

void KafkaTarget::make_topic(const std::string& name, const std::string& cleanup, int partitions, const Wait& wait) {
  // A consumer's instance: a producer's that looks at an absent topic makes it, where brokers allow that, in their shape.
  if (!topics_) topics_ = std::make_unique<Client>(RD_KAFKA_CONSUMER, properties_of(peer_));
  if (topics_->partitions(name, wait) > 0) return;
  const int factor = replication_factor();
  topics_->create_topic({name, partitions, factor == 0 ? -1 : factor, cleanup}, wait);
}

void KafkaTarget::open(const Wait& wait) {
  producer_ = std::make_unique<Producer>(setup_.sending, -1);
  producer_->init(wait);
  make_topic(ledger_topic(setup_.sending.uuid), "compact", 1, wait);
  // Workers of an earlier process could commit a chunk late: their ids are taken over, too.
  for (int id = 0; setup_.sending.exactly_once && id < workers_; ++id) Producer(setup_.sending, id).init(wait);
  ledger_ = read_ledger(peer_, setup_.sending.uuid, wait);
  position_ = ledger_.position.value_or(Lsn{});
}

void KafkaTarget::prepare_messages(const Wait& wait) {
  message_topic_ = message_topic();
  if (message_topic_.empty() || logical_) return;
  // Not with the tables' cleanup policy: all messages of a prefix have one key, and compaction would keep the last alone.
  make_topic(message_topic_, "", partitions_asked(), wait);
  if (setup_.sending.dead_letters) make_topic(dead_letter_topic(message_topic_), "", -1, wait);
  logical_ = setup_.encoder({});
}

CopyPlan KafkaTarget::prepare(const MirrorTable& table, const Wait& wait) {
  prepare_messages(wait);
  const std::string topic = topic_of(table);
  make_topic(topic, text("cleanup_policy"), partitions_asked(), wait);
  if (setup_.sending.dead_letters) make_topic(dead_letter_topic(topic), "", -1, wait);
  learn(table);
  return {CopyForm::text, std::vector<std::string>(table.schema.columns.size())};
}

/// Messages stay. Rows that were read since an older start may be gone, and no change will say so, for those of before the
/// new start are not applied: a TRUNCATE voids them (rules.md 9).
void KafkaTarget::restart_copy(const MirrorTable& table, const Wait& wait) {
  const std::string chunks = "chunk/" + std::to_string(table.schema.id.oid) + "/", own = chunks + to_string(table.start) + "/";
  bool older = false, same = false;
  for (auto at = ledger_.chunks.lower_bound(chunks); at != ledger_.chunks.end() && at->first.starts_with(chunks); ++at)
    (at->first.starts_with(own) ? same : older) = true;
  const auto [known, fresh] = starts_.emplace(table.schema.id, table.start);
  if (!fresh) (known->second == table.start ? same : older) = true;
  known->second = table.start;
  if (same || !older) return;
  ordinal_ = 0;
  producer_->begin(wait);
  const Message voided{.kind = Kind::truncate, .row = {}, .checkpoint = table.start.value, .sent_us = unix_us()};
  send_event(learn(table), Kind::truncate, table.start, voided, wait);
  producer_->commit(wait);
}

KafkaTarget::Table& KafkaTarget::learn(const MirrorTable& table) {
  Table& known = tables_[table.schema.id];
  if (known.encoder && known.schema == table.schema) return known;
  known.schema = table.schema;
  known.topic = topic_of(table);
  known.encoder = setup_.encoder(table.schema);
  if (const std::string reserved = known.encoder->reserved_column(); !reserved.empty())
    throw Error(ErrorCode::target_unfit, "column " + reserved + " has a name that the flat format needs", "use format = 'peerdb'");
  return known;
}

std::unique_ptr<ChunkWriter> KafkaTarget::open_writer(const Wait&) {
  Lock lock(ids_mutex_);
  int id = 0;
  while (!ids_.insert(id).second) ++id;
  return make_chunk_writer(setup_, id, [this](int given) {
    Lock back(ids_mutex_);
    ids_.erase(given);
  });
}

ApplyResult KafkaTarget::apply(const Batch& batch, const ApplyContext& context) {
  if (!horizon_known_) {
    horizon_known_ = true;
    if (context.horizons.highest() > ledger_.horizon) horizon_ = context.horizons.highest();
  }
  const bool idle = batch.size() == 0 && batch.messages().empty() && !producer_->open();
  if (idle && (batch.complete_to() <= position_ || batch.open_tail())) return {Applied{position_}, Durable{position_}};
  sent_us_ = unix_us();
  of_batch_.clear();
  for (const MirrorTable& table : batch.tables()) of_batch_.push_back(&learn(table));
  unchanged_.resolve(batch, context);
  const bool tail = batch.open_tail();
  const std::size_t whole = !tail ? batch.size() : batch.commit_ends().empty() ? 0 : batch.commit_ends().back();
  next_message_ = 0;
  if (!tail || !batch.commit_ends().empty() || batch.whole_messages() > 0) {
    if (!producer_->open()) producer_->begin(context.wait);
    send_range(batch, 0, whole, batch.whole_messages(), context.wait);
    commit_to(batch.complete_to(), context.wait);
  }
  if (tail) {
    if (!producer_->open()) producer_->begin(context.wait);
    send_range(batch, whole, batch.size(), batch.messages().size(), context.wait);
  }
  return {Applied{position_}, Durable{position_}};
}

/// Changes [from, to) and the logical messages between them, up to message `messages_to`.
void KafkaTarget::send_range(const Batch& batch, std::size_t from, std::size_t to, std::size_t messages_to, const Wait& wait) {
  const auto transactions = batch.transactions();
  const auto messages_before = [&](std::size_t change) {
    while (next_message_ < messages_to && batch.messages()[next_message_].before <= change)
      send_logical(batch.messages()[next_message_++], wait);
  };
  std::size_t at = 0;
  for (std::size_t i = from; i < to; ++i) {
    messages_before(i);
    while (at + 1 < transactions.size() && transactions[at + 1].first <= i) ++at;
    send_change(batch, i, transactions[at], wait);
  }
  messages_before(to);
}

/// A transaction begins, or goes on in another batch.
void KafkaTarget::enter(Lsn commit) {
  if (commit == commit_) return;
  last_commit_ = std::exchange(commit_, commit);
  ordinal_ = 0;
}

void KafkaTarget::send_logical(const MessageView& given, const Wait& wait) {
  if (given.transactional) enter(given.version.commit);
  const Message message{.kind = Kind::message, .row = {}, .checkpoint = given.version.change.value, .commit_time_us = given.commit_time_us,
                        .xid = given.xid, .last_commit = last_commit_.value, .sent_us = sent_us_};
  key_.clear();
  value_.clear();
  logical_key(given.prefix, key_);
  logical_->logical(message, {given.prefix, given.content, given.transactional}, value_);
  const Producer::Headers headers{
      .kind = Kind::message, .lsn = given.version.commit, .xid = given.xid, .ordinal = given.transactional ? ordinal_++ : 0};
  if (producer_->send(message_topic_, -1, key_, value_, &headers, wait)) return;
  value_.clear();
  dead_letter("the message is too large", "", message_topic_, value_);
  if (!setup_.sending.dead_letters || !producer_->send(dead_letter_topic(message_topic_), -1, key_, value_, &headers, wait))
    throw_too_large("a logical message", message_topic_, "");
}

void KafkaTarget::send_change(const Batch& batch, std::size_t index, const TransactionView& transaction, const Wait& wait) {
  const ChangeView& change = batch.changes()[index];
  Table& table = *of_batch_[change.table];
  Message message{.kind = Kind::insert,
                  .row = change.row,
                  .checkpoint = change.version.change.value,
                  .commit_time_us = transaction.commit_time_us,
                  .xid = transaction.xid,
                  .sent_us = sent_us_};
  enter(change.version.commit);
  message.last_commit = last_commit_.value;
  const auto filled = unchanged_.row(index);
  if (!filled.empty()) message.row = filled, message.filled = unchanged_.missing(index);
  switch (change.kind) {
    case ChangeView::Kind::truncate:
      message.kind = Kind::truncate;
      return send_event(table, Kind::truncate, change.version.commit, message, wait);
    case ChangeView::Kind::remove: message.kind = Kind::remove; break;
    case ChangeView::Kind::insert: break;
    case ChangeView::Kind::update:
      message.kind = change.old_key.empty() ? Kind::update : Kind::insert;
      if (change.old_key.empty()) break;
      // A key change is a delete of the old key and a create of the new one (rules.md 30).
      std::vector<CellView> old(change.row.size());
      for (std::size_t k = 0; k < change.old_key.size(); ++k) old[table.schema.key[k]] = change.old_key[k];
      Message gone = message;
      gone.kind = Kind::remove;
      gone.row = old;
      gone.filled = {};
      send_row(table, gone, change, wait);
  }
  send_row(table, message, change, wait);
}

void KafkaTarget::send_row(Table& table, const Message& message, const ChangeView& change, const Wait& wait) {
  key_.clear();
  value_.clear();
  names_.clear();
  table.encoder->key_of_row(message.row, key_);
  table.encoder->value(message, value_);
  if (!message.filled.empty()) table.encoder->unchanged_names(message, names_);
  Producer::Headers headers{.kind = message.kind, .lsn = change.version.commit, .xid = message.xid, .ordinal = ordinal_++, .chunk = {}, .unchanged = names_};
  if (!producer_->send(table.topic, -1, key_, value_, &headers, wait)) {
    if (!setup_.sending.dead_letters) throw_too_large("a row of " + table.schema.qualified(), table.topic, table.schema.qualified());
    value_.clear();
    dead_letter("the message is too large", table.schema.qualified(), table.topic, value_);
    if (!producer_->send(dead_letter_topic(table.topic), -1, key_, value_, &headers, wait)) throw_too_large("a row of " + table.schema.qualified(), table.topic, table.schema.qualified());
  }
  if (message.kind != Kind::remove || !setup_.sending.tombstones) return;
  headers.kind = Kind::tombstone;
  producer_->send(table.topic, -1, key_, std::nullopt, &headers, wait);
}

void KafkaTarget::send_event(Table& table, Kind kind, Lsn lsn, const Message& message, const Wait& wait) {
  key_ = "{\"_peerd_event\":\"" + std::string(to_string(kind)) + "\"}";
  value_.clear();
  table.encoder->value(message, value_);
  const Producer::Headers headers{.kind = kind, .lsn = lsn, .xid = message.xid, .ordinal = kind == Kind::horizon ? 0 : ordinal_++};
  const int partitions = producer_->client().partitions(table.topic, wait);
  if (partitions == 0) throw Error(error_text(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "sending to topic " + table.topic));
  for (int p = 0; p < partitions; ++p) producer_->send(table.topic, p, key_, value_, &headers, wait);
}

void KafkaTarget::commit_to(Lsn position, const Wait& wait) {
  const bool passed = horizon_ > Lsn{} && position >= horizon_;
  if (passed) {
    for (auto& [_, table] : tables_)
      send_event(table, Kind::horizon, horizon_, {.kind = Kind::horizon, .row = {}, .checkpoint = horizon_.value, .sent_us = sent_us_}, wait);
  }
  const Lsn announced = passed ? horizon_ : ledger_.horizon;
  // At least once, the messages must stand before the position that leaves them behind.
  if (!setup_.sending.exactly_once) producer_->commit(wait);
  producer_->send(ledger_topic(setup_.sending.uuid), 0, kPositionKey, position_value(position, announced), nullptr, wait);
  producer_->commit(wait);
  position_ = position;
  ledger_.horizon = announced;
  if (passed) horizon_ = Lsn{};
}

std::optional<Durable> KafkaTarget::position(const Wait&) {
  if (ledger_.position) return Durable{*ledger_.position};
  ErrorText text{.code = ErrorCode::position_lost,
                 .message = "topic " + ledger_topic(setup_.sending.uuid) + " holds no position of this mirror"};
  text.detail = "the topic was deleted, or lost its records";
  text.hint = "drop the mirror and create it again";
  throw Error(std::move(text));
}

void KafkaTarget::set_position(Durable start, const Wait& wait) {
  producer_->begin(wait);
  commit_to(start.lsn, wait);
  ledger_.position = start.lsn;
}

void KafkaTarget::forget(const Wait& wait) {
  Client client(RD_KAFKA_PRODUCER, properties_of(peer_));
  client.cluster(wait);
  client.delete_topic(ledger_topic(setup_.sending.uuid), wait);
}

class Session final : public PeerSession {
 public:
  explicit Session(const PeerSpec& peer) : peer_(peer) {}
  Problems check(const Wait& wait) override {
    try {
      partitioner_of(option_text(kafka_options(), peer_.options, "partitioner"));
      Client(RD_KAFKA_PRODUCER, properties_of(peer_)).cluster(wait);
      return {};
    } catch (const Error& error) {
      return {{error.text, ""}};
    }
  }
  std::string server_version(const Wait& wait) override {
    return "Kafka cluster " + Client(RD_KAFKA_PRODUCER, properties_of(peer_)).cluster(wait);
  }
  void query(std::string_view, RowSink&, const Wait&) override {
    throw Error(ErrorCode::not_supported, "a KAFKA peer cannot be queried", "read its topics with a Kafka consumer");
  }

 private:
  const PeerSpec peer_;
};

}  // namespace

std::unique_ptr<Target> make_kafka_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  return std::make_unique<KafkaTarget>(peer, mirror, lease);
}

std::unique_ptr<PeerSession> make_kafka_session(const PeerSpec& peer) { return std::make_unique<Session>(peer); }

}  // namespace peerd
