// preflight → open (fence, then read the ledger: rules.md 28) → create or verify per table → chunk writers → apply per batch.
// Every change is a message; the position commits with it, in the compacted topic of the mirror.
#include "peerd/targets/kafka_target.h"

#include <algorithm>
#include <set>

#include "kafka/chunk_writer.h"
#include "kafka/errors.h"
#include "kafka/key_names.h"
#include "kafka/ledger.h"
#include "kafka/lost_topic.h"
#include "kafka/names.h"
#include "kafka/row_encoder.h"
#include "kafka/row_sender.h"
#include "kafka/sending.h"
#include "kafka/topics.h"
#include "kafka/unchanged.h"
#include "mappings.h"
#include "peerd/base/mutex.h"
#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd {
namespace {

using namespace kafka;

class KafkaTarget final : public Target {
 public:
  KafkaTarget(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease)
      : peer_(peer), mirror_(mirror), lease_(lease), topics_(peer, mirror), workers_(mirror.integer("snapshot_num_tables_in_parallel") *
                                               mirror.integer("snapshot_max_parallel_workers")) {
    refuse_meaningless(mirror);
    setup_.sending = sending_of(peer, mirror, lease);
    const std::string format = word_of(mirror, "format", {"peerdb", "flat", "debezium"});
    format_ = format == "flat" ? Format::flat : format == "debezium" ? Format::debezium : Format::peerdb;
    truncates_ = word_of(mirror, "skipped_operations", {"t", "none"}) == "none";
    word_of(mirror, "cleanup_policy", {"", "delete", "compact", "compact,delete", "delete,compact"});
    setup_.ledger = {ledger_topic(lease.uuid), topics_.of("").largest};
    setup_.route = [this](const MirrorTable& table) { return route_of(topics_.name_of(table), table); };
    setup_.check_lease = [this](const Wait& wait) {
      if (setup_.sending.exactly_once && read_newest_lease(peer_, lease_.uuid, wait) > lease_.epoch) throw_taken_over(Retry::later);
    };
    setup_.known = [this](const Chunk& chunk, CopyCounts& counts) {
      const auto found = ledger_.chunks.find(chunk_key(chunk));
      if (found == ledger_.chunks.end()) return false;
      counts = found->second;
      return true;
    };
  }

