#include "postgres/applier.h"

#include <algorithm>

#include "peerd/base/log.h"
#include "postgres/errors.h"
#include "postgres/limits.h"
#include "postgres/merge_work.h"
#include "postgres/table_lock.h"

namespace peerd::pgtarget {
namespace {

constexpr std::size_t kFew = 4;  ///< A COPY costs each table as many round trips as all rows together that go directly.
constexpr std::ptrdiff_t kLeastCopied =
    64;  ///< For fewer new rows a COPY of their own costs more round trips than it saves.

}  // namespace

template <typename Doing>
void Applier::explained(const Table& table, Doing doing) {
  try {
    doing();
  } catch (Error& error) {
    explain(error, site_, table.of);
    throw;
  }
}

Applier::Table& Applier::table_of(const MirrorTable& table) { return *tables_.at(table.schema.id); }

void Applier::learn(std::span<const MirrorTable> tables, const Wait& wait) {
  for (const MirrorTable& source : tables) {
    const auto known = tables_.find(source.schema.id);
    if (known != tables_.end() && known->second->source == source) continue;
    forget(source.schema.id, wait);
    const MirrorTable table = site_.here(source);
    const postgres::QualifiedName name = postgres::parse_qualified(table.target_name);
    const Standing standing = inspect(connection_, name, wait);
    if (standing.oid == 0) {
      throw Error(ErrorCode::not_found, "table " + name.quoted() + " is gone from the target",
                  "RESYNC TABLE " + table.schema.qualified() + " OF the mirror copies it anew");
    }
    if (const auto refused = stricter_than_source(site_, table, name.quoted(), standing.rules))
      throw Error(refused->text);
    if (const auto refused = resets_own_columns(site_, table, name, standing)) throw Error(refused->text);
    auto learnt = std::make_unique<Table>();
    learnt->source = source;
    learnt->of = table;
    learnt->rules = standing.rules;
    learnt->oid = standing.oid;
    for (const StandingColumn& column : standing.columns)
      learnt->column_names += (learnt->column_names.empty() ? "" : ",") + column.name;
    learnt->shape = shape_of(site_, name, table, standing);
    learnt->key_position.assign(table.schema.columns.size(), -1);
    for (std::size_t i = 0; i < table.schema.key.size(); ++i) {
      learnt->key_position[table.schema.key[i]] = static_cast<std::int32_t>(i);
    }
    learnt->groups.emplace_back(table.schema.columns.size(), false);
    tables_[table.schema.id] = std::move(learnt);
  }
}

/// What the session keeps for the table goes; "" = nothing.
std::string Applier::take_back(Table& table) {
  std::string sql = table.staging ? drop_staging(table.shape) + "; " : "";
  kept_ -= table.staging ? 1 : 0;
  table.staging = false;
  for (const std::string& name : table.prepared) sql += "DEALLOCATE " + name + "; ";
  kept_ -= table.prepared.size();
  table.prepared.clear();
  for (RowStatement& statement : table.direct) {
    statement.used = false;
    if (statement.name.empty()) continue;
    sql += "DEALLOCATE " + statement.name + "; ";
    statement.name.clear();
    --kept_;
  }
  return sql;
}

void Applier::keep_few(const Wait& wait) {
  if (kept_ <= kMostKept) return;
  constexpr int kAtOnce = 32;  // Whatever is dropped together is locked together.
  std::string sql;
  int count = 0;
  const auto send = [&] {
    if (!sql.empty()) connection_.run(sql, wait);
    sql.clear();
    count = 0;
  };
  for (auto& [id, table] : tables_) {
    sql += take_back(*table);
    if (++count == kAtOnce) send();
  }
  send();
}

void Applier::forget(TableId table, const Wait& wait) {
  const auto known = tables_.find(table);
  if (known == tables_.end()) return;
  if (const std::string sql = take_back(*known->second); !sql.empty()) connection_.run(sql, wait);
  tables_.erase(known);
}

void Applier::forget(const Batch& batch, const Wait& wait) {
  for (const MirrorTable& table : batch.tables()) forget(table.schema.id, wait);
}

void Applier::rolled_back() {
  for (const TableId id : made_) {
    const auto known = tables_.find(id);
    if (known == tables_.end() || !known->second->staging) continue;
    known->second->staging = false;
    --kept_;
  }
  made_.clear();
}

bool Applier::may_copy(const Batch& batch, const Horizons& horizons) const {
  if (batch.size() == 0 || !Collapser::inserts_only(batch)) return false;
  const bool few = std::ranges::none_of(batch.tables(), [](const MirrorTable& table) { return table.schema.keyless(); }) &&
                   batch.size() <= site_.direct_rows / kFew * batch.tables().size() &&
                   std::ranges::all_of(batch.changes(), [](const ChangeView& change) { return is_short(change.row); });
  const Lsn first = batch.changes().front().version.commit;
  return std::ranges::all_of(batch.tables(), [&](const MirrorTable& table) {
    const auto known = tables_.find(table.schema.id);
    // A rule that is checked at the commit, or not at all, tells of no marked row that is in the way.
    return known != tables_.end() && known->second->merges_left == 0 && !horizons.below(table.schema.id, first) &&
           std::ranges::none_of(known->second->shape.clashes, &Clash::deferrable) &&
           !(few && known->second->shape.always.empty());
  });
}

bool Applier::outdated(const Batch& batch, const Wait& wait) {
  return std::ranges::any_of(batch.tables(), [&](const MirrorTable& table) {
    const auto known = tables_.find(table.schema.id);
    return known != tables_.end() &&
           inspect(connection_, postgres::parse_qualified(table.target_name), wait).rules != known->second->rules;
  });
}

void Applier::clashed(const Batch& batch) {
  for (const MirrorTable& table : batch.tables()) table_of(table).merges_left = kMergesAfterClash;
}

void Applier::copy(const Batch& batch, const Wait& wait) {
  order_by_table(batch);
  std::size_t at = 0;
  for (std::size_t table = 0; table < batch.tables().size(); ++table) {
    const std::size_t end = at + batch.counts()[table].all();
    if (at == end) continue;
    Table& into = table_of(batch.tables()[table]);
    explained(into, [&] {
      copy_.begin(connection_, copy_rows(into.shape), wait);
      for (; at < end; ++at) {
        for (const CellView& cell : batch.changes()[order_.empty() ? at : order_[at]].row) copy_.cell(cell);
        copy_.end_row(wait);
      }
      copy_.finish(wait);
    });
  }
}

/// One COPY per table, whatever the order in which they were written. Nothing to be done for one.
void Applier::order_by_table(const Batch& batch) {
  order_.clear();
  if (batch.tables().size() == 1) return;
  starts_.assign(1, 0);
  for (const ChangeCounts& counts : batch.counts()) starts_.push_back(starts_.back() + static_cast<std::uint32_t>(counts.all()));
  order_.resize(batch.size());
  for (std::uint32_t i = 0; i < batch.size(); ++i) order_[starts_[batch.changes()[i].table]++] = i;
}

/// Keys that rows left by a delete or a key change: an insert of such a key meets what stands there.
void Applier::note_vacated(const Batch& batch) {
  vacated_.clear();
  if (const ChangeCounts counts = batch.count(); counts.of(ChangeView::Kind::remove) + counts.rekeyed == 0) return;
  std::vector<CellView> key;
  for (const ChangeView& change : batch.changes()) {
    const TableSchema& schema = batch.tables()[change.table].schema;
    if (!change.old_key.empty()) vacated_.push_back(hash_key(schema.id, change.old_key));
    if (change.kind != ChangeView::Kind::remove) continue;
    key.clear();
    for (const std::uint16_t column : schema.key) key.push_back(change.row[column]);
    vacated_.push_back(hash_key(schema.id, key));
  }
  std::ranges::sort(vacated_);
}

bool Applier::is_new(const Table& table, const RowOutcome& row) const {
  return row.fresh && !std::ranges::binary_search(vacated_, hash_key(table.of.schema.id, row.key));
}

void Applier::merge(const Batch& batch, const ApplyContext& context, bool may_retry) {
  if (batch.size() == 0) return;
  refused_ = nullptr;
  Pass pass{batch, context, may_retry};
  note_vacated(batch);
  std::vector<const TableOutcome*> direct;
  for (const TableOutcome& outcome : collapser_.collapse(batch)) {
    const MirrorTable& table = batch.tables()[outcome.table];
    if (goes_directly(table_of(table), outcome, pass)) {
      direct.push_back(&outcome);
      continue;
    }
    stage_and_merge(outcome, pass);
    if (int& left = table_of(table).merges_left; left > 0) --left;
  }
  if (!direct.empty()) write_directly(direct, pass);
  for (std::uint32_t i = 0; i < batch.tables().size(); ++i) {
    const MirrorTable& of = batch.tables()[i];
    if (!of.schema.keyless() || batch.counts()[i].all() == 0) continue;
    if (table_of(of).shape.other_unique) look_again(of, context.wait);
    Table& table = table_of(of);
    explained(table, [&] { merge_whole(table, i, pass); });
    if (table.merges_left > 0) --table.merges_left;
  }
}

void Applier::stage_and_merge(const TableOutcome& outcome, Pass& pass) {
  const MirrorTable& of = pass.batch.tables()[outcome.table];
  if (table_of(of).shape.other_unique || std::ranges::any_of(outcome.rows, &RowOutcome::rekeyed)) look_again(of, pass.context.wait);
  Table& table = table_of(of);
  explained(table, [&] { merge_table(table, outcome, pass); });
}

/// Rows that are removed and placed again take the operator's columns along, all of them: one that was added since the
/// table was learnt would be reset in silence. From here to the end of the transaction none can be added.
void Applier::look_again(const MirrorTable& table, const Wait& wait) {
  const Table& known = table_of(table);
  const auto now = connection_.run("LOCK TABLE " + known.shape.table +
                                       " IN ROW EXCLUSIVE MODE; SELECT string_agg(attname, ',' ORDER BY attnum)"
                                       " FROM pg_attribute WHERE attrelid = " +
                                       std::to_string(known.oid) + " AND attnum > 0 AND NOT attisdropped",
                                   wait);
  if (now.text(0, 0) == known.column_names) return;
  const int merges_left = known.merges_left;
  forget(table.schema.id, wait);
  learn(std::span(&table, 1), wait);
  table_of(table).merges_left = merges_left;
}

postgres::Result Applier::execute(Table& table, const std::string& what, const std::string& sql, const Wait& wait) {
  const std::string name = "peerd_" + std::to_string(table.of.schema.id.oid) + "_" + what;
  if (!table.prepared.contains(name)) {
    connection_.prepare(name, sql, wait);
    table.prepared.insert(name);
    ++kept_;
  }
  return connection_.run_prepared(name, {}, wait);
}

void Applier::truncate(Table& table, const Wait& wait) {
  if (!table.shape.soft_delete.empty()) {
    connection_.run(mark_all(table.shape), wait);
    return;
  }
  const postgres::QualifiedName name = postgres::parse_qualified(table.of.target_name);
  lock_alone(connection_, site_, name, wait);
  remove_all_rows(connection_, name, wait);
}

void Applier::merge_table(Table& table, const TableOutcome& outcome, Pass& pass) {
  const Wait& wait = pass.context.wait;
  if (outcome.truncated) truncate(table, wait);
  if (outcome.rows.empty()) return;
  Work work;
  work.copies_new = pass.may_retry && !table.shape.other_unique && table.merges_left == 0 &&
                    outcome.rows.size() > site_.direct_rows &&  // Fewer may stand already: they were sent directly first.
                    std::ranges::count_if(outcome.rows, &RowOutcome::fresh) >= kLeastCopied;
  stage(table, outcome, pass, work);
  carry_values(table, outcome, pass, work);
  keep_extra(table, pass, work);
  remove(table, pass, work);
  update(table, outcome, pass, work);
  place(table, pass, work);
  copy_new(table, outcome, pass, work);
  empty_staging(table, outcome, wait);
}

/// Values that rows take along from where they stood, read before anything moves.
void Applier::carry_values(Table& table, const TableOutcome& outcome, Pass& pass, Work& work) {
  const Wait& wait = pass.context.wait;
  const Shape& shape = table.shape;
  bool unfilled = false;
  for (std::size_t group = 0; group < work.groups.size(); ++group) {
    Work::Group& counts = work.groups[group];
    const std::string suffix = std::to_string(group);
    const int number = static_cast<int>(group);
    if (counts.carried > 0) {
      const std::string sql = fill_from_base(shape, number, table.groups[group]);
      unfilled |= execute(table, "carry" + suffix, sql, wait).affected() < counts.carried;
    }
    if (counts.updated > 0 && shape.other_unique) {
      const std::string sql = promote_watched(shape, number, table.groups[group]);
      const std::uint64_t promoted = execute(table, "watch" + suffix, sql, wait).affected();
      counts.updated -= promoted;
      work.placed += promoted;
    }
  }
  if (!unfilled) return;
  ask_for(table, outcome, connection_.run(select_unfilled(shape), wait), pass, work);
  connection_.run(discard_unfilled(shape), wait);
}

/// What the operator keeps in columns of his own, of rows that are removed and placed again; read before anything moves.
void Applier::keep_extra(Table& table, Pass& pass, const Work& work) {
  if (table.shape.extra.empty() || work.placed == 0) return;
  const Wait& wait = pass.context.wait;
  execute(table, "extra_of_base", keep_extra_of_base(table.shape), wait);
  execute(table, "extra_of_key", keep_extra_of_key(table.shape), wait);
}

void Applier::remove(Table& table, Pass& pass, const Work& work) {
  const Wait& wait = pass.context.wait;
  const Shape& shape = table.shape;
  const bool soft = !shape.soft_delete.empty();
  if (soft && work.removed > 0) {
    const std::uint64_t marked = execute(table, "mark", mark_removed(shape), wait).affected();
    if (marked < work.removed && shape.tombstones) execute(table, "tombstone", insert_tombstones(shape), wait);
  }
  if (work.moved_away > 0 || (!soft && work.removed > 0)) execute(table, "delete", delete_removed(shape), wait);
}

void Applier::update(Table& table, const TableOutcome& outcome, Pass& pass, Work& work) {
  const Wait& wait = pass.context.wait;
  const Shape& shape = table.shape;
  bool absent = false;
  for (std::size_t group = 0; group < work.groups.size(); ++group) {
    const std::uint64_t staged = work.groups[group].updated;
    if (staged == 0) continue;
    const std::string sql = update_in_place(shape, static_cast<int>(group), table.groups[group]);
    if (!sql.empty() && execute(table, "update" + std::to_string(group), sql, wait).affected() >= staged) continue;
    if (group == 0) {
      work.placed += execute(table, "absent", promote_absent(shape), wait).affected();
    } else {
      absent = true;
    }
  }
  if (absent) ask_for(table, outcome, connection_.run(select_absent(shape), wait), pass, work);
}

/// For rows from the future, and of the past, which their own changes bring back: see rules.md 25. Marked rows are gone.
void Applier::make_room(Table& table, const Wait& wait) {
  const Shape& shape = table.shape;
  for (std::size_t i = 0; i < shape.clashes.size(); ++i) {
    const Clash& clash = shape.clashes[i];
    const std::string number = std::to_string(i);
    execute(table, "clash" + number,
            delete_clashing(shape, clash, rows_to_place(shape, Action::place_over), ClashWith::any_row), wait);
    if (shape.soft_delete.empty()) continue;
    execute(table, "marked" + number,
            delete_clashing(shape, clash, rows_to_place(shape, Action::place), ClashWith::marked_rows), wait);
  }
}

void Applier::place(Table& table, Pass& pass, const Work& work) {
  if (work.placed == 0) return;
  const Wait& wait = pass.context.wait;
  const Shape& shape = table.shape;
  if (shape.other_unique) {
    make_room(table, wait);
    execute(table, "clear", clear_placed(shape), wait);
  }
  if (!shape.extra.empty()) execute(table, "place_extra", insert_placed_with_extra(shape), wait);
  execute(table, "place", insert_placed(shape), wait);
}

/// Last, when all that may make room for them is gone.
void Applier::copy_new(Table& table, const TableOutcome& outcome, Pass& pass, const Work& work) {
  if (work.fresh.empty()) return;
  copy_.begin(connection_, copy_rows(table.shape), pass.context.wait);
  for (const std::uint32_t index : work.fresh) {
    for (const CellView& cell : outcome.rows[index].row) copy_.cell(cell);
    copy_.end_row(pass.context.wait);
  }
  copy_.finish(pass.context.wait);
}

}  // namespace peerd::pgtarget
