#include "postgres/wal_stream.h"

#include <algorithm>
#include <iterator>

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "peerd/postgres/types.h"
#include "postgres/inheritance.h"
#include "postgres/money.h"
#include "postgres/object_names.h"
#include "postgres/promotion.h"
#include "postgres/text_fault.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;
using Got = ChangeStream::Got;

constexpr std::size_t kPartBytes = 8 << 20;
constexpr auto kQuickStatus = 1s;  ///< After a confirmation.
constexpr auto kLookEvery = 15s;
constexpr unsigned kMessagesPerClock = 64;

std::int64_t now_us_since_2000() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count() - postgres::kEpochSeconds * 1'000'000;
}

/// What the walsender refuses, in words of the mirror.
[[noreturn]] void rethrow_for_mirror(const Error& error, const SourceNames& names) {
  ErrorText text = error.text;
  const bool of_publication = text.message.find("publication") != std::string::npos;
  if (text.origin == "42704" && of_publication) {
    text.code = ErrorCode::source_unfit;
    text.retry = Retry::after_operator;
    text.hint = "publication " + quote_identifier(names.publication) + " was dropped: " + kCopyAllAnew;
  } else if (text.origin == "42704" || text.origin == "55000" || text.origin == "58P01") {
    text.code = ErrorCode::position_lost;
    text.retry = Retry::after_operator;
    text.hint = std::string("the slot cannot be followed any more: ") + kCopyAllAnew;
  }
  throw Error(std::move(text));
}

/// The catalog shows of some tables only that they were written anew.
NewShape said_of_rewrite(MirrorTable table) {
  const std::string name = quote_identifier(table.schema.schema) + "." + quote_identifier(table.schema.name);
  return {.table = std::move(table),
          .commit = {},
          .words = "table " + name + " was written anew at the source, and nothing tells whether by VACUUM FULL, CLUSTER or "
                   "ALTER TABLE, or by SET UNLOGGED and SET LOGGED: what was changed between these two would not be in the "
                   "WAL, and be missing at the target",
          .hint = "if it was unlogged, RESYNC TABLE copies it anew; CREATE PUBLICATION ... FOR TABLE " + name +
                  " keeps it from being made unlogged, and this warning from coming again"};
}

/// Of tables whose stream begins.
std::map<std::uint32_t, std::string> children_of(const std::vector<MirrorTable>& begun, std::map<std::uint32_t, std::string> said) {
  std::erase_if(said, [&](const auto& one) {
    return std::ranges::none_of(begun, [&](const MirrorTable& table) { return table.schema.id.oid == one.first; });
  });
  return said;
}

/// The notes that a look has left, and what is said of them: in one, so that a stop in between tells all of it again.
NewShape renewed(MirrorTable table, const TrackedTable::Looked& found, Lsn inserted) {
  NewShape shape{.table = std::move(table), .commit = {}};
  if (!found.doubt.empty() || found.unread) shape.horizon = inserted;
  shape.words = found.doubt;
  for (const Said& said : found.said) {
    shape.words += (shape.words.empty() ? "" : "; ") + said.words;
    if (!said.hint.empty()) shape.hint = said.hint;
  }
  return shape;
}

}  // namespace

WalStream::WalStream(Setup setup, std::span<const MirrorTable> tables)
    : setup_(std::move(setup)), received_(setup_.from.value), confirmed_(setup_.from.value) {
  for (const MirrorTable& table : tables) {
    std::vector<std::string> exclude;
    for (const MappedTable& mapped : setup_.names.tables) {
      if (mapped.source.schema == table.schema.schema && mapped.source.name == table.schema.name)
        exclude = mapped.exclude;
    }
    tables_.emplace(table.schema.id.oid, TrackedTable(table, std::move(exclude)));
  }
}