  Problems preflight(std::span<const MirrorTable> tables, const Wait& wait) override;
  void open(const Wait& wait) override;
  TargetIdentity identity(const Wait& wait) override;
  TargetIdentity create(const MirrorTable& table, const Wait& wait) override;
  TargetIdentity recognize(const MirrorTable& table, const Wait& wait) override;
  CopyPlan verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) override;
  void alter(const MirrorTable& from, const MirrorTable& to, const Wait& wait) override;
  void restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  std::string shadow_of(const MirrorTable&) const override { return ""; }
  Problems check_resync(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  TargetIdentity create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  TargetIdentity swap(const MirrorTable& table, const TargetIdentity&, const Wait& wait) override { return recognize(table, wait); }
  std::unique_ptr<ChunkWriter> open_writer(const Wait&) override;
  void end_copy(const MirrorTable&, const Wait&) override {}
  ApplyResult apply(const Batch& batch, const ApplyContext& context) override;
  std::optional<Durable> position(const Wait&) override;
  std::optional<Lsn> reached(std::span<const MirrorTable>, const Wait&) override { return reached_by(setup_.sending, ledger_); }
  void set_position(Durable start, const Wait& wait) override;
  void release(const MirrorTable&, const Wait&) override {}  ///< A topic bears no mark of the mirror's.
  void forget(const Wait& wait) override;
  std::chrono::milliseconds flush_interval() const noexcept override { return std::chrono::milliseconds(0); }
  bool wants_old_rows() const noexcept override { return format_ != Format::flat; }

 private:
  struct Table {
    TableSchema schema;
    Route route;
    std::vector<CellView> old_row;  ///< Of a key change, by column.
  };
  Route route_of(const std::string& topic, const MirrorTable& table) const;
  void claim(const Wait& wait);
  [[noreturn]] void throw_taken_over(Retry retry) const;
  Table& learn(const MirrorTable& table);
  void enter(Lsn commit);
  void send_range(const Batch& batch, std::size_t from, std::size_t to, std::size_t messages_to, const Wait& wait);
  void send_logical(const MessageView& given, const Wait& wait);
  void send_change(const Batch& batch, std::size_t index, const TransactionView& transaction, const Wait& wait);
  void send_event(Table& table, Kind kind, Lsn lsn, const Message& message, const Wait& wait);
  void send_void(const MirrorTable& table, const Wait& wait);
  void commit_to(Lsn position, const Wait& wait);
  void check_written(const std::string& topic, const std::string& table, std::uint64_t rows, const Wait& wait);
  void keep_keys(const std::string& topic, const Wait& wait);
  void note_ends(const Wait& wait);
  std::string table_of(const std::string& topic) const;

  const PeerSpec peer_;
  const MirrorSpec mirror_;
  const Mappings mappings_{mirror_};
  const Lease lease_;
  Topics topics_;
  const std::int64_t workers_;
  Format format_;
  bool truncates_ = false;  ///< Debezium's own, among a table's messages.
  ChunkSetup setup_;
  Ledger ledger_;
  std::map<std::string, TopicEnds> ends_;  ///< By topic. The producer tells them of what was delivered.
  Clock::Instant next_ends_{};             ///< When they are noted next.
  std::unique_ptr<Producer> producer_;
  std::map<TableId, Table> tables_;
  std::map<TableId, Lsn> starts_;  ///< Of the tables whose copy has begun.
  std::vector<Table*> of_batch_;
  UnchangedCells unchanged_;
  Lsn position_, horizon_;       ///< horizon_: to be announced once the stream has passed it.
  bool horizon_known_ = false;
  std::uint64_t ordinal_ = 0;
  std::size_t next_message_ = 0;  ///< Of the batch's logical messages.
  Route messages_;  ///< Of logical messages: of no table.
  Topic events_;    ///< Without a name where they go to the tables' topics.
  Lsn commit_, last_commit_;  ///< Of the transaction that is being sent, and of the one before.
  std::int64_t sent_us_ = 0;
  std::optional<RowSender> sender_;
  std::string key_, value_;  ///< Of events.
  Mutex ids_mutex_;
  std::set<int> ids_;
};

Problems KafkaTarget::preflight(std::span<const MirrorTable> tables, const Wait& wait) {
  Problems problems;
  for (const MirrorTable& table : tables) {
    add_problem(problems, table.schema.qualified(), [&] { refuse_names(*route_of("", table).encoder, !topics_.event_topic().empty()); });
    std::ranges::move(mappings_.check(table), std::back_inserter(problems));
    std::ranges::move(named_key(table), std::back_inserter(problems));
    std::ranges::move(check_keyless(table, setup_.sending.exactly_once, topics_, wait), std::back_inserter(problems));
  }
  const std::vector<std::string> names = names_of_topics(topics_, tables, setup_.sending.dead_letters, problems);
  const Wait patience = wait.shorter(std::chrono::seconds(20));
  try {
    Problems found = topics_.check(names, patience);
    std::ranges::move(found, std::back_inserter(problems));
    // The right to transactions, and whether they may last that long: an id of its own, which fences nobody.
    Sending trial = setup_.sending;
    trial.uuid = "check";
    if (found.empty()) Producer(trial, -1).init(patience);
  } catch (const Error& error) {
    problems.push_back({error.text, ""});
  }
  return problems;
}

/// Takes the mirror over (rules.md 28). A newer lease in the ledger is left alone: it is looked for before its owner would
/// be fenced, and again after, for it may have come meanwhile.
void KafkaTarget::open(const Wait& wait) {
  topics_.make(setup_.ledger.name, "compact", 1, wait);
  claim(wait);
  topics_.read_limits(wait);
  setup_.sending.batch_bytes = topics_.smallest();
  producer_ = std::make_unique<Producer>(setup_.sending, -1);
  producer_->init(wait);
  producer_->know(setup_.ledger, wait);
  producer_->begin(wait);
  producer_->send(setup_.ledger, 0, kLeaseKey, std::to_string(lease_.epoch), nullptr, wait);
  producer_->commit(wait);
  // Workers of an earlier process could commit a chunk late: their ids are taken over, too.
  for (int id = 0; setup_.sending.exactly_once && id < workers_; ++id) Producer(setup_.sending, id).init(wait);
  claim(wait);
  position_ = ledger_.position.value_or(Lsn{});
  sender_.emplace(setup_.sending);
  for (const auto& [topic, text] : ledger_.ends) ends_[topic] = TopicEnds::read(text);
  if (const std::string topic = topics_.message_topic(); !topic.empty()) {
    check_written(topic, "", 0, wait);
    topics_.make_for_messages(wait);
    keep_keys(topic, wait);
    messages_ = route_of(topic, {});
    messages_.topic.ends = &ends_[topic];
  }
  if (const std::string topic = topics_.event_topic(); !topic.empty()) {
    check_written(topic, "", 0, wait);
    topics_.make_for_events(wait);
    keep_keys(topic, wait);
    events_ = topics_.of(topic);
    events_.ends = &ends_[topic];
    producer_->know(events_, wait);
  }
}

/// Every attempt has a lease of its own: one that is not this target's and not older is another's, of a copied catalog.
void KafkaTarget::claim(const Wait& wait) {
  ledger_ = read_ledger(peer_, lease_.uuid, wait);
  if (producer_ ? ledger_.epoch > lease_.epoch : ledger_.epoch >= lease_.epoch) throw_taken_over(Retry::never);
}

void KafkaTarget::throw_taken_over(Retry retry) const {
  ErrorText text{.code = ErrorCode::fenced, .message = "another process has taken mirror " + mirror_.name + " over at Kafka"};
  text.detail = "topic " + setup_.ledger.name + " has a lease that is newer than this one, " + std::to_string(lease_.epoch);
  text.hint = "leave the mirror to that process, or stop it and RESUME MIRROR here";
  text.retry = retry;
  throw Error(std::move(text));
}

/// Without the bookkeeping topic there is no position: it is as much a part of what was written as the messages are.
TargetIdentity KafkaTarget::identity(const Wait& wait) {
  const bool there = topics_.exists(setup_.ledger.name, wait);
  return {{{"cluster", topics_.cluster(wait)}, {"topic " + setup_.ledger.name, there ? "there" : "gone"}}, false};
}

TargetIdentity KafkaTarget::create(const MirrorTable& table, const Wait& wait) {
  throw_if_any(check_keyless(table, setup_.sending.exactly_once, topics_, wait));
  const std::string topic = topics_.name_of(table);
  if (ledger_.ends.contains(topic) && !topics_.exists(topic, wait))
    forget_topic(*producer_, setup_.ledger, ledger_, topic, ends_[topic], TableId{}, wait);
  topics_.make_for(table, wait);
  keep_keys(topic, wait);
  producer_->know(learn(table).route.topic, wait);
  return recognize(table, wait);
}

TargetIdentity KafkaTarget::recognize(const MirrorTable& table, const Wait& wait) {
  const std::string topic = topics_.name_of(table);
  if (topics_.exists(topic, wait)) return {{{"topic", topic}}, false};
  throw_other_topic(topic, table.schema.qualified(), "it is gone");  // A new one would look whole.
}

CopyPlan KafkaTarget::verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) {
  require_same(noted, recognize(table, wait), "topic " + topics_.name_of(table), {});
  // A row may have gone to the dead letters instead.
  check_written(topics_.name_of(table), table.schema.qualified(), setup_.sending.dead_letters ? 0 : rows_copied(ledger_, table.schema.id), wait);
  topics_.make_for(table, wait);  // Dead letters' topic, which is empty as long as no row is bad.
  keep_keys(topics_.name_of(table), wait);
  producer_->know(learn(table).route.topic, wait);
  return {CopyForm::text, std::vector<std::string>(table.schema.columns.size())};
}

