#pragma once

#include <charconv>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "peerd/changes/collapse.h"
#include "peerd/changes/horizon.h"
#include "unit/changes/simulated_source.h"

namespace peerd {

/// What can be switched off, to see that the simulation then finds a wrong history. The numbers are those of rules.md.
struct SimRules {
  bool version_by_commit = true;         ///< 1
  bool wait_until_visible = true;        ///< 8
  bool horizon_after_last_chunk = true;  ///< 14
  bool lookups_raise = true;             ///< 14
  bool start_raises = true;              ///< 15
  bool source_below_horizon = true;      ///< 16; else a value that was filled is carried through key changes
  bool ask_by_first_commit = true;       ///< 16, for a row with changes on both sides of the horizon
  bool lookup_sees_batch = true;         ///< 18
  bool upsert_below_horizon = true;      ///< 25
  bool missing_is_wrong = true;          ///< Where all rules are kept no row is ever missing above the horizon (17).
};

inline const TableId kSimTable{16384};

inline int key_number(std::span<const CellView> key) {
  int number = 0;
  std::from_chars(key[0].bytes.data(), key[0].bytes.data() + key[0].bytes.size(), number);
  return number;
}

/// What a target needs beside the batch: ApplyContext of the simulation.
struct SimContext {
  Random& random;
  SimulatedSource& source;
  Horizons& horizons;
  const SimRules& rules;

  /// The source's row of that key now; the world goes on before and after.
  std::optional<SimRow> lookup(std::span<const CellView> key, Lsn batch_end) {
    if (rules.lookup_sees_batch) source.settle_through(batch_end);
    while (random.percent(40)) source.step();
    if (rules.lookup_sees_batch) source.settle_through(batch_end);
    const auto at = source.visible().find(key_number(key));
    std::optional<SimRow> found;
    if (at != source.visible().end()) found = at->second;
    while (random.percent(20)) source.step();
    if (rules.lookups_raise) horizons.raise_key(kSimTable, key, source.insert_position());
    return found;
  }
};

class SimulatedTarget {
 public:
  explicit SimulatedTarget(SimContext& context) : context_(context) {}
  virtual ~SimulatedTarget() = default;

  virtual void load(int key, const SimRow& row, Lsn start) = 0;  ///< From a chunk.
  /// At most `rows` of the outcome's rows are written: fewer than there are is a crash in the middle.
  virtual void apply(const Batch& batch, std::span<const TableOutcome> outcomes, std::size_t rows) = 0;
  virtual void crash() = 0;
  virtual bool keeps_position() const = 0;  ///< The checkpoint commits with the rows.
  virtual SimRows live() const = 0;

 protected:
  virtual std::optional<SimRow> current(int key) const = 0;

  /// The row to write; empty: it is gone, and its own delete or key change follows (rules.md 17).
  std::optional<SimRow> complete(const RowOutcome& row, Lsn batch_end) {
    SimRow out{std::string(row.row[1].bytes), std::string(row.row[2].bytes), 0};
    if (row.row[2].kind == CellView::Kind::text) return out;
    if (row.fresh) throw std::logic_error("a fresh row misses a cell");
    const Lsn commit = context_.rules.ask_by_first_commit ? row.base_commit : row.version.commit;
    const bool below = context_.horizons.below(kSimTable, row.base_key, commit);
    std::optional<SimRow> whole;
    if (!below || !context_.rules.source_below_horizon) whole = current(key_number(row.base_key));
    if (!whole && !below && context_.rules.missing_is_wrong) throw std::runtime_error("missing above the horizon");
    if (!whole) whole = context_.lookup(row.key, batch_end);
    if (!whole) return std::nullopt;
    out.toast = whole->toast;
    return out;
  }

  SimContext& context_;
};

/// ReplacingMergeTree: the highest version of a key counts; of two equal ones any may stay.
class ClickHouseLike final : public SimulatedTarget {
 public:
  using SimulatedTarget::SimulatedTarget;

  void load(int key, const SimRow& row, Lsn start) override { put(key, version_of({start, {}}), row); }

  void apply(const Batch& batch, std::span<const TableOutcome> outcomes, std::size_t rows) override {
    for (const TableOutcome& outcome : outcomes) {
      if (outcome.truncated)
        std::erase_if(versions_, [&](const auto& e) { return e.second.version < version_of(*outcome.truncated); });
      // All is looked up before anything of the batch is written, as a real one does.
      std::vector<std::pair<const RowOutcome*, std::optional<SimRow>>> ready;
      for (const RowOutcome& row : outcome.rows) {
        const bool upsert = row.kind == RowOutcome::Kind::upsert;
        auto whole = upsert ? complete(row, batch.last_commit()) : std::nullopt;
        if (whole || !upsert) ready.emplace_back(&row, std::move(whole));
      }
      for (std::size_t i = 0; i < ready.size() && i < rows; ++i)
        put(key_number(ready[i].first->key), version_of(ready[i].first->version), ready[i].second);
    }
  }