std::unique_ptr<WalStream> WalStream::open(Setup setup, std::span<const MirrorTable> tables,
                                           postgres::Connection& control, const Wait& wait) {
  check_standing(control, setup.names.slot, wait);
  check_followable(read_slot(control, setup.names.slot, wait), setup.from);
  std::unique_ptr<WalStream> stream(new WalStream(std::move(setup), tables));
  Coverage coverage(stream->setup_.names, tables);
  coverage.look(control, wait);
  stream->coverage_.emplace(std::move(coverage), stream->setup_.ask_coverage, stream->setup_.names.mirror);
  std::vector<TableId> ids;
  for (const auto& [oid, table] : stream->tables_) ids.push_back({oid});
  stream->look(control, ids, Where::elsewhere, wait);
  check_money(control, stream->setup_.connect, tables, wait);
  // Once: not when the stream goes on.
  std::vector<MirrorTable> begun;
  std::ranges::copy_if(tables, std::back_inserter(begun), [&](const MirrorTable& table) { return stream->setup_.from <= table.start; });
  for (const auto& told : {told_by_name(control, begun, wait), children_of(begun, unmapped_children(control, tables, wait))})
    for (const auto& [oid, words] : told) stream->shapes_.push_back({stream->tables_.at(oid).noted(), Lsn{}, Lsn{}, words});
  const postgres::Result timeout =
      control.run("SELECT setting::bigint FROM pg_settings WHERE name = 'wal_sender_timeout'", wait);
  // A third of the time after which the server gives us up (rules.md 32).
  if (const std::int64_t ms = timeout.integer(0, 0); ms > 0) {
    stream->status_interval_ = std::min(stream->status_interval_, std::chrono::milliseconds(ms / 3 + 1));
  }
  stream->start(wait);
  return stream;
}

void WalStream::start(const Wait& wait) {
  const std::string statement = "START_REPLICATION SLOT " + quote_identifier(setup_.names.slot) + " LOGICAL " +
                                to_string(setup_.from) + " (proto_version '1', publication_names " +
                                quote_literal(quote_identifier(setup_.names.publication)) +
                                (setup_.names.message_prefixes.empty() ? ")" : ", messages 'true')");
  const Wait patience = wait.shorter(10s);
  for (;;) {
    connection_ = setup_.connect(true, wait);
    if (setup_.timeline != 0) require_timeline(*connection_, setup_.timeline, wait);
    try {
      connection_->start_replication(statement, wait);
      break;
    } catch (const Error& error) {
      // 55006: the walsender of a connection that died may hold the slot for a moment.
      if (error.text.origin != "55006" || patience.expired()) rethrow_for_mirror(error, setup_.names);
    }
    pause(200ms, wait, "waiting for the slot to be free");
  }
  next_status_ = std::chrono::steady_clock::now();
  next_look_ = next_status_ + kLookEvery;
}

/// What the WAL does not tell of the tables, or tells too late.
void WalStream::look(postgres::Connection& connection, std::span<const TableId> tables, Where where, const Wait& wait) {
  const auto looked = peerd::look_at(connection, tables, MissingValues::no, wait);
  const Lsn inserted = insert_position(connection, wait);  // What was seen was committed before it.
  for (const auto& [oid, now] : looked) {
    TrackedTable& table = tables_.at(oid);
    const Lsn received{received_.load(std::memory_order_relaxed)};
    const TrackedTable::Looked found = table.looked(now, inserted, received);
    if (found.perhaps_unlogged) shapes_.push_back(said_of_rewrite(table.noted()));
    if (found.renewed) shapes_.push_back(renewed(table.noted(), found, inserted));
    if (where == Where::between_transactions && !again_open_ && table.passed_all()) take_passed(connection, table, received, wait);
    if (table.due(Lsn{~0ull})) want_again(table);
  }
}

