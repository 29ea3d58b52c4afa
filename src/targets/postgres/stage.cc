#include <algorithm>

#include "peerd/base/log.h"
#include "postgres/merge_work.h"

namespace peerd::pgtarget {
namespace {

int number(Action action) { return static_cast<int>(action); }

}  // namespace

/// The group of rows that miss the same columns as this one; 0 = none. Key columns never miss: RowOutcome::key has
/// them.
int Applier::group_of(Table& table, const RowOutcome& row) {
  bool any = false;
  for (std::size_t i = 0; i < row.row.size() && !any; ++i) {
    any = row.row[i].kind == CellView::Kind::unchanged && table.key_position[i] < 0;
  }
  if (!any) return 0;
  scratch_.assign(row.row.size(), false);
  for (std::size_t i = 0; i < row.row.size(); ++i) {
    scratch_[i] = row.row[i].kind == CellView::Kind::unchanged && table.key_position[i] < 0;
  }
  const auto known = std::ranges::find(table.groups, scratch_);
  if (known != table.groups.end()) return static_cast<int>(known - table.groups.begin());
  table.groups.push_back(scratch_);
  return static_cast<int>(table.groups.size()) - 1;
}

/// `fetched`: the missing columns' values in column order, or empty: then they go as NULL and their group tells.
void Applier::encode(Table& table, std::uint32_t index, const RowOutcome& row, int action, int group,
                     std::span<const CellView> fetched, const Wait& wait) {
  copy_.number(index);
  copy_.number(action);
  copy_.number(group);
  const bool placed = action == number(Action::place) || action == number(Action::place_over);
  const bool carries = !row.base_key.empty() && ((group != 0 && action == number(Action::place)) ||
                                                 (placed && !table.shape.extra.empty()));
  for (std::size_t i = 0; i < row.key.size(); ++i) carries ? copy_.cell(row.base_key[i]) : copy_.null();
  std::size_t next = 0;
  for (std::size_t i = 0; i < row.row.size(); ++i) {
    if (table.key_position[i] >= 0) {
      copy_.cell(row.key[static_cast<std::size_t>(table.key_position[i])]);
    } else if (row.row[i].kind == CellView::Kind::unchanged && next < fetched.size()) {
      copy_.cell(fetched[next++]);
    } else {
      copy_.cell(row.row[i]);
    }
  }
  copy_.end_row(wait);
}

void Applier::stage_upsert(Table& table, std::uint32_t index, const RowOutcome& row, Pass& pass, Work& work) {
  const Wait& wait = pass.context.wait;
  const Horizons& horizons = pass.context.horizons;
  const TableId id = table.of.schema.id;
  const int group = group_of(table, row);
  const bool below = horizons.below(id, row.key, row.base_commit) ||
                     (!row.base_key.empty() && horizons.below(id, row.base_key, row.base_commit));
  if (group != 0 && (below || row.base_key.empty())) {
    work.group(group).asked.push_back(index);  // Rules.md 16: by its new key.
  } else if (below) {
    ++work.placed;
    encode(table, index, row, number(Action::place_over), 0, {}, wait);
  } else if (work.copies_new && group == 0 && is_new(table, row)) {
    work.fresh.push_back(index);
  } else if (row.fresh || row.rekeyed || row.base_key.empty()) {
    ++work.placed;
    if (group != 0) ++work.group(group).carried;
    encode(table, index, row, number(Action::place), group, {}, wait);
  } else {
    ++work.group(group).updated;
    encode(table, index, row, number(Action::update), group, {}, wait);
  }
}

void Applier::make_staging(Table& table, const Wait& wait) {
  if (table.staging) return;
  connection_.run(create_staging(table.shape), wait);
  made_.push_back(table.of.schema.id);
  table.staging = true;
  ++kept_;
}

/// Within the transaction that filled it: it is empty after a COMMIT, and after a ROLLBACK. A few rows leave dead ones
/// behind, which the next ones' statements read over; many of those are not worth it.
void Applier::empty_staging(Table& table, const TableOutcome& outcome, const Wait& wait) {
  constexpr std::size_t kMostCleared = 4 << 20, kLeastOfARow = 256;
  for (const RowOutcome& row : outcome.rows) table.cleared += std::max(kLeastOfARow, bytes_of(row.row));
  const bool anew = table.cleared > kMostCleared;
  connection_.run(anew ? pgtarget::empty_staging(table.shape) : clear_staging(table.shape), wait);
  if (anew) table.cleared = 0;
}

void Applier::stage(Table& table, const TableOutcome& outcome, Pass& pass, Work& work) {
  const Wait& wait = pass.context.wait;
  make_staging(table, wait);
  copy_.begin(connection_, copy_staging(table.shape), wait);
  for (std::uint32_t index = 0; index < outcome.rows.size(); ++index) {
    const RowOutcome& row = outcome.rows[index];
    if (row.kind == RowOutcome::Kind::upsert) {
      stage_upsert(table, index, row, pass, work);
      continue;
    }
    ++(row.moved_away ? work.moved_away : work.removed);
    encode(table, index, row, number(row.moved_away ? Action::move_away : Action::remove), 0, {}, wait);
  }
  ask_source(table, outcome, pass, work);
  copy_.finish(wait);
}

/// Rows of the source go into the open COPY as they come: however large they are, one at a time is held.
class Applier::Filler final : public RowFound {
 public:
  Filler(Applier& applier, Table& table, const TableOutcome& outcome, const std::vector<std::uint32_t>& asked,
         const Wait& wait)
      : applier_(applier), table_(table), outcome_(outcome), asked_(asked), wait_(wait), found_(asked.size(), false) {}
  void operator()(std::size_t i, std::span<const CellView> cells) override {
    applier_.encode(table_, asked_[i], outcome_.rows[asked_[i]], number(Action::place_over), 0, cells, wait_);
    found_[i] = true;
  }
  bool found(std::size_t i) const { return found_[i]; }

