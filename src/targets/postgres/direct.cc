#include <algorithm>

#include "postgres/errors.h"
#include "postgres/merge_work.h"

namespace peerd::pgtarget {
namespace {

constexpr std::size_t kMostOfAnExchange = 1 << 20;  ///< Bytes, which wait in memory until the server takes them.

enum Number : std::size_t { kInsert = 0, kRemove = 1, kFirstUpdate = 2 };

}  // namespace

/// Only what one statement settles for one row, whatever stands there: rows that keep their keys, whose values are all
/// there or stay as they are, above the horizon. Rules that are not checked at once would not tell of a clash.
bool Applier::goes_directly(Table& table, const TableOutcome& outcome, const Pass& pass) {
  const Shape& shape = table.shape;
  if (!pass.may_retry || outcome.truncated || table.merges_left > 0) return false;
  if (outcome.rows.size() > site_.direct_rows) return false;
  if (table.never_direct || !shape.always.empty()) return false;
  if (std::ranges::any_of(shape.clashes, &Clash::deferrable)) return false;
  // A statement that finds its row among partitions is planned, and locks, over all of them.
  const bool partitioned = shape.rows == shape.table;
  const Horizons& horizons = pass.context.horizons;
  const TableId id = table.of.schema.id;
  std::size_t bytes = 0;
  return std::ranges::all_of(outcome.rows, [&](const RowOutcome& row) {
    bytes += bytes_of(row.row);
    if (bytes > kMostDirectBytes || row.rekeyed || row.moved_away || (partitioned && !row.fresh)) return false;
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
    if (next == kInsert) {
      statement.sql = insert_row(shape);
    } else if (next == kRemove) {
      // A deleted row of which a mark is to stay is a case for the temporary table where it does not stand,
      statement.sql = shape.tombstones ? must_find(remove_row(shape)) : remove_row(shape);
    } else {
      // and so is one that should stand.
      const std::string sql = update_row(shape, table.groups[next - kFirstUpdate]);
      statement.sql = sql.empty() ? "" : must_find(sql);
    }
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
    if (!std::exchange(statement.used, true) || !statement.name.empty() || kept_ >= kMostKept) continue;
    const std::string name = "peerd_" + std::to_string(table.of.schema.id.oid) + "_row_" + std::to_string(number);
    try {
      connection_.prepare(name, statement.sql, wait);
    } catch (const Error& error) {
      if (!connection_.broken() && is_refusal(error)) refused_ = &table;
      throw;
    }
    statement.name = name;
    ++kept_;
  }
}

void Applier::send(postgres::Pipeline& pipeline, const Sent& sent, const Batch& batch) {
  Table& table = table_of(batch.tables()[sent.of->table]);
  const RowOutcome& row = *sent.row;
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

/// Of each table what leaves first (rules.md 26): keys that the batch tells apart may be one key to the target.
void Applier::order(std::span<const TableOutcome* const> outcomes) {
  sent_.clear();
  for (const TableOutcome* outcome : outcomes) {
    for (const auto kind : {RowOutcome::Kind::remove, RowOutcome::Kind::upsert}) {
      for (const RowOutcome& row : outcome->rows) {
        if (row.kind == kind) sent_.push_back({outcome, &row});
      }
    }
  }
}

void Applier::exchange(Pass& pass) {
  affected_.clear();
  try {
    for (std::size_t next = 0; next < sent_.size();) {
      postgres::Pipeline pipeline(connection_);
      for (std::size_t bytes = 0; next < sent_.size() && bytes < kMostOfAnExchange; ++next) {
        send(pipeline, sent_[next], pass.batch);
        bytes += values_.size();
      }
      pipeline.finish(affected_, pass.context.wait);
    }
  } catch (Error& error) {
    if (connection_.broken() || affected_.size() >= sent_.size()) throw;
    Table& table = table_of(pass.batch.tables()[sent_[affected_.size()].of->table]);
    if (is_refusal(error)) {
      refused_ = &table;
    } else {
      explain(error, site_, table.of);
    }
    throw;
  }
}

void Applier::write_directly(std::span<const TableOutcome* const> outcomes, Pass& pass) {
  for (const TableOutcome* outcome : outcomes)
    prepare_rows(table_of(pass.batch.tables()[outcome->table]), *outcome, pass.context.wait);
  order(outcomes);
  exchange(pass);
}

bool Applier::all_directly(const Batch& batch, const ApplyContext& context) {
  if (batch.size() > site_.direct_rows * batch.tables().size()) return false;
  // Those without a key have no outcomes (collapse.h), and are followed as a whole.
  if (std::ranges::any_of(batch.tables(), [](const MirrorTable& table) { return table.schema.keyless(); })) return false;
  Pass pass{batch, context, true};
  direct_.clear();
  std::size_t bytes = 0;
  for (const TableOutcome& outcome : collapser_.collapse(batch)) {
    if (!goes_directly(table_of(batch.tables()[outcome.table]), outcome, pass)) return false;
    for (const RowOutcome& row : outcome.rows) bytes += bytes_of(row.row);
    direct_.push_back(&outcome);
  }
  if (bytes > kMostOfAnExchange) return false;
  for (const TableOutcome* outcome : direct_) prepare_rows(table_of(batch.tables()[outcome->table]), *outcome, context.wait);
  order(direct_);
  return true;
}

std::size_t Applier::send_all(postgres::Pipeline& pipeline, const Batch& batch) {
  for (const Sent& sent : sent_) send(pipeline, sent, batch);
  return sent_.size();
}

void Applier::refused(const Batch& batch, std::size_t row) { refused_ = &table_of(batch.tables()[sent_.at(row).of->table]); }

bool Applier::give_way(const Error& error) {
  if (refused_ == nullptr) return false;
  Table& table = *std::exchange(refused_, nullptr);
  table.merges_left = kMergesAfterClash;
  table.never_direct = error.text.origin.starts_with("42") || error.text.origin.starts_with("0A");
  return true;
}

}  // namespace peerd::pgtarget
