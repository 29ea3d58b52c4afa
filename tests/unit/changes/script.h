#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/changes/batch_builder.h"
#include "peerd/changes/collapse.h"

namespace peerd {

/// A table of columns c0, c1, …, with `key` in the key's own order.
inline MirrorTable script_table(std::uint32_t oid, std::vector<std::uint16_t> key = {0}, std::size_t columns = 3) {
  MirrorTable table;
  table.schema.id = {oid};
  for (std::size_t i = 0; i < columns; ++i) table.schema.columns.push_back({.name = "c" + std::to_string(i)});
  for (const std::uint16_t column : key) table.schema.columns[column].in_key = true;
  table.schema.key = std::move(key);
  return table;
}

/// Batches as text, one change a line; the change's position counts up by one, commits are made by "C".
///   I 1 a b      insert            U 1 a ~      update, ~ is unchanged, - is null
///   U 1>2 a ~    update from key 1 to key 2 (keys of several columns: 1,x>2,x)
///   D 1          delete            T            truncate             @2  from here on the second table
class Script {
 public:
  explicit Script(std::vector<MirrorTable> tables = {script_table(1)}) : tables_(std::move(tables)) {}

  std::unique_ptr<Batch> batch(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) add(line);
    if (builder_.in_transaction()) commit();
    return builder_.take();
  }

  BatchBuilder& builder() { return builder_; }
  void commit() { builder_.commit(Lsn{++position_}); }

  void add(const std::string& line) {
    std::istringstream words(line);
    std::string what, word;
    if (!(words >> what)) return;
    if (what[0] == '@') {
      table_ = static_cast<std::size_t>(what[1] - '1');
      return;
    }
    if (what == "C") return commit();
    if (!builder_.in_transaction()) {
      builder_.begin(1000);
      commit_ = position_ + 100;
    }
    const MirrorTable& table = tables_[table_];
    ChangeView change{};
    change.table = builder_.table(table);
    change.version = {Lsn{commit_}, Lsn{++position_}};
    change.kind = kind_of(what);
    if (change.kind != ChangeView::Kind::truncate) {
      words >> word;
      fill_key(table.schema, word, change);
      const auto row = builder_.cells(table.schema.columns.size());
      for (std::size_t i = 0; i < key_.size(); ++i) row[table.schema.key[i]] = key_[i];
      for (std::size_t i = 0; i < row.size(); ++i)
        if (!table.schema.columns[i].in_key && words >> word) row[i] = cell(word);
      change.row = row;
    }
    builder_.append(change);
  }

 private:
  static ChangeView::Kind kind_of(const std::string& word) {
    if (word == "I") return ChangeView::Kind::insert;
    if (word == "U") return ChangeView::Kind::update;
    return word == "D" ? ChangeView::Kind::remove : ChangeView::Kind::truncate;
  }

  CellView cell(const std::string& word) {
    if (word == "~") return {CellView::Kind::unchanged, {}};
    if (word == "-") return {};
    return {CellView::Kind::text, builder_.keep(word)};
  }

  std::span<CellView> cells_of(const std::string& key, std::size_t count) {
    const auto cells = builder_.cells(count);
    std::istringstream parts(key);
    std::string part;
    for (std::size_t i = 0; i < count && std::getline(parts, part, ','); ++i) cells[i] = cell(part);
    return cells;
  }

  void fill_key(const TableSchema& schema, const std::string& word, ChangeView& change) {
    const auto arrow = word.find('>');
    key_ = cells_of(arrow == std::string::npos ? word : word.substr(arrow + 1), schema.key.size());
    if (arrow != std::string::npos) change.old_key = cells_of(word.substr(0, arrow), schema.key.size());
  }

  std::vector<MirrorTable> tables_;
  BatchBuilder builder_;
  std::size_t table_ = 0;
  std::span<CellView> key_;
  std::uint64_t position_ = 0, commit_ = 0;
};

inline std::string shown(const CellView& cell) {
  if (cell.kind == CellView::Kind::null) return "-";
  return cell.kind == CellView::Kind::unchanged ? "~" : std::string(cell.bytes);
}

inline std::string shown(std::span<const CellView> cells) {
  std::string out;
  for (const CellView& cell : cells) out += (out.empty() ? "" : ",") + shown(cell);
  return out;
}

/// "1 = 1,a,b fresh", "2 = 2,a,~ from 1", "1 gone", "1 moved", "1 gone from 2".
inline std::string shown(const RowOutcome& row) {
  std::string out = shown(row.key);
  if (row.kind == RowOutcome::Kind::remove) out += row.moved_away ? " moved" : " gone";
  else out += " = " + shown(row.row) + (row.fresh ? " fresh" : "");
  const bool from_elsewhere = !row.base_key.empty() && shown(row.base_key) != shown(row.key);
  if (from_elsewhere) out += " from " + shown(row.base_key);
  const bool upsert = row.kind == RowOutcome::Kind::upsert;
  if (row.rekeyed != (upsert && from_elsewhere)) out += " WRONG rekeyed";
  if (upsert && row.fresh != row.base_key.empty()) out += " WRONG base";
  return out;
}

}  // namespace peerd