 private:
  Applier& applier_;
  Table& table_;
  const TableOutcome& outcome_;
  const std::vector<std::uint32_t>& asked_;
  const Wait& wait_;
  std::vector<bool> found_;
};

/// Asks for what Work::Group::asked lists. A row that is gone at the source is passed over: its own delete or key
/// change follows (rules.md 17). Found or gone, the key's horizon rises (14). REQUIRES: the COPY into the temporary
/// table is open.
void Applier::ask_source(Table& table, const TableOutcome& outcome, Pass& pass, Work& work) {
  const TableId id = table.of.schema.id;
  for (std::size_t group = 0; group < work.groups.size(); ++group) {
    std::vector<std::uint32_t>& asked = work.groups[group].asked;
    if (asked.empty()) continue;
    std::vector<std::span<const CellView>> keys;
    for (const std::uint32_t index : asked) keys.push_back(outcome.rows[index].key);
    std::vector<std::uint16_t> columns;
    for (std::uint16_t column = 0; column < table.groups[group].size(); ++column) {
      if (table.groups[group][column]) columns.push_back(column);
    }
    Filler filler(*this, table, outcome, asked, pass.context.wait);
    const Lsn seen =
        pass.context.source_rows.fetch(table.source, keys, columns, pass.batch.last_commit(), pass.context.wait, filler);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      pass.context.horizons.raise_key(id, keys[i], seen);
      if (filler.found(i)) {
        ++work.placed;
      } else if (table.shape.other_unique) {
        ++work.moved_away;  // What stands there is older still, and would clash with whoever has its unique values now.
        encode(table, asked[i], outcome.rows[asked[i]], number(Action::move_away), 0, {}, pass.context.wait);
      }
    }
    asked.clear();
  }
}

/// The outcomes in the first column of `outcomes` should have found a row at the target, and did not.
void Applier::ask_for(Table& table, const TableOutcome& outcome, const postgres::Result& outcomes, Pass& pass,
                      Work& work) {
  if (outcomes.rows() == 0) return;
  log(LogLevel::warning,
      std::to_string(outcomes.rows()) + " rows were missing at the target and are read from the source",
      {.mirror = site_.mirror, .table = table.of.target_name});
  for (int row = 0; row < outcomes.rows(); ++row) {
    const auto index = static_cast<std::uint32_t>(outcomes.integer(row, 0));
    work.group(group_of(table, outcome.rows[index])).asked.push_back(index);
  }
  copy_.begin(connection_, copy_staging(table.shape), pass.context.wait);
  ask_source(table, outcome, pass, work);
  copy_.finish(pass.context.wait);
}

}  // namespace peerd::pgtarget
