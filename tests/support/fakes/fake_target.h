#pragma once

#include <memory>
#include <utility>

#include "peerd/specs/mirror_spec.h"
#include "support/fakes/copy_text.h"
#include "support/fakes/target_store.h"

namespace peerd::fakes {

class FakeChunkWriter : public ChunkWriter {
 public:
  FakeChunkWriter(std::shared_ptr<TargetStore> store, Lease lease)
      : store_(std::move(store)), lease_(std::move(lease)) {}

  Begun begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan&, CopyCounts& known,
              const Wait& wait) override {
    store_->enter("begin_chunk", &wait);
    Lock lock(store_->mutex_);
    table_ = table;
    chunk_ = chunk;
    rows_.clear();
    const auto found = store_->ledger_.find({chunk.table, chunk.start, chunk.number});
    if (!store_->transactional_ || found == store_->ledger_.end()) return Begun::ready;
    known = found->second;
    return Begun::known_done;
  }
  void write(std::span<const std::byte> rows, const Wait& wait) override {
    store_->enter("write_chunk", &wait);
    rows_.append(reinterpret_cast<const char*>(rows.data()), rows.size());
  }
  CopyCounts finish(const Wait& wait) override {
    store_->enter("finish_chunk", &wait);
    CopyCounts counts{0, rows_.size()};
    {
      Lock lock(store_->mutex_);
      store_->check_epoch(lease_);
      TargetStore::Table& table = store_->tables_.at(table_.target_name);
      for (Cells& cells : parse_copy(rows_)) {
        Cells key;
        for (const std::uint16_t column : table_.schema.key) key.push_back(cells.at(column));
        TargetStore::Row& row = table.rows[key];
        const RowVersion version{table_.start, Lsn{0}};
        if (row.version <= version) row = {version, false, std::move(cells)};
        ++counts.rows;
      }
      if (store_->transactional_) store_->ledger_[{chunk_.table, chunk_.start, chunk_.number}] = counts;
      store_->changed_.notify_all();
    }
    store_->enter("commit_chunk", &wait);
    return counts;
  }

 private:
  std::shared_ptr<TargetStore> store_;
  const Lease lease_;
  MirrorTable table_;
  Chunk chunk_;
  std::string rows_;
};

/// A Target over a TargetStore.
class FakeTarget : public Target {
 public:
  FakeTarget(std::shared_ptr<TargetStore> store, Lease lease) : store_(std::move(store)), lease_(std::move(lease)) {}

