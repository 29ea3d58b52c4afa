#include "clickhouse/rename.h"

#include <algorithm>
#include <set>

#include "clickhouse/marks.h"
#include "clickhouse/views_on.h"
#include "peerd/base/text.h"
#include "renames.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

TableSchema as_at_target(const MirrorTable& table, const TableLayout& layout) {
  TableSchema schema = table.schema;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) schema.columns[i].name = layout.names[i];
  return schema;
}

std::vector<Renaming> wanted(const Renamed& table) {
  return renamings(as_at_target(table.from, table.before), as_at_target(table.to, table.after));
}

std::string mark_of(const MirrorTable& table, const TableLayout& layout) { return names_mark(as_at_target(table, layout)); }

void add_step(std::vector<std::string>& parts, const std::string& from, const std::string& to) {
  parts.push_back("RENAME COLUMN " + quote_name(from) + " TO " + quote_name(to));
}

/// Both of them at once, and in one ALTER: the column that tells which arrays are NULL goes with its array.
void alter(Client& client, const MirrorTable& table, const std::vector<Renaming>& steps, const ExistingTable& existing,
           const std::string& mark, const Wait& wait) {
  std::vector<std::string> parts;
  for (const Renaming& step : steps) {
    add_step(parts, step.from, step.to);
    if (existing.columns.contains(null_note(step.from))) add_step(parts, null_note(step.from), null_note(step.to));
  }
  const std::string alter = "ALTER TABLE " + quote_name(table.target_name) + " ";
  if (!mark.empty())
    parts.push_back("COMMENT COLUMN " + std::string(kVersionColumn) + " " + quote_text(with_mark(version_comment(existing), mark)));
  try {
    client.execute(alter + join(parts, ", "), wait);
  } catch (Error& error) {
    if (!error.text.origin.starts_with("CH ") || error.text.retry == Retry::later) throw;
    error.text.table = table.schema.qualified();
    error.text.hint += (error.text.hint.empty() ? "" : "; ") + ("columns were renamed at the source; RESYNC TABLE " + error.text.table +
                       " OF the mirror copies the table anew, with their new names");
    throw;
  }
}

bool waits(const ExistingTable& existing, const std::vector<Renaming>& renamings) {
  return std::ranges::any_of(renamings, [&](const Renaming& one) { return existing.columns.contains(temporary_name(one.number)); });
}

/// All have the names that they are to have.
bool is_done(const ExistingTable& existing, const std::vector<Renaming>& renamings, const std::string& mark) {
  if (waits(existing, renamings)) return false;
  for (const Renaming& one : renamings) {
    const bool again = std::ranges::find(renamings, one.from, &Renaming::to) != renamings.end();
    if (!again) return !existing.columns.contains(one.from);
  }
  return mark_of_kind(version_comment(existing), "peerd names") == mark;
}

/// From wherever an attempt of before has left them.
void go(Client& client, const MirrorTable& table, const std::vector<Renaming>& renamings, const std::string& mark, const Wait& wait) {
  const ExistingTable existing = read_table(client, table.target_name, wait);
  std::vector<Renaming> first, second;
  for (const Renaming& step : in_order(renamings)) (is_temporary(step) ? second : first).push_back(step);
  const std::string once = second.empty() && goes_round(renamings) ? mark : "";
  if (!waits(existing, renamings)) alter(client, table, first, existing, once, wait);
  if (!second.empty()) alter(client, table, second, read_table(client, table.target_name, wait), mark, wait);
}

/// The column is what rows are ordered, kept apart or partitioned by.
void require_free_of_key(const Renamed& table, const std::vector<Renaming>& renamings, const ExistingTable& existing) {
  for (const Renaming& one : renamings) {
    const auto column = existing.columns.find(one.from);
    if (column == existing.columns.end() || !(column->second.in_key || column->second.in_partition)) continue;
    ErrorText text;
    text.code = ErrorCode::schema_changed;
    text.table = table.to.schema.qualified();
    text.message = "column " + quote_name(one.from) + " of table " + text.table + " is called " + quote_name(one.to) +
                   " now, and ClickHouse renames no column of a table's key";
    text.hint = "RESYNC TABLE " + text.table + " OF the mirror copies the table anew, under the new name";
    text.retry = Retry::after_operator;
    throw Error(std::move(text));
  }
}

void require_free_names(const Renamed& table, const std::vector<Renaming>& renamings, const ExistingTable& existing) {
  throw_if_any(name_clashes(table.after));
  const std::string name = quote_name(table.to.target_name);
  for (const Renaming& one : renamings) {
    for (const std::string& taken : {one.to, null_note(one.to)}) {
      if (!existing.columns.contains(taken)) continue;
      const auto goes = [&](const Renaming& other) { return other.from == taken || null_note(other.from) == taken; };
      if (std::ranges::any_of(renamings, goes)) continue;
      const auto& kept = table.from.notes.excluded;
      if (std::ranges::find(kept, one.to, &CatalogNotes::Excluded::name) != kept.end()) {
        throw Error(kept_column(table.to, one.to, "table " + name,
                                "ALTER TABLE " + name + " DROP COLUMN IF EXISTS " + quote_name(one.to) + ", DROP COLUMN IF EXISTS " +
                                    quote_name(null_note(one.to))));
      }
      throw Error(taken_name(table.to, one, "table " + name, "ALTER TABLE " + name + " RENAME COLUMN " + quote_name(taken) + " TO …"));
    }
  }
}

/// A materialized view is not renamed with the column, and each insert would fail.
void require_no_views(Client& client, const Renamed& table, const std::vector<Renaming>& renamings, const Wait& wait) {
  std::set<std::string> names;
  for (const Renaming& one : renamings) names.insert(one.from);
  const auto view = view_that_reads(client, table.to.target_name, names, Views::materialized, wait);
  if (!view) return;
  const Renaming& one = *std::ranges::find(renamings, view->column, &Renaming::from);
  ErrorText text = taken_name(table.to, one, "", "DROP VIEW " + view->name);
  text.message = "column " + quote_name(one.from) + " of table " + text.table + " is called " + quote_name(one.to) +
                 " now, and materialized view " + view->name + " reads it by its old name";
  text.hint += ", and make the view again with the new name";
  throw Error(std::move(text));
}

}  // namespace

void rename_columns(Client& client, const Renamed& table, const ExistingTable& existing, const Wait& wait) {
  const std::vector<Renaming> renamings = wanted(table);
  if (renamings.empty()) return;
  require_free_of_key(table, renamings, existing);
  require_free_names(table, renamings, existing);
  require_no_views(client, table, renamings, wait);
  go(client, table.to, renamings, mark_of(table.to, table.after), wait);
}

void take_back_names(Client& client, const Renamed& table, const Wait& wait) {
  const std::vector<Renaming> there = wanted(table);
  ExistingTable existing = read_table(client, table.from.target_name, wait);
  const std::string mark = mark_of(table.to, table.after);
  if (there.empty() || !existing.exists) return;
  if (waits(existing, there)) {
    go(client, table.to, there, mark, wait);
    existing = read_table(client, table.from.target_name, wait);
  }
  if (!is_done(existing, there, mark)) return;
  go(client, table.from, wanted({table.to, table.from, table.after, table.before}), mark_of(table.from, table.before), wait);
}

}  // namespace peerd::clickhouse
