#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/changes/progress.h"
#include "peerd/targets/target.h"
#include "support/fakes/fake_server.h"

namespace peerd::fakes {

/// A database in memory that FakeTargets write to: rows by key, each with its version; the highest version stands.
/// Transactional ones keep position and ledger themselves, as Postgres does. Operations that can be stalled or fail:
/// preflight identity open create recognize verify alter restart_copy open_writer begin_chunk finish_chunk end_copy apply commit position set_position
/// settle forget. "commit" lies after the rows stand: a failure there is a lost answer.
class TargetStore : public FakeServer {
 public:
  explicit TargetStore(bool transactional) : transactional_(transactional) {}

  struct Row {
    RowVersion version;
    bool removed = false;
    Cells cells;
  };
  struct Table {
    MirrorTable shape;
    std::map<Cells, Row> rows;
    std::string uuid;  ///< Of this incarnation of the table.
  };
  using Tables = std::map<std::string, Table>;  ///< By target name.

  /// What a reader sees: rows that are not marked as removed.
  std::multiset<Cells> rows(const std::string& table) const {
    Lock lock(mutex_);
    std::multiset<Cells> rows;
    if (const auto found = tables_.find(table); found != tables_.end())
      for (const auto& [key, row] : found->second.rows)
        if (!row.removed) rows.insert(row.cells);
    return rows;
  }
  bool has_table(const std::string& table) const {
    Lock lock(mutex_);
    return tables_.contains(table);
  }
  Lsn applied() const {
    Lock lock(mutex_);
    return applied_;
  }
  void wait_until_applied(Lsn position) {
    wait_until([&] { return applied_ >= position; }, "applied " + to_string(position));
  }
  void wait_until_rows(const std::string& table, std::size_t count) {
    wait_until([&] { return tables_.contains(table) && tables_[table].rows.size() >= count; }, "rows of " + table);
  }
  void set_problems(Problems problems) {
    Lock lock(mutex_);
    problems_ = std::move(problems);
  }
  /// Changes of this table are refused from here on; without an error they are taken again.
  void refuse(const std::string& table, std::optional<Error> error) {
    Lock lock(mutex_);
    refused_.erase(table);
    if (error) refused_.emplace(table, *error);
  }
  void set_flush_interval(std::chrono::milliseconds interval) {
    Lock lock(mutex_);
    flush_interval_ = interval;
  }
  /// From here on rows are durable only with settle(), and horizons commit with them, as at a Postgres target.
  void trail() {
    Lock lock(mutex_);
    trails_ = true;
    settle();
  }
  /// Whatever was not settled is gone, and so is every connection.
  void crash() {
    Lock lock(mutex_);
    tables_ = settled_tables_;
    positions_ = settled_positions_;
    horizons_ = settled_horizons_;
  }
  /// Its backup of an earlier moment was restored.
  void set_back(Lsn position) {
    Lock lock(mutex_);
    for (auto& [uuid, own] : positions_) own = position;
  }
  /// The server is another one now, with nothing on it.
  void rebuild() {
    Lock lock(mutex_);
    server_ = "another server";
    tables_.clear();
  }
  void drop_table(const std::string& table) {
    Lock lock(mutex_);
    tables_.erase(table);
  }
  /// The table is dropped and made again, empty.
  void make_again(const std::string& table) {
    Lock lock(mutex_);
    tables_.at(table).rows.clear();
    tables_.at(table).uuid += " again";
  }
  std::size_t known_chunks() const {
    Lock lock(mutex_);
    return ledger_.size();
  }
  bool knows(const std::string& uuid) const {
    Lock lock(mutex_);
    return epochs_.contains(uuid);
  }

 private:
  friend class FakeTarget;
  friend class FakeChunkWriter;
  using ChunkKey = std::tuple<TableId, Lsn, std::uint32_t>;

  /// REQUIRES: mutex_ is held.
  void check_epoch(const Lease& lease) const {
    const auto found = epochs_.find(lease.uuid);
    if (found == epochs_.end() || found->second != lease.epoch)
      throw Error(ErrorCode::fenced, "another process owns the mirror at the target");
  }

  /// REQUIRES: mutex_ is held.
  void settle() {
    settled_tables_ = tables_;
    settled_positions_ = positions_;
    settled_horizons_ = horizons_;
  }

  const bool transactional_;
  bool trails_ = false;
  std::string server_ = "a server";
  Tables tables_;
  std::map<ChunkKey, CopyCounts> ledger_;
  std::map<std::string, std::uint64_t> epochs_;  ///< By mirror uuid.
  std::map<std::string, Lsn> positions_, horizons_;
  Tables settled_tables_;
  std::map<std::string, Lsn> settled_positions_, settled_horizons_;
  Problems problems_;
  std::map<std::string, Error> refused_;
  Lsn applied_;
  std::chrono::milliseconds flush_interval_{0};
};

}  // namespace peerd::fakes