  void crash() override {}  // what was acknowledged stays, the checkpoint is elsewhere
  bool keeps_position() const override { return false; }

  SimRows live() const override {
    SimRows rows;
    for (const auto& [key, entry] : versions_)
      if (entry.row) rows[key] = *entry.row;
    return rows;
  }

 private:
  struct Entry {
    RowVersion version;
    std::optional<SimRow> row;  ///< Empty: a tombstone.
  };

  RowVersion version_of(RowVersion version) const {
    // Of the snapshot's rows the change is 0 and the commit their table's start.
    if (context_.rules.version_by_commit || version.change == Lsn{}) return version;
    return {version.change, version.change};
  }

  void put(int key, RowVersion version, const std::optional<SimRow>& row) {
    const auto at = versions_.find(key);
    if (at != versions_.end() && version < at->second.version) return;
    if (at != versions_.end() && version == at->second.version && context_.random.percent(50)) return;
    versions_.insert_or_assign(key, Entry{version, row});
  }

  std::optional<SimRow> current(int key) const override {
    const auto at = versions_.find(key);
    return at == versions_.end() ? std::nullopt : at->second.row;
  }

  std::map<int, Entry> versions_;
};

/// One row per key, and a transaction around batches: what is not committed is gone after a crash.
class PostgresLike final : public SimulatedTarget {
 public:
  PostgresLike(SimContext& context, bool soft_delete) : SimulatedTarget(context), soft_delete_(soft_delete) {}

  void load(int key, const SimRow& row, Lsn) override {
    rows_.emplace(key, Entry{row, false});  // ON CONFLICT DO NOTHING
    committed_ = rows_;
  }

  void apply(const Batch& batch, std::span<const TableOutcome> outcomes, std::size_t rows) override {
    if (Collapser::inserts_only(batch) && !batch.changes().empty()) {
      const Lsn first = batch.changes().front().version.commit;
      const bool above = !context_.horizons.below(kSimTable, first) || !context_.rules.upsert_below_horizon;
      if (above) plain_copy(outcomes);
    }
    for (const TableOutcome& outcome : outcomes) apply_table(batch, outcome, rows);
    if (!batch.open_tail() && rows != 0) committed_ = rows_;
  }

  void crash() override { rows_ = committed_; }
  bool keeps_position() const override { return true; }

  SimRows live() const override {
    SimRows rows;
    for (const auto& [key, entry] : rows_)
      if (!entry.deleted) rows[key] = entry.row;
    return rows;
  }

 private:
  struct Entry {
    SimRow row;
    bool deleted;
  };

  /// COPY of an insert-only batch: a key that stands there already ends the mirror.
  void plain_copy(std::span<const TableOutcome> outcomes) const {
    for (const TableOutcome& outcome : outcomes)
      for (const RowOutcome& row : outcome.rows)
        if (current(key_number(row.key))) throw std::runtime_error("COPY: duplicate key");
  }

  void apply_table(const Batch& batch, const TableOutcome& outcome, std::size_t rows) {
    if (outcome.truncated && !soft_delete_) rows_.clear();
    if (outcome.truncated)
      for (auto& [key, entry] : rows_) entry.deleted = true;
    // Pre-images first (rules.md 26), then what goes, then what comes.
    std::map<int, SimRow> final_rows;
    for (const RowOutcome& row : outcome.rows)
      if (row.kind == RowOutcome::Kind::upsert)
        if (auto whole = complete(row, batch.last_commit())) final_rows[key_number(row.key)] = std::move(*whole);
    if (rows == 0) return;
    for (const RowOutcome& row : outcome.rows) {
      const auto at = rows_.find(key_number(row.key));
      if (row.kind != RowOutcome::Kind::remove || at == rows_.end()) continue;
      at->second.deleted = true;
      if (!soft_delete_ || row.moved_away) rows_.erase(at);
    }
    for (const auto& [key, row] : final_rows) rows_.insert_or_assign(key, Entry{row, false});
  }

  std::optional<SimRow> current(int key) const override {
    const auto at = rows_.find(key);
    return at == rows_.end() || at->second.deleted ? std::nullopt : std::optional(at->second.row);
  }

  bool soft_delete_;
  std::map<int, Entry> rows_, committed_;
};

}  // namespace peerd
