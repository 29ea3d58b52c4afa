#pragma once

#include <memory>
#include <utility>

#include "peerd/sources/source.h"
#include "peerd/specs/mirror_spec.h"
#include "support/fakes/copy_text.h"
#include "support/fakes/source_server.h"

namespace peerd::fakes {

class FakeChunkReader : public ChunkReader {
 public:
  explicit FakeChunkReader(std::shared_ptr<SourceServer> server) : server_(std::move(server)) {}

  Opened open(const MirrorTable& table, const Chunk& chunk, const CopyPlan&, const Wait& wait) override {
    server_->enter("read_chunk", &wait);
    Lock lock(server_->mutex_);
    const auto found = server_->tables_.find(table.schema.qualified());
    if (found == server_->tables_.end()) return Opened::table_moved;
    if (server_->rewrites_always_) ++found->second.file_node;
    if (!chunk.range && found->second.file_node != chunk.file_node) return Opened::table_moved;
    const TableSchema& now = found->second.schema();
    rows_.clear();
    const auto& tuples = found->second.tuples;
    for (std::size_t i = chunk.first_block; i < tuples.size() && i < chunk.end_block; ++i) {
      if (!tuples[i]) continue;
      Cells cells;
      for (const Column& column : table.schema.columns) {
        std::size_t at = 0;
        while (at < now.columns.size() && now.columns[at].name != column.name) ++at;
        if (at == now.columns.size()) return Opened::table_moved;
        cells.push_back((*tuples[i])[at]);
      }
      rows_ += copy_line(cells);
    }
    if (now.columns.size() < table.schema.columns.size()) return Opened::table_moved;
    return Opened::ready;
  }
  std::span<const std::byte> read(const Wait& wait) override {
    server_->enter("read_rows", &wait);
    given_ = std::exchange(rows_, {});
    return std::as_bytes(std::span(given_));
  }

 private:
  std::shared_ptr<SourceServer> server_;
  std::string rows_, given_;
};

class FakeLookup : public RowLookup {
 public:
  explicit FakeLookup(std::shared_ptr<SourceServer> server) : server_(std::move(server)) {}

  Lsn fetch(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
            std::span<const std::uint16_t> columns, Lsn, const Wait& wait, RowFound& found) override {
    server_->enter("lookup", &wait);
    Lock lock(server_->mutex_);
    SourceServer::Table& of = server_->tables_.at(table.schema.qualified());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Cells key;
      for (const CellView& cell : keys[i]) key.emplace_back(cell.bytes);
      const auto* tuple = server_->find(of, key);
      if (!tuple) continue;
      std::vector<CellView> cells;
      for (const std::uint16_t column : columns) {
        const auto& value = (**tuple)[column];
        cells.push_back(value ? CellView{CellView::Kind::text, *value} : CellView{});
      }
      found(i, cells);
    }
    return server_->position_;
  }

 private:
  std::shared_ptr<SourceServer> server_;
};

/// See SourceServer. Streams a slot's changes to the mirror's tables.
class FakeStream : public ChangeStream {
 public:
  FakeStream(std::shared_ptr<SourceServer> server, std::string slot, Lsn from, std::span<const MirrorTable> tables)
      : server_(std::move(server)), slot_(std::move(slot)), from_(from) {
    for (const MirrorTable& table : tables) tables_[table.schema.qualified()] = table;
  }

  Got read(BatchBuilder& into, const Wait& wait) override {
    if (wait.stop.stop_requested()) throw Stopped{};
    const Wait patient{std::chrono::steady_clock::now() + std::chrono::hours(1), wait.stop};
    server_->enter("read_stream", &patient);
    Lock lock(server_->mutex_);
    const auto ready = [&] { return at_ < server_->wal_.size() || server_->dead_ || woken_; };
    const bool came = server_->changed_.wait_until(server_->mutex_, wait.stop, wait.until, ready);
    if (!came && wait.stop.stop_requested()) throw Stopped{};
    if (!came || std::exchange(woken_, false)) return Got::idle;
    if (server_->dead_) throw Error(ErrorCode::unreachable, "the fake server is down");
    if (!server_->slots_.contains(slot_)) throw Error(ErrorCode::position_lost, "the slot is gone");
    const SourceServer::Transaction& transaction = server_->wal_[at_];
    if (transaction.end <= from_ && change_ == 0) {
      ++at_;
      return Got::idle;
    }
    if (transaction.changes.empty()) {
      ++at_;
      received_ = transaction.end;
      into.moved(transaction.end);
      return Got::idle;
    }
    return read_changes(into, transaction);
  }