void WalStream::look_again(const std::stop_token& stop) {
  next_look_ = std::chrono::steady_clock::now() + kLookEvery;
  std::vector<TableId> ids;
  for (const auto& [oid, table] : tables_) ids.push_back({oid});
  try {
    const Wait wait = Wait::at_most(5s, stop);
    setup_.ask(wait, [&](postgres::Connection& source) {
      look(source, ids, Where::between_transactions, wait);
      setup_.streamed->any_runs(running_transactions(source, wait));
    });
    failed_looks_ = 0;
  } catch (const Error& error) {
    if (error.text.code == ErrorCode::schema_changed) throw;  // Else the next look finds what this one missed.
    constexpr unsigned kMostFailed = 12;  // Three minutes: what became of the tables would not be known for as long as it lasts.
    ErrorText text = error.text;
    text.message = "the source could not be asked what became of the tables: " + text.message;
    if (failed_looks_++ == 0) log(LogLevel::warning, text.message, {.mirror = setup_.names.mirror, .phase = "stream"});
    if (failed_looks_ < kMostFailed) {
      silence_.asked(std::chrono::steady_clock::now());
      return;
    }
    text.retry = Retry::later;
    throw Error(std::move(text));
  }
  silence_.asked(std::chrono::steady_clock::now());
}

/// Whoever altered the table before this transaction had ended, visibly, when it got its lock on the table. But this transaction
/// may have altered it itself, and be in the WAL and not yet visible (rules.md 18).
bool WalStream::shows_this(const Wait& wait) {
  const auto runs = [&](const RunningTransaction& running) { return running.xid == xid_; };
  return shown(wait, [&](const std::vector<RunningTransaction>& running) { return !std::ranges::any_of(running, runs); });
}

/// Waits for a moment until what the stream has sent is not among the transactions that run; false when it still is.
bool WalStream::shown(const Wait& wait, const std::function<bool(const std::vector<RunningTransaction>&)>& ended) {
  bool all = false;
  setup_.ask(wait, [&](postgres::Connection& source) {
    const Wait patience = wait.shorter(2s);
    for (auto delay = 1ms; !(all = ended(running_transactions(source, wait))) && !patience.expired();
         delay = std::min<std::chrono::milliseconds>(delay * 2, 50ms))
      pause(delay, wait, "waiting for the source to show what it has committed");
  });
  return all;
}

/// Before the first change in a shape that was announced.
void WalStream::look_before(TrackedTable& table) {
  const Wait wait = Wait::at_most(30s);
  // A commit that waits for a standby may do so for long: what it did is then seen a little later.
  const bool shows = shows_this(wait);
  if (!shows) next_look_ = std::chrono::steady_clock::now() + 1s;
  const TableId id = table.table().schema.id;
  setup_.ask(wait, [&](postgres::Connection& source) { look(source, {&id, 1}, Where::elsewhere, wait); });
  if (!shows) table.looked_too_early();
}

void WalStream::send_status(Reply reply) {
  told_ = Lsn{confirmed_.load(std::memory_order_relaxed)};
  const Lsn received{std::max(received_.load(std::memory_order_relaxed), told_.value)};
  const auto update = pgoutput::status_update(received, told_, now_us_since_2000(), reply == Reply::wanted);
  connection_->replication_write(update.view(), Wait::at_most(5s));
  const auto now = std::chrono::steady_clock::now();
  next_status_ = now + status_interval_;
  next_quick_status_ = now + kQuickStatus;
}

void WalStream::status_if_due(Clock::Instant now) {
  const bool confirmed = confirmed_.load(std::memory_order_relaxed) != told_.value;
  if (now >= (confirmed ? std::min(next_status_, next_quick_status_) : next_status_)) send_status();
}

void WalStream::keep_alive() { send_status(); }

void WalStream::listen_for_life(Clock::Instant now, const Wait& wait) {
  switch (silence_.after(now)) {
    case Silence::Step::none: return;
    case Silence::Step::ask: return send_status(Reply::wanted);
    case Silence::Step::judge: return silence_.judge(setup_.connect, connection_->backend_pid(), wait.stop);
  }
}