/// "": none's, but of messages or events.
std::string KafkaTarget::table_of(const std::string& topic) const {
  for (const auto& [_, table] : tables_)
    if (table.route.topic.name == topic) return table.schema.qualified();
  return {};
}

/// That the topic is the one that was written to, as far as its ends tell.
void KafkaTarget::check_written(const std::string& topic, const std::string& table, std::uint64_t rows, const Wait& wait) {
  TopicEnds& known = ends_[topic];
  const std::vector<std::int64_t> found = topics_.ends(topic, wait);
  if (const std::string why = known.contradiction(found, rows); !why.empty()) throw_other_topic(topic, table, why);
  known.raise(found);
}

void KafkaTarget::keep_keys(const std::string& topic, const Wait& wait) {
  kafka::keep_keys(*producer_, setup_.ledger, topics_, topic, ends_[topic], {.mirror = mirror_.name, .table = table_of(topic)}, wait);
}

/// At once where a topic was written to for the first time, else now and then: what is noted need only not be more than is
/// there. Between two notes went_back() sees a topic that is made again.
void KafkaTarget::note_ends(const Wait& wait) {
  constexpr std::chrono::seconds kEvery{60};
  const bool first = std::ranges::any_of(ends_, [](const auto& each) { return each.second.unknown(); });
  if (first) producer_->settle(wait);
  for (const auto& [topic, ends] : ends_)
    if (!ends.went_back().empty()) throw_other_topic(topic, table_of(topic), ends.went_back());
  const auto now = std::chrono::steady_clock::now();
  if (!first && now < next_ends_) return;
  next_ends_ = now + kEvery;
  for (auto& [topic, ends] : ends_)
    if (ends.take_changed()) producer_->send(setup_.ledger, 0, std::string(kEndKeys) + topic, ends.text(), nullptr, wait);
}

