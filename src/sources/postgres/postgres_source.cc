#include "peerd/sources/postgres_source.h"

#include "peerd/base/text.h"
#include "peerd/postgres/unique_rules.h"
#include "postgres/base_types.h"
#include "postgres/chunk_reader.h"
#include "postgres/coverage.h"
#include "postgres/describe.h"
#include "postgres/held_snapshot.h"
#include "postgres/money.h"
#include "postgres/named_tables.h"
#include "postgres/preflight.h"
#include "postgres/promotion.h"
#include "postgres/publication.h"
#include "postgres/replication_check.h"
#include "postgres/rights.h"
#include "postgres/row_lookup.h"
#include "postgres/shared_connections.h"
#include "postgres/slot.h"
#include "postgres/snapshot_plan.h"
#include "postgres/wal_stream.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 1s;  ///< For one of the shared connections, before another is opened.

postgres::ConnectOptions options_of(const PeerSpec& peer) {
  postgres::ConnectOptions options = postgres::connect_options(peer.options);
  options.options += " -c synchronous_commit=local";  // Nothing that peerd writes here is worth waiting for a standby.
  return options;
}

class PostgresSource final : public Source {
 public:
  PostgresSource(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease, SharedBySource& sharing)
      : options_(options_of(peer)),
        names_(source_names(mirror, lease)),
        streamed_(std::make_shared<StreamedTransactions>()),
        shared_(sharing.of(options_)) {
    slot_name_ = names_.slot;
  }

  Problems preflight(const Wait& wait) override {
    Problems problems = preflight_source(control(wait), names_, wait);
    if (auto problem = replication_unfit(control(wait), connector("preflight"), options_, wait)) problems.push_back(std::move(*problem));
    return problems;
  }

  std::vector<MirrorTable> describe(const Wait& wait) override {
    std::vector<MirrorTable> tables;
    for (const MappedTable& mapped : names_.tables) {
      tables.push_back(describe_table(control(wait), mapped, wait));
    }
    check_money(control(wait), connector("control"), tables, wait);
    note_coverage(control(wait), names_, tables, wait);
    read_unique(tables, wait);
    return tables;
  }

  void read_unique(std::span<MirrorTable> tables, const Wait& wait) override {
    for (MirrorTable& table : tables) {
      table.unique = postgres::read_unique_rules(control(wait), table.schema.id.oid, postgres::RulesOf::source, wait);
      table.types = read_types(control(wait), table.schema, wait);
    }
  }

  SourceIdentity identity(const Wait& wait) override {
    // A command of the replication protocol: the function with the same answer needs more rights.
    const auto connection = connector("identity")(true, wait);
    const postgres::Result system = connection->run("IDENTIFY_SYSTEM", wait);
    const postgres::Result database =
        connection->run("SELECT oid, datname, pg_is_in_recovery() FROM pg_database WHERE datname = current_database()", wait);
    if (database.boolean(0, 2)) throw_standby();
    timeline_ = static_cast<std::uint32_t>(system.integer(0, 1));
    return {std::stoull(system.string(0, 0)), static_cast<std::uint32_t>(system.integer(0, 1)),
            static_cast<std::uint32_t>(database.integer(0, 0)), database.string(0, 1)};
  }

  std::vector<NamedTable> tables_like(std::span<const TablePattern> patterns, std::span<const TableName> known, const Wait& wait) override {
    std::vector<NamedTable> tables;
    asker("tables", kPatience)(wait, [&](postgres::Connection& connection) { tables = named_tables(connection, patterns, known, wait); });
    return tables;
  }

  void check_promoted(const SourceIdentity& noted, const SourceIdentity& now, Lsn reached, Lsn from, const Wait& wait) override {
    peerd::check_promoted(*connector("history")(true, wait), control(wait), names_.slot,
                          {noted.timeline, now.timeline, reached, from}, wait);
  }

  void ensure_publication(const Wait& wait) override { peerd::ensure_publication(control(wait), names_, wait); }

  SlotStart ensure_slot(bool intended, const std::function<void(std::string)>& step, const Wait& wait) override {
    return peerd::ensure_slot(control(wait), connector("slot"), names_, intended, step, wait);
  }
  void await_settled(const std::function<void(std::string)>& step, const Wait& wait) override {
    await_transactions(control(wait), step, wait);
  }
  std::vector<Chunk> plan(const MirrorTable& table, CutBy by, std::uint64_t rows_per_chunk, const Wait& wait) override {
    try {
      return by == CutBy::key ? plan_key_ranges(control(wait), table, rows_per_chunk, wait)
                              : plan_chunks(control(wait), table, rows_per_chunk, wait);
    } catch (Error& error) {
      name_right(control(wait), error, table.schema, wait);
      throw;
    }
  }
  std::unique_ptr<ChunkReader> open_reader(const Wait&) override {
    return std::make_unique<PostgresChunkReader>(connector("snapshot"), names_.tables);
  }
  std::unique_ptr<HeldSnapshot> hold_snapshot(const std::function<void(std::string)>& step, const Wait& wait) override {
    return peerd::hold_snapshot(control(wait), connector("snapshot"), step, wait);
  }
  Lsn insert_position(const Wait& wait) override {
    // A quiet server's does not move: a copy that begins twice at one position would be taken for one.
    control(wait).run("SELECT pg_logical_emit_message(false, " + quote_literal(kOwnMessages) + ", '')", wait);
    return peerd::insert_position(control(wait), wait);
  }