void WalStream::confirm(Stored position) noexcept {
  std::uint64_t before = confirmed_.load(std::memory_order_relaxed);
  while (before < position.lsn().value && !confirmed_.compare_exchange_weak(before, position.lsn().value)) {
  }
}

ChangeStream::Seen WalStream::seen() const noexcept {
  const Lsn received{received_.load(std::memory_order_relaxed)};
  return {received, received, Lsn{confirmed_.load(std::memory_order_relaxed)}};
}

std::optional<std::string_view> WalStream::next_message(const Wait& wait) {
  try {
    return connection_->replication_read({std::min({wait.until, next_status_, next_quick_status_}), wait.stop});
  } catch (const Error& error) {
    if (!is_text_fault(error)) rethrow_for_mirror(error, setup_.names);
    std::vector<const TableSchema*> schemas;
    for (const auto& [oid, table] : tables_) schemas.push_back(&table.table().schema);
    throw_text_fault(error, During::stream, schemas, setup_.ask, wait.stop);
  }
}

Got WalStream::read(BatchBuilder& into, const Wait& wait) {
  silence_.listening(std::chrono::steady_clock::now());
  if (!shapes_.empty()) return Got::shape;
  if (held_) {
    const pgoutput::Frame frame = *std::exchange(held_, std::nullopt);
    if (const auto got = take(frame, into)) return *got;
  }
  if (!in_transaction_ && !again_.empty()) {
    if (const auto got = read_again(into, wait.stop)) return *got;
  }
  for (unsigned count = 0;; ++count) {
    if (count % kMessagesPerClock == 0) {
      const auto now = std::chrono::steady_clock::now();
      if (wait.stop.stop_requested()) throw Stopped{};
      status_if_due(now);
      coverage_->check();
      if (!in_transaction_ && now >= next_look_) look_again(wait.stop);
      if (!shapes_.empty()) return Got::shape;
      if (count > 0 && now >= wait.until) return Got::idle;
    }
    const auto message = next_message(wait);
    if (!message) {
      const auto now = std::chrono::steady_clock::now();
      status_if_due(now);
      if (next_quick_status_ <= now) next_quick_status_ = now + 100ms;  // Nothing is confirmed: not to wake for it all the time.
      listen_for_life(now, wait);
      coverage_->check();
      if (!in_transaction_ && now >= next_look_) look_again(wait.stop);
      if (!shapes_.empty()) return Got::shape;
      if (now >= wait.until || woken_.exchange(false)) return Got::idle;
      continue;
    }
    silence_.heard();
    if (const auto got = take(pgoutput::decode_frame(*message), into)) return *got;
  }
}

std::optional<Got> WalStream::take(const pgoutput::Frame& frame, BatchBuilder& into) {
  if (frame.end.value > received_.load(std::memory_order_relaxed))
    received_.store(frame.end.value, std::memory_order_relaxed);
  if (frame.kind == pgoutput::Frame::Kind::keepalive) {
    // Within a transaction the position lies before its commit, and says nothing of what was sent of it.
    if (!in_transaction_ && end_again(frame.end, into)) into.moved(frame.end);
    if (frame.reply_wanted) send_status();
    return std::nullopt;
  }
  const std::optional<Got> got = take_message(decoder_.decode(frame.payload), frame.start, into);
  if (got == Got::shape) held_ = frame;
  return got;
}

