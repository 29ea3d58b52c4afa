#include <algorithm>

#include "postgres/merge_work.h"

namespace peerd::pgtarget {
namespace {

constexpr std::size_t kMostBytes = 16 << 10;  ///< Of a table in a batch: what goes directly waits in memory.

enum Number : std::size_t { kInsert = 0, kRemove = 1, kFirstUpdate = 2 };

std::size_t size_of(const RowOutcome& row) {
  std::size_t bytes = 0;
  for (const CellView& cell : row.row) bytes += cell.bytes.size();
  return bytes;
}

}  // namespace

/// Only what one statement settles for one row, whatever stands there: rows that keep their keys, whose values are all
/// there or stay as they are, above the horizon. Rules that are not checked at once would not tell of a clash.
bool Applier::goes_directly(Table& table, const TableOutcome& outcome, const Pass& pass) {
  const Shape& shape = table.shape;
  if (!pass.may_retry || outcome.truncated || table.merges_left > 0) return false;
  if (outcome.rows.size() > site_.direct_rows) return false;
  if (!shape.always.empty() || std::ranges::any_of(shape.clashes, &Clash::deferrable)) return false;
  const Horizons& horizons = pass.context.horizons;
  const TableId id = table.of.schema.id;
  std::size_t bytes = 0;
  return std::ranges::all_of(outcome.rows, [&](const RowOutcome& row) {
    bytes += size_of(row);
    if (bytes > kMostBytes || row.rekeyed || row.moved_away) return false;
    if (horizons.below(id, row.key, row.base_commit)) return false;
    if (row.kind == RowOutcome::Kind::remove || row.fresh) return true;
    return !row.base_key.empty() && !statement_of(table, number_of(table, row)).sql.empty();
  });
}

Applier::RowStatement& Applier::statement_of(Table& table, std::size_t number) {
  const Shape& shape = table.shape;
  while (table.direct.size() <= number) {
    const std::size_t next = table.direct.size();
    RowStatement& statement = table.direct.emplace_back();
    statement.sql = next == kInsert   ? insert_row(shape)
                    : next == kRemove ? remove_row(shape)
                                      : update_row(shape, table.groups[next - kFirstUpdate]);
  }
  return table.direct[number];
}

std::size_t Applier::number_of(Table& table, const RowOutcome& row) {
  if (row.kind == RowOutcome::Kind::remove) return kRemove;
  return row.fresh ? static_cast<std::size_t>(kInsert) : kFirstUpdate + static_cast<std::size_t>(group_of(table, row));
}

/// Before the exchange: of one that fails nobody would know what it has prepared. What is used once is not worth it.
void Applier::prepare_rows(Table& table, const TableOutcome& outcome, const Wait& wait) {
  for (const RowOutcome& row : outcome.rows) {
    const std::size_t number = number_of(table, row);
    RowStatement& statement = statement_of(table, number);
    if (!std::exchange(statement.used, true) || !statement.name.empty()) continue;
    const std::string name = "peerd_" + std::to_string(table.of.schema.id.oid) + "_row_" + std::to_string(number);
    connection_.prepare(name, statement.sql, wait);
    statement.name = name;
    ++kept_;
  }
}

void Applier::send(postgres::Pipeline& pipeline, Table& table, const RowOutcome& row) {
  values_.clear();
  places_.clear();
  constexpr std::size_t kNull = static_cast<std::size_t>(-1);
  const auto add = [&](const CellView& cell) {
    places_.push_back(cell.kind == CellView::Kind::text ? values_.size() : kNull);
    if (cell.kind == CellView::Kind::text) values_.append(cell.bytes).push_back('\0');
  };
  const std::size_t number = number_of(table, row);
  if (number == kInsert) {
    for (std::size_t column = 0; column < row.row.size(); ++column) {
      const std::int32_t place = table.key_position[column];
      add(place < 0 ? row.row[column] : row.key[static_cast<std::size_t>(place)]);
    }
  } else if (number != kRemove) {
    const MissingColumns& missing = table.groups[number - kFirstUpdate];
    for (const std::uint16_t column : set_by_update(table.shape, missing)) add(row.row[column]);
  }
  if (number != kInsert) std::ranges::for_each(row.key, add);
  parameters_.clear();
  for (const std::size_t place : places_) parameters_.push_back(place == kNull ? nullptr : values_.data() + place);
  const RowStatement& statement = statement_of(table, number);
  if (statement.name.empty()) {
    pipeline.run(statement.sql, parameters_);
  } else {
    pipeline.run_prepared(statement.name, parameters_);
  }
}

/// A row that should stand and does not is a case for the temporary table; so is a deleted one of which a mark is to
/// stay.
bool Applier::found_all(const Table& table, const TableOutcome& outcome,
                        std::span<const std::uint64_t> affected) const {
  for (std::size_t i = 0; i < outcome.rows.size(); ++i) {
    const RowOutcome& row = outcome.rows[i];
    const bool may_be_absent = row.kind == RowOutcome::Kind::remove ? !table.shape.tombstones : row.fresh;
    if (affected[i] == 0 && !may_be_absent) return false;
  }
  return true;
}

/// In the order in which the source first touched the rows, which seldom makes two of them clash. What the statements
/// have done, the temporary table does again to the same end.
void Applier::write_directly(std::span<const TableOutcome* const> outcomes, Pass& pass) {
  direct_ = true;
  for (const TableOutcome* outcome : outcomes)
    prepare_rows(table_of(pass.batch.tables()[outcome->table]), *outcome, pass.context.wait);
  {
    postgres::Pipeline pipeline(connection_);
    for (const TableOutcome* outcome : outcomes) {
      Table& table = table_of(pass.batch.tables()[outcome->table]);
      for (const RowOutcome& row : outcome->rows) send(pipeline, table, row);
    }
    pipeline.finish(affected_, pass.context.wait);
  }
  direct_ = false;
  std::size_t at = 0;
  for (const TableOutcome* outcome : outcomes) {
    const std::span affected(affected_.data() + at, outcome->rows.size());
    at += outcome->rows.size();
    if (!found_all(table_of(pass.batch.tables()[outcome->table]), *outcome, affected)) stage_and_merge(*outcome, pass);
  }
}

}  // namespace peerd::pgtarget