  NewShape new_shape(const Wait&) override {
    tables_[new_shape_.table.schema.qualified()] = new_shape_.table;
    return new_shape_;
  }
  void wake() noexcept override {
    Lock lock(server_->mutex_);
    woken_ = true;
    server_->changed_.notify_all();
  }
  void keep_alive() override { server_->enter("keep_alive", nullptr); }
  void confirm(Stored position) noexcept override {
    Lock lock(server_->mutex_);
    const auto slot = server_->slots_.find(slot_);
    if (slot == server_->slots_.end() || slot->second.confirmed >= position.lsn()) return;
    slot->second.confirmed = position.lsn();
    server_->changed_.notify_all();
  }
  Seen seen() const noexcept override {
    Lock lock(server_->mutex_);
    const auto slot = server_->slots_.find(slot_);
    return {received_, server_->position_, slot == server_->slots_.end() ? Lsn{} : slot->second.confirmed};
  }

 private:
  Got read_changes(BatchBuilder& into, const SourceServer::Transaction& transaction) {
    if (!into.in_transaction()) into.begin(transaction.at_us);
    for (std::size_t taken = 0; change_ < transaction.changes.size(); ++change_, ++taken) {
      if (server_->part_size_ != 0 && taken == server_->part_size_) return Got::part;
      const SourceServer::Change& change = transaction.changes[change_];
      const auto table = tables_.find(change.table);
      if (table == tables_.end() || transaction.commit < table->second.start) continue;
      if (grew(table->second, server_->tables_.at(change.table).shapes[change.shape]) ||
          into.shape_differs(table->second)) {
        new_shape_.commit = transaction.commit;
        return Got::shape;
      }
      append(into, table->second, change, transaction.commit);
    }
    change_ = 0;
    ++at_;
    received_ = transaction.end;
    into.commit(transaction.end);
    return Got::commit;
  }
  /// True when `now` has columns that `known` lacks; new_shape_ is then `known` with them.
  bool grew(const MirrorTable& known, const TableSchema& now) {
    new_shape_.table = known;
    for (std::size_t i = 0; i < now.columns.size(); ++i) {
      const auto same = [&](const Column& column) { return column.name == now.columns[i].name; };
      const auto& columns = known.schema.columns;
      if (i >= columns.size() && std::none_of(columns.begin(), columns.end(), same))
        new_shape_.table.schema.columns.push_back(now.columns[i]);
    }
    return new_shape_.table != known;
  }
  void append(BatchBuilder& into, const MirrorTable& table, const SourceServer::Change& change, Lsn commit) {
    ChangeView view;
    view.kind = change.kind;
    view.table = into.table(table);
    view.version = {commit, change.lsn};
    const auto& columns = server_->tables_.at(change.table).shapes[change.shape].columns;
    if (change.kind != ChangeView::Kind::truncate) {
      const std::span<CellView> row = into.cells(table.schema.columns.size());
      for (std::size_t i = 0; i < row.size(); ++i) {
        std::size_t at = 0;
        while (at < columns.size() && columns[at].name != table.schema.columns[i].name) ++at;
        if (at == columns.size()) {
          if (const auto& missing = table.schema.columns[i].missing_value)
            row[i] = {CellView::Kind::text, into.keep(*missing)};
          continue;
        }
        if (change.unchanged.contains(at))
          row[i].kind = CellView::Kind::unchanged;
        else if (change.row[at])
          row[i] = {CellView::Kind::text, into.keep(*change.row[at])};
      }
      view.row = row;
    }
    if (!change.old_key.empty()) {
      const std::span<CellView> key = into.cells(change.old_key.size());
      for (std::size_t i = 0; i < key.size(); ++i) key[i] = {CellView::Kind::text, into.keep(*change.old_key[i])};
      view.old_key = key;
    }
    into.append(view);
  }