  Problems preflight(std::span<const MirrorTable>, const Wait& wait) override {
    store_->enter("preflight", &wait);
    Lock lock(store_->mutex_);
    return store_->problems_;
  }
  void open(const Wait& wait) override {
    store_->enter("open", &wait);
    Lock lock(store_->mutex_);
    std::uint64_t& epoch = store_->epochs_[lease_.uuid];
    if (epoch > lease_.epoch) throw Error(ErrorCode::fenced, "another process owns the mirror at the target");
    epoch = lease_.epoch;
  }
  TargetIdentity identity(const Wait& wait) override {
    store_->enter("identity", &wait);
    Lock lock(store_->mutex_);
    return {{{"server", store_->server_}}, false};
  }
  TargetIdentity create(const MirrorTable& table, const Wait& wait) override {
    store_->enter("create", &wait);
    Lock lock(store_->mutex_);
    if (!store_->tables_.contains(table.target_name)) store_->tables_[table.target_name].uuid = "a table";
    widen(table);
    return {{{"uuid", store_->tables_[table.target_name].uuid}}, true};
  }
  TargetIdentity recognize(const MirrorTable& table, const Wait& wait) override {
    store_->enter("recognize", &wait);
    Lock lock(store_->mutex_);
    return {{{"uuid", standing(table).uuid}}, false};
  }
  CopyPlan verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) override {
    store_->enter("verify", &wait);
    Lock lock(store_->mutex_);
    require_same(noted, {{{"uuid", standing(table).uuid}}, false}, "table " + table.target_name, {});
    return {CopyForm::text, std::vector<std::string>(table.schema.columns.size())};
  }
  void alter(const MirrorTable&, const MirrorTable& to, const Wait& wait) override {
    store_->enter("alter", &wait);
    Lock lock(store_->mutex_);
    standing(to);
    widen(to);
  }
  void restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) override {
    store_->enter("restart_copy", &wait);
    Lock lock(store_->mutex_);
    store_->check_epoch(lease_);
    if (const auto own = store_->tables_.find(table.target_name); own != store_->tables_.end()) own->second.rows.clear();
    std::erase_if(store_->ledger_,
                  [&](const auto& chunk) { return std::get<TableId>(chunk.first) == table.schema.id; });
  }
  std::string shadow_of(const MirrorTable& table) const override { return "shadow of " + table.target_name; }
  Problems check_resync(const MirrorTable&, const std::optional<TargetIdentity>&, const Wait& wait) override {
    store_->enter("check_resync", &wait);
    Lock lock(store_->mutex_);
    return store_->problems_;
  }
  TargetIdentity create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) override {
    store_->enter("create_shadow", &wait);
    Lock lock(store_->mutex_);
    store_->check_epoch(lease_);
    TargetStore::Table& shadow = store_->tables_[shadow_of(table)] = {};
    shadow.uuid = "a copy from " + to_string(table.start);
    shadow.shape = table;
    std::erase_if(store_->ledger_,
                  [&](const auto& chunk) { return std::get<TableId>(chunk.first) == table.schema.id; });
    return {{{"uuid", shadow.uuid}}, true};
  }
  TargetIdentity swap(const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) override {
    store_->enter("swap", &wait);
    {
      Lock lock(store_->mutex_);
      store_->check_epoch(lease_);
      const auto copy = store_->tables_.find(shadow_of(table));
      if (copy != store_->tables_.end()) {
        store_->tables_[table.target_name] = std::move(copy->second);
        store_->tables_.erase(copy);
      }
      store_->changed_.notify_all();
      require_same(shadow, {{{"uuid", store_->tables_.at(table.target_name).uuid}}, true}, table.target_name, {});
    }
    store_->enter("swapped", &wait);
    return shadow;
  }
  std::unique_ptr<ChunkWriter> open_writer(const Wait& wait) override {
    store_->enter("open_writer", &wait);
    return std::make_unique<FakeChunkWriter>(store_, lease_);
  }
  void end_copy(const MirrorTable&, const Wait& wait) override { store_->enter("end_copy", &wait); }

  ApplyResult apply(const Batch& batch, const ApplyContext& context) override {
    store_->enter("apply", &context.wait);
    if (!open_) {
      Lock lock(store_->mutex_);
      open_ = store_->tables_;
    }
    for (const ChangeView& change : batch.changes()) apply_change(batch.tables()[change.table], change, context);
    if (!batch.open_tail() || !store_->transactional_) {
      Lock lock(store_->mutex_);
      store_->check_epoch(lease_);
      store_->tables_ = std::move(*open_);
      open_.reset();
      if (store_->transactional_) store_->positions_[lease_.uuid] = batch.complete_to();
      if (store_->trails_) store_->horizons_[lease_.uuid] = context.horizons.highest();
      store_->applied_ = std::max(store_->applied_, batch.complete_to());
      store_->changed_.notify_all();
    }
    store_->enter("commit", &context.wait);
    Lock lock(store_->mutex_);
    const Durable durable{store_->trails_ ? store_->settled_positions_[lease_.uuid] : batch.complete_to()};
    return {Applied{batch.complete_to()}, durable};
  }
  std::optional<Durable> settle(const Wait& wait) override {
    store_->enter("settle", &wait);
    Lock lock(store_->mutex_);
    if (!store_->trails_) return std::nullopt;
    store_->settle();
    return Durable{store_->positions_[lease_.uuid]};
  }
  std::optional<Lsn> kept_horizon(const Wait& wait) override {
    store_->enter("kept_horizon", &wait);
    Lock lock(store_->mutex_);
    const auto found = store_->horizons_.find(lease_.uuid);
    return found == store_->horizons_.end() ? std::nullopt : std::optional(found->second);
  }
  void keep_horizon(Lsn horizon, const Wait& wait) override {
    store_->enter("keep_horizon", &wait);
    Lock lock(store_->mutex_);
    if (store_->trails_) store_->horizons_[lease_.uuid] = horizon;
  }

  std::optional<Durable> position(const Wait& wait) override {
    store_->enter("position", &wait);
    Lock lock(store_->mutex_);
    const auto found = store_->positions_.find(lease_.uuid);
    if (!store_->transactional_ || found == store_->positions_.end()) return std::nullopt;
    if (store_->trails_) store_->settle();
    return Durable{found->second};
  }
  std::optional<Lsn> reached(std::span<const MirrorTable> tables, const Wait& wait) override {
    if (store_->transactional_) return Target::reached(tables, wait);
    Lock lock(store_->mutex_);
    Lsn most;
    for (const MirrorTable& table : tables)
      for (const auto& [key, row] : store_->tables_[table.target_name].rows) most = std::max(most, Lsn{row.version.commit.value + 1});
    return most;
  }
  void set_position(Durable start, const Wait& wait) override {
    store_->enter("set_position", &wait);
    Lock lock(store_->mutex_);
    if (store_->transactional_) store_->positions_[lease_.uuid] = start.lsn;
  }
  void release(const MirrorTable&, const Wait& wait) override { store_->enter("release", &wait); }
  void forget(const Wait& wait) override {
    store_->enter("forget", &wait);
    Lock lock(store_->mutex_);
    store_->epochs_.erase(lease_.uuid);
    store_->positions_.erase(lease_.uuid);
    store_->ledger_.clear();
  }
  std::chrono::milliseconds flush_interval() const noexcept override {
    Lock lock(store_->mutex_);
    return store_->flush_interval_;
  }

 private:
  TargetStore::Table& standing(const MirrorTable& table) {
    const auto found = store_->tables_.find(table.target_name);
    if (found == store_->tables_.end())
      throw Error(ErrorText{.code = ErrorCode::target_unfit, .message = "table " + table.target_name + " is gone at the target",
                            .table = table.schema.qualified()});
    return found->second;
  }
  void widen(const MirrorTable& table) {
    TargetStore::Table& of = store_->tables_.at(table.target_name);
    const auto& columns = table.schema.columns;
    for (auto& [key, row] : of.rows)
      for (std::size_t i = row.cells.size(); i < columns.size(); ++i) row.cells.push_back(columns[i].missing_value);
    of.shape = table;
  }
  void apply_change(const MirrorTable& table, const ChangeView& change, const ApplyContext& context) {
    TargetStore::Table& of = (*open_)[table.target_name];
    {
      Lock lock(store_->mutex_);
      if (const auto refused = store_->refused_.find(table.target_name); refused != store_->refused_.end()) throw Error(refused->second);
    }
    if (change.kind == ChangeView::Kind::truncate) {
      for (auto& [key, row] : of.rows)
        if (row.version < change.version) row.removed = true;
      return;
    }
    Cells key, old_key;
    for (const std::uint16_t column : table.schema.key) key.emplace_back(change.row[column].bytes);
    for (const CellView& cell : change.old_key) old_key.emplace_back(cell.bytes);
    TargetStore::Row row{change.version, change.kind == ChangeView::Kind::remove, {}};
    if (!row.removed && !cells_of(of, table, change, old_key.empty() ? key : old_key, context, row.cells))
      row.removed = true;
    if (!old_key.empty()) put(of, old_key, {change.version, true, {}});
    put(of, key, std::move(row));
  }
  static void put(TargetStore::Table& table, const Cells& key, TargetStore::Row row) {
    TargetStore::Row& old = table.rows[key];
    if (old.version <= row.version) old = std::move(row);
  }

  /// False when the row has values that were not sent and is gone everywhere. Above the horizon a missing value is the
  /// target's own, else the source's, by the new key (rules.md 14, 16, 17).
  bool cells_of(const TargetStore::Table& of, const MirrorTable& table, const ChangeView& change, const Cells& base,
                const ApplyContext& context, Cells& cells) {
    std::vector<std::uint16_t> missing;
    for (std::size_t i = 0; i < change.row.size(); ++i) {
      const CellView& cell = change.row[i];
      if (cell.kind == CellView::Kind::unchanged) missing.push_back(static_cast<std::uint16_t>(i));
      cells.push_back(cell.kind == CellView::Kind::text ? std::optional(std::string(cell.bytes)) : std::nullopt);
    }
    if (missing.empty()) return true;
    std::vector<CellView> key;
    for (const std::uint16_t column : table.schema.key) key.push_back(change.row[column]);
    const auto row = of.rows.find(base);
    if (row != of.rows.end() && !row->second.removed &&
        !context.horizons.below(table.schema.id, key, change.version.commit)) {
      for (const std::uint16_t column : missing) cells[column] = row->second.cells[column];
      return true;
    }
    struct Found : RowFound {
      void operator()(std::size_t, std::span<const CellView> found) override {
        any = true;
        for (std::size_t i = 0; i < found.size(); ++i)
          into[columns[i]] =
              found[i].kind == CellView::Kind::text ? std::optional(std::string(found[i].bytes)) : std::nullopt;
      }
      Found(Cells& into, const std::vector<std::uint16_t>& columns) : into(into), columns(columns) {}
      Cells& into;
      const std::vector<std::uint16_t>& columns;
      bool any = false;
    } found(cells, missing);
    const std::span<const CellView> keys[] = {key};
    const Lsn seen = context.source_rows.fetch(table, keys, missing, change.version.commit, context.wait, found);
    context.horizons.raise_key(table.schema.id, key, seen);
    return found.any;
  }

  std::shared_ptr<TargetStore> store_;
  const Lease lease_;
  std::optional<TargetStore::Tables> open_;  ///< With the changes of a transaction whose end has not come.
};

}  // namespace peerd::fakes
