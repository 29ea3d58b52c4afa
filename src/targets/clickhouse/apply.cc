#include "clickhouse/apply.h"

#include <algorithm>

#include "clickhouse/nullable.h"
#include "clickhouse/on_unfit.h"
#include "clickhouse/table_note.h"
#include "peerd/base/log.h"

namespace peerd::clickhouse {
namespace {

using Cells = std::span<const CellView>;

bool misses(Cells row) {
  return std::ranges::any_of(row, [](const CellView& cell) { return cell.kind == CellView::Kind::unchanged; });
}

/// Can the target's current row, under the key where it stood before this batch, be taken for what the source had then?
bool target_is_current(const Horizons& horizons, TableId table, const RowOutcome& row) {
  if (row.base_key.empty()) return false;
  return !horizons.below(table, row.base_key, row.base_commit) && !horizons.below(table, row.key, row.base_commit);
}

/// The columns that any of the rows misses.
std::vector<std::uint16_t> missing_columns(const TableOutcome& outcome, std::span<const std::uint32_t> rows) {
  std::vector<bool> missing;
  for (const std::uint32_t i : rows) {
    const Cells row = outcome.rows[i].row;
    missing.resize(row.size());
    for (std::size_t c = 0; c < row.size(); ++c) missing[c] = missing[c] || row[c].kind == CellView::Kind::unchanged;
  }
  std::vector<std::uint16_t> columns;
  for (std::size_t c = 0; c < missing.size(); ++c)
    if (missing[c]) columns.push_back(static_cast<std::uint16_t>(c));
  return columns;
}

void add_cell(Block& block, const CellView& cell) {
  cell.kind == CellView::Kind::null ? block.add_null() : block.add_text(cell.bytes);
}

/// The row with its unchanged cells taken from `fill(position in columns)`.
template <class Fill>
void add_filled(Block& block, Cells row, std::span<const std::uint16_t> columns, const Fill& fill) {
  std::size_t next = 0;
  for (std::size_t c = 0; c < row.size(); ++c) {
    while (next < columns.size() && columns[next] < c) ++next;
    if (row[c].kind == CellView::Kind::unchanged) {
      fill(next);
    } else {
      add_cell(block, row[c]);
    }
  }
}

}  // namespace

BatchApplier::BatchApplier(const Access& access, StatementNames& names, Layouts& layouts)
    : statements_(access),
      inserts_(access),
      names_(names),
      insert_(inserts_, names),
      stored_rows_(statements_, names),
      layouts_(layouts) {}

BatchApplier::TableState& BatchApplier::state_of(const MirrorTable& table) {
  const auto [found, made] = tables_.try_emplace(table.schema.id);
  TableState& state = found->second;
  if (made || !(state.schema == table.schema)) {
    state.schema = table.schema;
    state.layout = layouts_.of(table);
    state.block.reset();
  }
  if (state.block == nullptr) state.block = std::make_unique<Block>(state.layout);
  return state;
}

std::vector<UnfitValues> BatchApplier::apply(const Batch& batch, const ApplyContext& context) {
  std::vector<UnfitValues> unfit;
  for (const TableOutcome& outcome : collapser_.collapse(batch)) {
    const MirrorTable& table = batch.tables()[outcome.table];
    Work work{table, outcome, batch, context, *state_of(table).block};
    try {
      apply_table(work);
      const auto found = unfit_values(work.block.layout(), table.schema.id, work.block.take_unfit());
      unfit.insert(unfit.end(), found.begin(), found.end());
    } catch (const NullRefused& refused) {
      follow_null(statements_, table, work.block.layout(), refused.column, context.wait);
    } catch (Error& error) {
      insert_.abandon();
      explain(statements_, table, layouts_, error, context.wait);
      const bool no_database = error.text.origin == "CH 81";
      if (error.text.table.empty() && !no_database) error.text.table = table.schema.qualified();
      throw;
    }
  }
  keep_few_blocks();
  return unfit;
}

void BatchApplier::apply_table(Work& work) {
  if (work.outcome.truncated) truncate(work);
  insert_.begin(work.block.layout(), work.table.target_name, work.table.schema.id);
  add_rows(work);
  if (!work.at_target.empty()) fill_from_target(work);
  if (!work.at_source.empty()) fill_from_source(work);
  insert_.send(work.block, work.context.wait);
  insert_.finish(work.context.wait);
  require_standing(statements_, work.table, layouts_, work.context.wait);
}

/// By version and awaited, so that it can neither act late nor on later rows (rules.md 21).
void BatchApplier::truncate(const Work& work) {
  const std::string sql = "DELETE FROM " + quote_name(work.table.target_name) + " WHERE " +
                          std::string(kVersionColumn) + " < " + version_literal(*work.outcome.truncated);
  statements_.execute(sql, work.context.wait, {{"query_id", names_.next(work.table.schema.id)}});
}

void BatchApplier::add_rows(Work& work) {
  const std::vector<RowOutcome>& rows = work.outcome.rows;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    const RowOutcome& row = rows[i];
    if (row.kind == RowOutcome::Kind::upsert && !row.fresh && misses(row.row)) {
      const bool current = target_is_current(work.context.horizons, work.table.schema.id, row);
      (current ? work.at_target : work.at_source).push_back(i);
      continue;
    }
    add_row(work, row);
  }
}