  std::shared_ptr<SourceServer> server_;
  const std::string slot_;
  const Lsn from_;
  std::map<std::string, MirrorTable> tables_;
  NewShape new_shape_;
  std::size_t at_ = 0, change_ = 0;  ///< The next transaction of the WAL, and the next change in it.
  Lsn received_;
  bool woken_ = false;
};

/// A Source over a SourceServer. Many may share one server, one after the other, as after restarts.
class FakeSource : public Source {
 public:
  FakeSource(std::shared_ptr<SourceServer> server, MirrorSpec spec, const Lease& lease)
      : server_(std::move(server)), spec_(std::move(spec)) {
    slot_name_ = spec_.text("replication_slot_name");
    if (slot_name_.empty()) slot_name_ = "slot_" + lease.uuid;
  }

  Problems preflight(const Wait& wait) override {
    server_->enter("preflight", &wait);
    Lock lock(server_->mutex_);
    return server_->problems_;
  }
  std::vector<MirrorTable> describe(const Wait& wait) override {
    server_->enter("describe", &wait);
    Lock lock(server_->mutex_);
    std::vector<MirrorTable> tables;
    for (const TableMapping& mapping : spec_.tables) {
      const auto found = server_->tables_.find(mapping.source);
      if (found == server_->tables_.end())
        throw Error(ErrorCode::not_found, "table " + mapping.source + " does not exist");
      MirrorTable table{found->second.schema(), mapping.target, {}};
      std::erase_if(table.schema.columns, [&](const Column& column) {
        return std::find(mapping.exclude.begin(), mapping.exclude.end(), column.name) != mapping.exclude.end();
      });
      tables.push_back(std::move(table));
    }
    return tables;
  }
  void read_unique(std::span<MirrorTable>, const Wait&) override {}
  std::vector<NamedTable> tables_like(std::span<const TablePattern>, std::span<const TableName>, const Wait& wait) override {
    server_->enter("tables_like", &wait);
    Lock lock(server_->mutex_);
    std::vector<NamedTable> tables;
    for (const auto& [name, table] : server_->tables_) {
      const std::size_t dot = name.find('.');
      tables.push_back({{name.substr(0, dot), name.substr(dot + 1)}, std::to_string(table.file_node), {}});
    }
    return tables;
  }
  SourceIdentity identity(const Wait& wait) override {
    server_->enter("identity", &wait);
    Lock lock(server_->mutex_);
    return server_->identity_;
  }
  void check_promoted(const SourceIdentity&, const SourceIdentity&, Lsn reached, Lsn, const Wait& wait) override {
    server_->enter("check_promoted", &wait);
    Lock lock(server_->mutex_);
    if (reached > server_->left_) throw Error(ErrorCode::position_lost, "reached " + to_string(reached));
  }
  void ensure_publication(const Wait& wait) override {
    server_->enter("ensure_publication", &wait);
    Lock lock(server_->mutex_);
    server_->publications_.insert(slot_name_);
  }
  SlotStart ensure_slot(bool intended, const std::function<void(std::string)>&, const Wait& wait) override {
    server_->enter("ensure_slot", &wait);
    Lock lock(server_->mutex_);
    const auto found = server_->slots_.find(slot_name_);
    if (found != server_->slots_.end()) {
      if (!intended || found->second.confirmed > found->second.consistent_point)
        throw Error(ErrorCode::already_exists, "slot " + slot_name_ + " already exists");
      return {slot_name_, found->second.consistent_point};
    }
    server_->slots_[slot_name_] = {server_->position_, server_->position_};
    return {slot_name_, server_->position_};
  }
  void await_settled(const std::function<void(std::string)>&, const Wait& wait) override {
    server_->enter("await_settled", &wait);
  }
  /// One block per tuple, `rows_per_chunk` blocks per chunk. Chunks by key are the
  /// same without a file node: for tables of which nothing was deleted.
  std::vector<Chunk> plan(const MirrorTable& table, CutBy by, std::uint64_t rows_per_chunk, const Wait& wait) override {
    server_->enter("plan", &wait);
    Lock lock(server_->mutex_);
    const SourceServer::Table& of = server_->tables_.at(table.schema.qualified());
    std::vector<Chunk> chunks;
    std::uint64_t first = 0;
    do {
      const bool last = first + rows_per_chunk >= of.tuples.size();
      chunks.push_back({table.schema.id, table.start, static_cast<std::uint32_t>(chunks.size()), of.file_node, first,
                        last ? Chunk::kNoEndBlock : first + rows_per_chunk});
      if (by == CutBy::key) chunks.back().range.emplace();
      first += rows_per_chunk;
    } while (first < of.tuples.size());
    return chunks;
  }
  std::unique_ptr<ChunkReader> open_reader(const Wait& wait) override {
    server_->enter("open_reader", &wait);
    return std::make_unique<FakeChunkReader>(server_);
  }
  Lsn insert_position(const Wait& wait) override {
    server_->enter("insert_position", &wait);
    return server_->position();
  }
  std::unique_ptr<ChangeStream> open_stream(Lsn from, std::span<const MirrorTable> tables, Lsn,
                                            const Wait& wait) override {
    server_->enter("open_stream", &wait);
    Lock lock(server_->mutex_);
    const auto slot = server_->slots_.find(slot_name_);
    if (slot == server_->slots_.end()) throw Error(ErrorCode::position_lost, "slot " + slot_name_ + " does not exist");
    if (from < slot->second.confirmed)
      throw Error(ErrorCode::position_lost, "the slot has gone on without this mirror");
    if (from > server_->position_) throw Error(ErrorCode::position_lost, "the checkpoint lies beyond the server's WAL");
    return std::make_unique<FakeStream>(server_, slot_name_, from, tables);
  }
  std::unique_ptr<RowLookup> open_lookup(const Wait& wait) override {
    server_->enter("open_lookup", &wait);
    return std::make_unique<FakeLookup>(server_);
  }
  SlotStatus slot_status(const Wait& wait) override { return slot_named(slot_name_, wait); }
  SlotStatus slot_of(const MirrorSpec& mirror, const Lease& lease, const Wait& wait) override {
    const std::string given = mirror.text("replication_slot_name");
    return slot_named(given.empty() ? "slot_" + lease.uuid : given, wait);
  }
  void check_slot(const std::string& slot, const Wait& wait) override {
    if (!slot_named(slot, wait).exists) throw Error(ErrorCode::position_lost, "slot " + slot + " does not exist");
  }
  SlotStatus slot_named(const std::string& name, const Wait& wait) {
    server_->enter("slot_status", &wait);
    Lock lock(server_->mutex_);
    SlotStatus status;
    status.slot = name;
    status.server_end = server_->position_;
    status.keep_most_bytes = server_->keep_most_bytes_;
    const auto slot = server_->slots_.find(name);
    if (slot == server_->slots_.end()) return status;
    status.exists = true;
    status.restart = status.confirmed = slot->second.confirmed;
    status.wal_status = "reserved";
    status.wal_kept_bytes = status.server_end.value - status.restart.value;
    return status;
  }
  void drop(bool slot_intended, const Wait& wait) override {
    server_->enter("drop", &wait);
    Lock lock(server_->mutex_);
    if (slot_intended) server_->slots_.erase(slot_name_);
    server_->publications_.erase(slot_name_);
  }

 private:
  std::shared_ptr<SourceServer> server_;
  const MirrorSpec spec_;
};

}  // namespace peerd::fakes