void KafkaTarget::alter(const MirrorTable& from, const MirrorTable& to, const Wait&) { require_alterable(mappings_, from, to, topics_.name_of(to)), learn(to); }

/// Messages stay. Rows that were read since an older start may be gone, and no change will say so, for those of before the
/// new start are not applied: a TRUNCATE voids them (rules.md 9).
void KafkaTarget::restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) {
  const std::string chunks = chunk_keys(table.schema.id), own = chunks + to_string(table.start) + "/";
  bool older = false, same = false;
  for (auto at = ledger_.chunks.lower_bound(chunks); at != ledger_.chunks.end() && at->first.starts_with(chunks); ++at)
    (at->first.starts_with(own) ? same : older) = true;
  const auto [known, fresh] = starts_.emplace(table.schema.id, table.start);
  if (!fresh) (known->second == table.start ? same : older) = true;
  known->second = table.start;
  if (!same && older) send_void(table, wait);
}

/// A topic's messages cannot be exchanged: all that a consumer has of the table is void, and the rows come again.
TargetIdentity KafkaTarget::create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) {
  const std::string topic = topics_.name_of(table);
  const std::uint64_t rows = setup_.sending.dead_letters ? 0 : rows_copied(ledger_, table.schema.id);
  if (!ends_[topic].went_back().empty() || !ends_[topic].contradiction(topics_.ends(topic, wait), rows).empty())
    forget_topic(*producer_, setup_.ledger, ledger_, topic, ends_[topic], table.schema.id, wait);
  starts_[table.schema.id] = table.start;
  TargetIdentity identity = create(table, wait);
  send_void(table, wait);
  return identity;
}

Problems KafkaTarget::check_resync(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) {
  Problems problems = check_keyless(table, setup_.sending.exactly_once, topics_, wait);
  add_problem(problems, table.schema.qualified(), [&] { refuse_names(*route_of("", table).encoder, !topics_.event_topic().empty()); });
  std::ranges::move(mappings_.check_apart(table), std::back_inserter(problems));
  return problems;
}

void KafkaTarget::send_void(const MirrorTable& table, const Wait& wait) {
  ordinal_ = 0;
  producer_->begin(wait);
  const Message voided{.kind = Kind::truncate, .row = {}, .checkpoint = table.start.value, .sent_us = unix_us()};
  send_event(learn(table), Kind::truncate, table.start, voided, wait);
  producer_->commit(wait);
}

KafkaTarget::Table& KafkaTarget::learn(const MirrorTable& table) {
  Table& known = tables_[table.schema.id];
  known.route.topic.keyed = topics_.of(topics_.name_of(table)).keyed;
  if (known.route.encoder && known.schema == table.schema) return known;
  known.schema = table.schema;
  known.route = route_of(topics_.name_of(table), table);
  known.route.topic.ends = &ends_[known.route.topic.name];
  known.old_row.assign(table.schema.columns.size(), CellView{});
  refuse_names(*known.route.encoder, !events_.name.empty());
  return known;
}

Route KafkaTarget::route_of(const std::string& topic, const MirrorTable& table) const {
  const TableSchema schema = mappings_.renamed(table).schema;  // Messages name columns as the mapping does.
  Route route{topics_.of(topic), topics_.of(topics_.dead_letters_of(topic)),
              make_encoder(schema, format_, {mirror_.name, mirror_.source_database})};
  if (!schema.name.empty()) route.topic.table = route.dead_letters.table = schema.qualified();
  return route;
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
  std::chrono::nanoseconds committing{0};
  if (!tail || !batch.commit_ends().empty() || batch.whole_messages() > 0) {
    if (!producer_->open()) producer_->begin(context.wait);
    send_range(batch, 0, whole, batch.whole_messages(), context.wait);
    const auto before = Blocked::so_far();
    commit_to(batch.complete_to(), context.wait);
    committing = Blocked::so_far() - before;
  }
  if (tail) {
    if (!producer_->open()) producer_->begin(context.wait);
    send_range(batch, whole, batch.size(), batch.messages().size(), context.wait);
  }
  return {.applied = Applied{position_}, .durable = Durable{position_}, .committing = committing};
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
  sender_->send_logical(*producer_, messages_, message, {given.prefix, given.content, given.transactional},
                        {.kind = Kind::message, .lsn = given.version.commit, .xid = given.xid, .ordinal = given.transactional ? ordinal_++ : 0},
                        wait);
}