void BatchApplier::add_row(Work& work, const RowOutcome& row) {
  const bool removed = row.kind == RowOutcome::Kind::remove;
  for (std::size_t c = 0; c < row.row.size(); ++c) {
    const CellView& cell = row.row[c];
    removed&& cell.kind != CellView::Kind::text ? work.block.add_empty() : add_cell(work.block, cell);
  }
  finish_row(work, row);
}

void BatchApplier::finish_row(Work& work, const RowOutcome& row) {
  work.block.end_row(row.version, row.kind == RowOutcome::Kind::remove);
  if (work.block.full()) insert_.send(work.block, work.context.wait);
}

void BatchApplier::fill_from_target(Work& work) {
  const std::vector<RowOutcome>& rows = work.outcome.rows;
  const auto columns = missing_columns(work.outcome, work.at_target);
  std::vector<Cells> keys;
  for (const std::uint32_t i : work.at_target) keys.push_back(rows[i].base_key);
  std::vector<bool> found(keys.size());
  const StoredRows::Request request{work.block.layout(),
                                    work.table.target_name,
                                    work.table.schema.id,
                                    keys,
                                    columns,
                                    work.batch.changes().front().version};
  stored_rows_.fetch(
      request,
      [&](std::size_t i, std::span<const StoredCell> cells) {
        const RowOutcome& row = rows[work.at_target[i]];
        add_filled(work.block, row.row, columns,
                   [&](std::size_t at) { work.block.add_stored(cells[at].bytes, cells[at].null_array); });
        finish_row(work, row);
        found[i] = true;
      },
      work.context.wait);
  const std::size_t before = work.at_source.size();
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!found[i]) work.at_source.push_back(work.at_target[i]);
  if (work.at_source.size() == before) return;
  const std::string message = std::to_string(work.at_source.size() - before) +
                              " updated rows are missing at the target above the horizon; they are read at the source";
  log(LogLevel::warning, message, {.table = work.block.layout().table});
}

/// By the new key (rules.md 16). Found or gone, the key's horizon rises (14); a row that is gone is passed over (17).
void BatchApplier::fill_from_source(Work& work) {
  struct Filler final : RowFound {
    BatchApplier& self;
    Work& work;
    std::span<const std::uint16_t> columns;
    Filler(BatchApplier& self, Work& work, std::span<const std::uint16_t> columns)
        : self(self), work(work), columns(columns) {}
    void operator()(std::size_t i, Cells cells) override {
      const RowOutcome& row = work.outcome.rows[work.at_source[i]];
      add_filled(work.block, row.row, columns, [&](std::size_t at) { add_cell(work.block, cells[at]); });
      self.finish_row(work, row);
    }
  };
  const auto columns = missing_columns(work.outcome, work.at_source);
  std::vector<Cells> keys;
  for (const std::uint32_t i : work.at_source) keys.push_back(work.outcome.rows[i].key);
  Filler filler(*this, work, columns);
  const Lsn seen =
      work.context.source_rows.fetch(work.table, keys, columns, work.batch.last_commit(), work.context.wait, filler);
  for (const Cells key : keys) work.context.horizons.raise_key(work.table.schema.id, key, seen);
}

void BatchApplier::keep_few_blocks() {
  constexpr std::size_t kKept = 4;  // A block may hold 8 MiB.
  std::size_t kept = 0;
  for (auto& [_, state] : tables_)
    if (state.block != nullptr && ++kept > kKept) state.block.reset();
}

}  // namespace peerd::clickhouse
