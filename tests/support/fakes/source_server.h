#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "peerd/changes/batch.h"
#include "peerd/changes/chunk.h"
#include "support/fakes/fake_server.h"

namespace peerd::fakes {

/// A column of a fake table: all are text, keys are not null.
inline Column text_column(const std::string& name, bool in_key = false) {
  return Column{.name = name,
                .type_oid = 25,
                .type_modifier = -1,
                .type_name = "text",
                .in_key = in_key,
                .nullable = !in_key,
                .missing_value = {}};
}

/// A Postgres in memory: tables, WAL, one slot per name. Tests write to it; FakeSources read it. Operations that can be
/// stalled or fail: preflight describe identity ensure_publication ensure_slot await_settled plan open_reader
/// read_chunk insert_position open_stream read_stream open_lookup lookup slot_status drop.
class SourceServer : public FakeServer {
 public:
  struct Change {
    ChangeView::Kind kind;
    std::string table;
    Cells row, old_key;                 ///< As ChangeView; nullopt in `unchanged` places.
    std::set<std::size_t> unchanged{};  ///< Columns whose TOAST value is not sent.
    Lsn lsn{};
    std::size_t shape = 0;  ///< Index into Table::shapes.
  };
  struct Transaction {
    Lsn commit, end;
    std::int64_t at_us;
    std::vector<Change> changes;  ///< None: a keepalive.
  };
  struct Table {
    std::vector<TableSchema> shapes;           ///< The last is the present one.
    std::vector<std::optional<Cells>> tuples;  ///< A block holds one; a deleted row leaves a hole.
    std::uint32_t file_node = 1;
    const TableSchema& schema() const { return shapes.back(); }
  };
  struct Slot {
    Lsn consistent_point, confirmed;
  };

  /// "public.t" with these columns; the first `key_columns` are its key.
  TableId add_table(const std::string& qualified, const std::vector<std::string>& columns,
                    std::size_t key_columns = 1) {
    Lock lock(mutex_);
    TableSchema schema;
    schema.id = TableId{next_oid_++};
    schema.schema = qualified.substr(0, qualified.find('.'));
    schema.name = qualified.substr(qualified.find('.') + 1);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      schema.columns.push_back(text_column(columns[i], i < key_columns));
      if (i < key_columns) schema.key.push_back(static_cast<std::uint16_t>(i));
    }
    tables_[qualified].shapes.push_back(schema);
    return schema.id;
  }
  /// ALTER TABLE … ADD COLUMN … DEFAULT.
  void add_column(const std::string& table, const std::string& name, const std::optional<std::string>& value = {}) {
    Lock lock(mutex_);
    Table& of = tables_.at(table);
    TableSchema schema = of.schema();
    schema.columns.push_back(text_column(name));
    schema.columns.back().missing_value = value;
    of.shapes.push_back(std::move(schema));
    for (auto& tuple : of.tuples)
      if (tuple) tuple->push_back(value);
  }
  /// VACUUM FULL: the table's chunks of before are void.
  void rewrite(const std::string& table) {
    Lock lock(mutex_);
    Table& of = tables_.at(table);
    std::erase(of.tuples, std::nullopt);
    ++of.file_node;
  }
  /// From now on somebody rewrites a table again and again.
  void rewrite_before_each_chunk() {
    Lock lock(mutex_);
    rewrites_always_ = true;
  }

  // One transaction each; they return its end.
  Lsn insert(const std::string& table, const Cells& row) {
    return commit({{ChangeView::Kind::insert, table, row, {}}});
  }
  Lsn update(const std::string& table, const Cells& row, const Cells& old_key = {}) {
    return commit({{ChangeView::Kind::update, table, row, old_key}});
  }
  Lsn remove(const std::string& table, const Cells& key) {
    return commit({{ChangeView::Kind::remove, table, key, {}}});
  }
  Lsn truncate(const std::string& table) { return commit({{ChangeView::Kind::truncate, table, {}, {}}}); }
  Lsn commit(std::vector<Change> changes) {
    Lock lock(mutex_);
    for (Change& change : changes) {
      Table& table = tables_.at(change.table);
      change.shape = table.shapes.size() - 1;
      if (change.kind == ChangeView::Kind::remove) change.row.resize(table.schema().columns.size());
      change.lsn = position_;
      position_.value += 16;
      perform(table, change);
    }
    const Lsn commit = position_;
    position_.value += 32;
    wal_.push_back({commit, position_, commit_time_us_, std::move(changes)});
    changed_.notify_all();
    return position_;
  }
  /// WAL of other databases: only a keepalive tells.
  Lsn move_wal(std::uint64_t bytes) {
    Lock lock(mutex_);
    position_.value += bytes;
    wal_.push_back({position_, position_, 0, {}});
    changed_.notify_all();
    return position_;
  }
  void set_commit_time(std::int64_t unix_us) {
    Lock lock(mutex_);
    commit_time_us_ = unix_us;
  }