void KafkaTarget::send_change(const Batch& batch, std::size_t index, const TransactionView& transaction, const Wait& wait) {
  const ChangeView& change = batch.changes()[index];
  Table& table = *of_batch_[change.table];
  Message message{.kind = Kind::insert,
                  .row = change.row,
                  .old_row = change.old_row,
                  .checkpoint = change.version.change.value,
                  .commit_time_us = transaction.commit_time_us,
                  .xid = transaction.xid,
                  .sent_us = sent_us_};
  enter(change.version.commit);
  message.last_commit = last_commit_.value;
  const auto filled = unchanged_.row(index);
  if (!filled.empty()) message.row = filled, message.filled = unchanged_.missing(index);
  const auto send = [&](const Message& row) {
    sender_->send(*producer_, table.route, row,
                  {.kind = row.kind, .lsn = change.version.commit, .xid = row.xid, .ordinal = ordinal_++}, wait);
  };
  // In the flat format a message has one row, and without a key nothing tells whose place it takes.
  const bool apart = table.schema.keyless() && format_ == Format::flat;
  switch (change.kind) {
    case ChangeView::Kind::truncate:
      message.kind = Kind::truncate;
      return send_event(table, Kind::truncate, change.version.commit, message, wait);
    case ChangeView::Kind::remove: message.kind = Kind::remove; break;
    case ChangeView::Kind::insert: break;
    case ChangeView::Kind::update:
      message.kind = change.old_key.empty() && !apart ? Kind::update : Kind::insert;
      if (message.kind == Kind::update) break;
      // A key change is a delete of the old key and a create of the new one (rules.md 30).
      for (std::size_t k = 0; k < change.old_key.size(); ++k) table.old_row[table.schema.key[k]] = change.old_key[k];
      Message gone = message;
      gone.kind = Kind::remove, gone.row = apart ? change.old_row : table.old_row, gone.filled = {};
      send(gone);
      message.old_row = {};
  }
  send(message);
}

void KafkaTarget::send_event(Table& table, Kind kind, Lsn lsn, const Message& message, const Wait& wait) {
  value_.clear();
  table.route.encoder->value(message, value_);
  const Producer::Headers headers{.kind = kind, .lsn = lsn, .xid = message.xid, .ordinal = kind == Kind::horizon ? 0 : ordinal_++};
  const Topic& topic = table.route.topic;
  key_ = "{\"_peerd_event\":\"" + std::string(to_string(kind)) + "\"";
  if (!events_.name.empty()) {
    key_ += ",\"topic\":" + json_name(topic.name) + "}";
    producer_->send(events_, -1, key_, value_, &headers, wait);
    // As Debezium sends it where it is not skipped: once, with no key.
    if (kind == Kind::truncate && truncates_) producer_->send(topic, table.schema.keyless() ? 0 : -1, {}, value_, &headers, wait);
    return;
  }
  key_.push_back('}');
  const int partitions = producer_->client().partitions(topic.name, wait);
  if (partitions == 0) throw Error(error_text(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "sending to topic " + topic.name));
  for (int p = 0; p < partitions; ++p) producer_->send(topic, p, key_, value_, &headers, wait);
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
  note_ends(wait);
  producer_->send(setup_.ledger, 0, kPositionKey, position_value(position, announced), nullptr, wait);
  producer_->commit(wait);
  position_ = position;
  ledger_.horizon = announced;
  if (passed) horizon_ = Lsn{};
}

std::optional<Durable> KafkaTarget::position(const Wait&) {
  if (ledger_.position) return Durable{*ledger_.position};
  throw_no_position(setup_.ledger.name);
}

void KafkaTarget::set_position(Durable start, const Wait& wait) {
  producer_->begin(wait);
  commit_to(start.lsn, wait);
  ledger_.position = start.lsn;
}

void KafkaTarget::forget(const Wait& wait) {
  Client client(RD_KAFKA_PRODUCER, properties_of(peer_));
  client.cluster(wait);
  client.delete_topic(setup_.ledger.name, wait);
}

}  // namespace

std::unique_ptr<Target> make_kafka_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  return std::make_unique<KafkaTarget>(peer, mirror, lease);
}

}  // namespace peerd