  std::unique_ptr<ChangeStream> open_stream(Lsn from, std::span<const MirrorTable> tables, Lsn shaped_at,
                                            const Wait& wait) override {
    shared_->outdate();
    auto stream = WalStream::open({names_, connector("stream"), asker("look", kPatience), asker("coverage", kPatience), streamed_,
                                   from, shaped_at, timeline_}, tables, control(wait), wait);
    control_.reset();  // Nothing is asked while the stream runs: an idle mirror holds the stream's connection alone.
    return stream;
  }
  std::unique_ptr<RowLookup> open_lookup(const Wait&) override {
    return std::make_unique<PostgresRowLookup>(asker("lookup", 0s), streamed_);  // The target waits for what is missing.
  }
  std::vector<std::uint32_t> running(const Wait& wait) override {
    std::vector<std::uint32_t> xids;
    for (const RunningTransaction& transaction : running_transactions(control(wait), wait)) xids.push_back(transaction.xid);
    return xids;
  }
  void recall_sent(Lsn commit, std::uint32_t xid) override { streamed_->note(commit, xid); }
  SlotStatus slot_status(const Wait& wait) override { return slot_under(names_, wait); }
  SlotStatus slot_of(const MirrorSpec& mirror, const Lease& lease, const Wait& wait) override {
    return slot_under(source_names(mirror, lease), wait);
  }
  void check_slot(const std::string& slot, const Wait& wait) override {
    asker("slot", kPatience)(wait, [&](postgres::Connection& connection) { check_standing(connection, slot, wait); });
  }

  Belongings belongings(bool slot_intended) const override {
    Belongings made;
    if (slot_intended) {
      made.words = "replication slot " + quote_identifier(names_.slot);
      made.cure = "SELECT pg_drop_replication_slot(" + quote_literal(names_.slot) + ")";
    }
    if (names_.own_publication) {
      const std::string name = quote_identifier(names_.publication);
      made.words += (made.words.empty() ? "" : " and ") + ("publication " + name);
      made.cure += (made.cure.empty() ? "" : "; ") + ("DROP PUBLICATION IF EXISTS " + name);
    }
    return made;
  }
  void drop(bool slot_intended, const Wait& wait) override {
    if (slot_intended) drop_slot(control(wait), names_, wait);
    drop_publication(control(wait), names_, wait);
  }

 private:
  SlotStatus slot_under(const SourceNames& names, const Wait& wait) {
    SlotStatus status;
    shared_->ask(names.application_name("slot"), kPatience, wait, [&](postgres::Connection& connection) {
      status = read_slot(connection, names.slot, wait);
      if (!status.exists) return;
      note_standby(connection, names, status, wait);
      note_failover(status);
    });
    return status;
  }
  Connect connector(std::string_view role) const {
    postgres::ConnectOptions options = options_;
    options.application_name = names_.application_name(role);
    return [options, timeline = timeline_](bool replication, const Wait& wait) mutable {
      options.replication = replication;
      auto connection = postgres::Connection::open(options, wait);
      // One that replicates is asked, or asks, for itself.
      if (!replication && timeline != 0) require_timeline(*connection, timeline, wait);
      return connection;
    };
  }
  Ask asker(std::string_view role, std::chrono::milliseconds patience) const {
    return [shared = shared_, name = names_.application_name(role), patience, timeline = timeline_](
               const Wait& wait, const SharedConnections::Question& question) {
      shared->ask(name, patience, wait, [&](postgres::Connection& connection) {
        if (timeline != 0) require_timeline(connection, timeline, wait);
        question(connection);
      });
    };
  }
  postgres::Connection& control(const Wait& wait) {
    if (!control_ || control_->broken()) control_ = connector("control")(false, wait);
    return *control_;
  }

  const postgres::ConnectOptions options_;
  const SourceNames names_;
  const std::shared_ptr<StreamedTransactions> streamed_;
  const std::shared_ptr<SharedConnections> shared_;
  std::unique_ptr<postgres::Connection> control_;
  std::uint32_t timeline_ = 0;  ///< As identity() saw it last; 0 = it was not asked.
};

}  // namespace

MakeSource postgres_sources() {
  return [sharing = std::make_shared<SharedBySource>()](const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
    return std::make_unique<PostgresSource>(peer, mirror, lease, *sharing);
  };
}

}  // namespace peerd