  std::multiset<Cells> rows(const std::string& table) const {
    Lock lock(mutex_);
    std::multiset<Cells> rows;
    for (const auto& tuple : tables_.at(table).tuples)
      if (tuple) rows.insert(*tuple);
    return rows;
  }
  Lsn position() const {
    Lock lock(mutex_);
    return position_;
  }
  std::optional<Slot> slot(const std::string& name) const {
    Lock lock(mutex_);
    const auto found = slots_.find(name);
    return found == slots_.end() ? std::nullopt : std::optional(found->second);
  }
  std::size_t slot_count() const {
    Lock lock(mutex_);
    return slots_.size();
  }
  /// An operator's, made here and now.
  void add_slot(const std::string& name) {
    Lock lock(mutex_);
    slots_[name] = {position_, position_};
  }
  void lose_slot(const std::string& name) {
    Lock lock(mutex_);
    slots_.erase(name);
  }
  /// Until some slot was told that everything before `position` is stored.
  void wait_until_confirmed(Lsn position) {
    wait_until(
        [&] {
          return std::any_of(slots_.begin(), slots_.end(),
                             [&](auto& slot) { return slot.second.confirmed >= position; });
        },
        "confirmed " + to_string(position));
  }
  /// What preflight() finds.
  void set_problems(Problems problems) {
    Lock lock(mutex_);
    problems_ = std::move(problems);
  }
  /// The stream hands out transactions in parts of so many changes; 0 = whole.
  void set_part_size(std::size_t changes) {
    Lock lock(mutex_);
    part_size_ = changes;
  }
  /// max_slot_wal_keep_size; 0 = not set.
  void keep_most(std::uint64_t bytes) {
    Lock lock(mutex_);
    keep_most_bytes_ = bytes;
  }
  /// Its standby was promoted, on the next timeline, which left the one of before at `left`: what was committed there stays known.
  void promote(Lsn left) {
    Lock lock(mutex_);
    ++identity_.timeline;
    left_ = left;
  }
  void set_identity(SourceIdentity identity) {
    Lock lock(mutex_);
    identity_ = identity;
  }

 private:
  friend class FakeSource;
  friend class FakeChunkReader;
  friend class FakeStream;
  friend class FakeLookup;

  static Cells key_of(const TableSchema& schema, const Cells& row) {
    Cells key;
    for (const std::uint16_t column : schema.key) key.push_back(row.at(column));
    return key;
  }
  std::optional<Cells>* find(Table& table, const Cells& key) {
    for (auto& tuple : table.tuples)
      if (tuple && key_of(table.schema(), *tuple) == key) return &tuple;
    return nullptr;
  }
  void perform(Table& table, Change& change) {
    using Kind = ChangeView::Kind;
    if (change.kind == Kind::truncate) {
      table.tuples.clear();
      ++table.file_node;
      return;
    }
    if (change.kind == Kind::insert) {
      table.tuples.emplace_back(change.row);
      return;
    }
    const Cells key = key_of(table.schema(), change.row);
    std::optional<Cells>* tuple = find(table, change.old_key.empty() ? key : change.old_key);
    if (!tuple) throw std::logic_error("the test changes a row that is not there");
    if (change.kind == Kind::remove) {
      tuple->reset();
      return;
    }
    Cells row = change.row;
    for (const std::size_t column : change.unchanged) row[column] = (**tuple)[column];
    *tuple = std::move(row);
  }

  std::map<std::string, Table> tables_;
  std::map<std::string, Slot> slots_;
  std::vector<Transaction> wal_;
  std::set<std::string> publications_;
  Problems problems_;
  bool rewrites_always_ = false;
  SourceIdentity identity_{7, 1};
  Lsn left_;
  Lsn position_{0x1000};
  std::size_t part_size_ = 0;
  std::uint64_t keep_most_bytes_ = 0;
  std::int64_t commit_time_us_ = 1'700'000'000'000'000;
  std::uint32_t next_oid_ = 16384;
};

}  // namespace peerd::fakes