std::optional<Got> WalStream::take_message(const pgoutput::Message& message, Lsn position, BatchBuilder& into) {
  using pgoutput::MessageKind;
  if (relation_before_ != 0) note_origin(message);
  switch (message.kind) {
    case MessageKind::begin:
      in_transaction_ = true;
      begun_ = false;
      commit_ = message.commit;
      commit_time_us_ = message.time_us + postgres::kEpochSeconds * 1'000'000;
      xid_ = message.xid;
      // Whoever starts at the commit's own position gets it again. One that lies just there ends both.
      if (!end_again(commit_, into)) {
        begun_ = true;
        part_bytes_ = 0;
        setup_.streamed->note(commit_, xid_);
      }
      return std::nullopt;
    case MessageKind::commit:
      in_transaction_ = false;
      if (!std::exchange(begun_, false)) {
        into.moved(message.end);
        return std::nullopt;
      }
      into.commit(message.end);
      if (again_ended_) again_open_ = false, end_again(message.end, into);
      return Got::commit;
    case MessageKind::insert:
    case MessageKind::update:
    case MessageKind::remove:
      return take_change(message, position, into);
    case MessageKind::truncate:
      return take_truncate(message, position, into);
    case MessageKind::relation:
      take_relation(message);
      relation_before_ = message.relation;
      return std::nullopt;
    case MessageKind::message:
      return take_logical(message, into);
    case MessageKind::origin:
    case MessageKind::type:
      return std::nullopt;
    default:
      throw Error(ErrorCode::peer_error, "the source sent a message of a protocol version that was not asked for");
  }
}

TrackedTable* WalStream::find(std::uint32_t oid) {
  if (oid == last_oid_) return last_found_;
  const auto found = tables_.find(oid);
  last_oid_ = oid;
  last_found_ = found == tables_.end() ? nullptr : &found->second;
  return last_found_;
}

void WalStream::begin_in(BatchBuilder& into) {
  if (begun_) return;
  begun_ = true;
  part_bytes_ = 0;
  setup_.streamed->note(commit_, xid_);
  into.begin(commit_time_us_, xid_);
}

std::optional<Got> WalStream::take_change(const pgoutput::Message& message, Lsn position, BatchBuilder& into) {
  TrackedTable* const table = find(message.relation);
  if (table == nullptr || commit_ < table->table().start) return std::nullopt;
  if (!table->settled(commit_) && table->unseen()) {
    look_before(*table);
    if (!shapes_.empty()) return Got::shape;
  }
  if (follow_shape(message, *table)) return Got::shape;
  begin_in(into);
  append_change(message, position, *table, into);
  return took(message.new_row.bytes.size() + message.old_row.bytes.size() + sizeof(ChangeView));
}

/// Counts what was appended of the open transaction.
std::optional<Got> WalStream::took(std::size_t bytes) {
  part_bytes_ += bytes;
  if (part_bytes_ < kPartBytes) return std::nullopt;
  part_bytes_ = 0;
  return Got::part;
}

std::optional<Got> WalStream::take_logical(const pgoutput::Message& message, BatchBuilder& into) {
  const auto& wanted = setup_.names.message_prefixes;
  if (message.name == kOwnMessages || std::ranges::none_of(wanted, [&](const std::string& prefix) { return prefix == "*" || prefix == message.name; }))
    return std::nullopt;
  const bool transactional = (message.flags & 1) != 0;
  if (transactional != in_transaction_)
    throw Error(ErrorCode::peer_error, "the source sent a logical message where none of its kind can be");
  if (transactional) begin_in(into);
  // Only Kafka takes messages, and it takes a position twice.
  if (!transactional && again_open_) into.commit(again_from_), again_open_ = false, end_again(again_from_, into);
  const std::string_view prefix = into.keep(message.name), content = into.keep(message.content);
  into.append_message(prefix, content, commit_, message.commit);
  // Outside of transactions the batch is complete with it, as with a commit.
  return transactional ? took(prefix.size() + content.size() + sizeof(MessageView)) : Got::commit;
}

std::optional<Got> WalStream::take_truncate(const pgoutput::Message& message, Lsn position, BatchBuilder& into) {
  for (const std::uint32_t oid : message.relations) {
    TrackedTable* const table = find(oid);
    if (table == nullptr) continue;
    table->truncated(xid_);
    if (commit_ < table->table().start) continue;
    begin_in(into);
    ChangeView change{};
    change.kind = ChangeView::Kind::truncate;
    change.table = into.table(table->table());
    change.version = {commit_, position};
    into.append(change);
  }
  return std::nullopt;
}

}  // namespace peerd
