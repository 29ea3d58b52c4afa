#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "file_lock.h"
#include "peerd/base/mutex.h"
#include "peerd/catalog/alert_store.h"
#include "peerd/catalog/catalog.h"
#include "peerd/catalog/tag_store.h"
#include "peerd/sqlite/sqlite.h"
#include "statements.h"

namespace peerd {

/// The catalog on one SQLite file. Every public method takes the one mutex for one transaction.
class SqlCatalog : public Catalog, public AlertStore, public TagStore {
 public:
  SqlCatalog(const std::string& path, SecretBox secrets, OptionTables tables);

  // Definitions: definitions.cc, leases.cc.
  Put put_peer(const PeerSpec& peer, Replace replace) override;
  std::optional<PeerSpec> peer(std::string_view name) override;
  std::vector<PeerSpec> peers() override;
  std::vector<PeerRecord> peer_records() override;
  void drop_peer(std::string_view name) override;
  Put put_mirror(const MirrorSpec& mirror) override;
  std::optional<MirrorRecord> mirror(std::string_view name) override;
  std::optional<MirrorRecord> mirror(MirrorId id) override;
  std::vector<MirrorRecord> mirrors() override;
  void move(MirrorId id, MirrorState from, MirrorState to, std::string_view reason, std::optional<bool> receives) override;
  void change_mirror(MirrorId id, const MirrorSpec& spec) override;
  bool unmap(MirrorId id, const std::vector<std::string>& sources) override;
  void set_resume_to(MirrorId id, MirrorState phase) override;
  void delete_mirror(MirrorId id) override;
  std::optional<Lease> lease(MirrorId id, std::string_view owner, std::chrono::seconds duration) override;

  // Progress: progress.cc; what users read of it: journal.cc.
  MirrorProgress progress(MirrorId mirror) override;
  void note_source(const Lease& lease, const SourceIdentity& identity) override;
  void intend_slot(const Lease& lease) override;
  void forget_slot(const Lease& lease) override;
  void begin(const Lease& lease, const SlotStart& slot, const SourceIdentity& identity) override;
  void set_tables(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at) override;
  void plan(const Lease& lease, const MirrorTable& table, std::span<const Chunk> chunks) override;
  void chunk_done(const Lease& lease, const Chunk& chunk, CopyCounts counts) override;
  std::vector<ChunkRecord> chunks(MirrorId mirror) override;
  void moved(const Lease& lease, TableId table) override;
  void copied(const Lease& lease, TableId table, Lsn horizon) override;
  void park(const Lease& lease, TableId table, const ParkedTable& parked) override;
  void ask_resync(MirrorId mirror, std::span<const TableId> tables) override;
  void begin_resync(const Lease& lease, TableId before, const MirrorTable& table) override;
  bool begin_swap(const Lease& lease, TableId table) override;
  void resynced(const Lease& lease, const MirrorTable& table, Lsn horizon, const std::string& shadow,
                const TargetIdentity& identity) override;
  void note_target(const Lease& lease, const std::string& name, const TargetIdentity& identity) override;
  Stored checkpoint(const Lease& lease, Durable durable, const BatchRecord& batch) override;
  Stored spooled(const Lease& lease, Spooled position) override;
  void took_shape(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at, std::uint64_t record) override;
  void log(MirrorId mirror, const LogRecord& record) override;
  std::vector<LogRecord> logs(MirrorId mirror) override;
  std::vector<BatchNote> batches(MirrorId mirror) override;

  // Figures over time: history.cc.
  void record(std::span<const Of> samples) override;
  void thin_history(std::span<const MirrorId> mirrors, std::int64_t now) override;
  std::vector<HistorySample> history(MirrorId mirror, std::int64_t step, std::int64_t bucket, std::int64_t from,
                                     std::int64_t to) override;

  // Alerts: alerts.cc.
  std::int64_t add_alert(const AlertConfig& config) override;
  bool replace_alert(const AlertConfig& config) override;
  bool drop_alert(std::int64_t id) override;
  std::optional<AlertConfig> alert(std::int64_t id) override;
  std::vector<AlertConfig> alerts() override;
  std::vector<OpenCause> open_causes() override;
  void put_cause(const OpenCause& cause) override;
  void drop_cause(std::int64_t config, std::string_view mirror, std::string_view cause) override;

  // tags.cc.
  void put_tags(MirrorId mirror, const Tags& tags) override;
  Tags tags(MirrorId mirror) override;

 private:
  /// One use of a prepared statement, reset at its end so that it holds no lock.
  class Rows {
   public:
    Rows(sqlite::Statement& statement, std::initializer_list<sqlite::Value> values);
    ~Rows() { statement_.reset(); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    bool next() { return statement_.step(); }
    std::int64_t integer(int column) const { return statement_.integer(column); }
    std::string text(int column) const { return statement_.text(column); }

   private:
    sqlite::Statement& statement_;
  };
  Rows ask(Sql statement, std::initializer_list<sqlite::Value> values) PEERD_REQUIRES(mutex_);
  int run(Sql statement, std::initializer_list<sqlite::Value> values) PEERD_REQUIRES(mutex_);  ///< Rows changed.
  std::int64_t next_id(std::string_view counter) PEERD_REQUIRES(mutex_);
  /// Throws Error(fenced) when a write that names the epoch matched nothing.
  static void require_lease(int changed);
  void put_source(const Lease& lease, const SourceIdentity& identity) PEERD_REQUIRES(mutex_);

  std::optional<PeerRecord> find_peer(std::string_view name) PEERD_REQUIRES(mutex_);
  PeerRecord read_peer(const Rows& rows) const;
  std::vector<std::string> users_of(std::string_view peer) PEERD_REQUIRES(mutex_);
  std::optional<MirrorRecord> find_mirror(Sql statement, const sqlite::Value& value) PEERD_REQUIRES(mutex_);
  static MirrorRecord read_record(const Rows& rows);
  std::vector<MirrorTable> read_tables(MirrorId mirror, std::vector<MirrorProgress::TableNote>* notes)
      PEERD_REQUIRES(mutex_);
  std::vector<AlertConfig> read_alerts() PEERD_REQUIRES(mutex_);
  void put_tables(const Lease& lease, std::span<const MirrorTable> tables, Lsn shaped_at) PEERD_REQUIRES(mutex_);
  void forget_table(MirrorId mirror, const MirrorTable& table) PEERD_REQUIRES(mutex_);
  void require_readable_secrets(const std::string& path);

  // Constant after construction.
  std::unique_ptr<FileLock> lock_;
  const SecretBox secrets_;
  const OptionTables option_tables_;
  // Guarded by mutex_.
  Mutex mutex_;
  sqlite::Database database_ PEERD_GUARDED_BY(mutex_);
  std::vector<sqlite::Statement> statements_ PEERD_GUARDED_BY(mutex_);
};

std::int64_t wall_us();

/// "00000016/B374D848": sorts as the position does. "" is Lsn 0.
std::string lsn_text(Lsn lsn);
Lsn read_lsn(const std::string& text);

}  // namespace peerd
