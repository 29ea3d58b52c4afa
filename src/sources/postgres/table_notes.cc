#include "postgres/table_notes.h"

#include <algorithm>
#include <utility>

#include "peerd/base/text.h"
#include "peerd/postgres/type_change.h"

namespace peerd {
namespace {

constexpr std::string_view kRowsStay =
    "rows that the source has no more can be deleted at the target by hand; RESYNC TABLE copies the table anew";

bool holds(const Excluded& names, const std::string& name) { return std::ranges::find(names, name) != names.end(); }

bool in_stream(const LookedColumn& column) { return !column.dropped && !column.generated; }

bool is_excluded(const CatalogNotes& notes, std::int16_t number) {
  return std::ranges::find(notes.excluded, number, &CatalogNotes::Excluded::number) != notes.excluded.end();
}

bool same_type(const Column& column, const LookedColumn& now) {
  return column.type_oid == now.type_oid && column.type_modifier == now.type_modifier;
}

const CatalogNotes::Partition* find_partition(const CatalogNotes& notes, std::uint32_t oid) {
  const auto found = std::ranges::find(notes.partitions, oid, &CatalogNotes::Partition::oid);
  return found == notes.partitions.end() ? nullptr : &*found;
}

bool shares_one(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
  return std::ranges::any_of(a, [&](std::uint32_t oid) { return std::ranges::binary_search(b, oid); });
}

/// The last column before the first that the stream will announce as a new one.
std::int16_t last_known(const MirrorTable& table, const Excluded& exclude, const LookedTable& now) {
  for (const LookedColumn& column : now.columns) {
    const bool known = std::ranges::any_of(table.schema.columns, [&](const Column& c) { return c.number == column.number; });
    if (!known && in_stream(column) && !holds(exclude, column.name)) return static_cast<std::int16_t>(column.number - 1);
  }
  return now.columns.empty() ? std::int16_t{0} : now.columns.back().number;
}

void note_columns(MirrorTable& table, const Excluded& exclude, const LookedTable& now) {
  CatalogNotes& notes = table.notes;
  notes.file_node = now.file_node;
  const std::vector<CatalogNotes::Mark> before = std::exchange(notes.marks, {});
  for (const Column& column : table.schema.columns) {
    const LookedColumn& found = *now.find(column.number);
    const std::size_t i = notes.marks.size();
    notes.marks.push_back(found.mark);
    // What it was made of says what its values can become, where the stream comes to its new type.
    if (found.type_oid != column.type_oid && i < before.size()) notes.marks[i].types = before[i].types;
  }
  // Rows of when a dropped one was there may still come. The others are what they are, under whatever name.
  for (CatalogNotes::Excluded& column : notes.excluded) {
    const LookedColumn* const found = now.find(column.number);
    if (found != nullptr && !found->dropped) column.name = found->name;
  }
  for (const LookedColumn& column : now.columns) {
    const bool mirrored = std::ranges::find(table.schema.columns, column.number, &Column::number) != table.schema.columns.end();
    if (column.number <= notes.last_number && in_stream(column) && !mirrored && !is_excluded(notes, column.number) &&
        holds(exclude, column.name))
      notes.excluded.push_back({column.name, column.number});
  }
}

bool of_key(const TableSchema& schema, std::size_t column) {
  return std::ranges::find(schema.key, column) != schema.key.end();
}

std::string quoted(const std::string& name) { return "column " + quote_identifier(name); }

/// A column that is not found any more as it was: who else bears its name?
std::string became(const std::string& name, std::int16_t number, const LookedTable& now) {
  const LookedColumn* const same = now.find(number);
  const LookedColumn* const other = now.find(name);
  std::string text = same == nullptr || same->dropped ? "has lost " + quoted(name) + ": it was dropped"
                                                      : "has " + quoted(name) + " under another name: it is now called " +
                                                            quote_identifier(same->name);
  if (other != nullptr) text += ", and another column bears the name " + quote_identifier(name) + " now";
  return text;
}

/// Another file holds the table's rows than when it was noted; of a partitioned one, those of some of its partitions.
bool rewritten(const CatalogNotes& notes, const LookedTable& now) {
  return notes.file_node != now.file_node || std::ranges::any_of(now.partitions, [&](const LookedPartition& part) {
           const CatalogNotes::Partition* noted = find_partition(notes, part.note.oid);
           return noted != nullptr && noted->file_node != part.note.file_node;
         });
}

/// The column was altered and the table rewritten since the last look. ALTER … TYPE … USING does both at once, and no change of
/// a row tells of it; whatever was attached to the column is then made anew.
std::string changed_values(const MirrorTable& table, std::size_t i, const LookedTable& now) {
  const CatalogNotes& notes = table.notes;
  const Column& column = table.schema.columns[i];
  if (now.find(column.number)->dropped) return {};
  const CatalogNotes::Mark& mark = now.find(column.number)->mark;
  if (!rewritten(notes, now) || i >= notes.marks.size()) return {};
  if (mark.altered == notes.marks[i].altered || shares_one(mark.attached, notes.marks[i].attached)) return {};
  return "was rewritten after " + quoted(column.name) +
         " was altered: ALTER COLUMN ... TYPE ... USING may have changed its values, of which the WAL tells nothing";
}

using TypePart = CatalogNotes::TypePart;
using Partition = CatalogNotes::Partition;

const TypePart* find_part(const std::vector<TypePart>& parts, const TypePart& like) {
  const auto found = std::ranges::find_if(
      parts, [&](const TypePart& part) { return part.type == like.type && part.part == like.part; });
  return found == parts.end() ? nullptr : &*found;
}

/// What became of one label or attribute; empty when the text of older rows is not touched by it. An attribute's name is not
/// in the text, and its type cannot become another one while a table has it.
std::string became(const TypePart& noted, const TypePart* now) {
  if (now != nullptr && (!noted.label || now->text == noted.text)) return {};
  const auto called = [](const TypePart& part) { return part.label ? quote_literal(part.text) : part.text; };
  return (noted.label ? "label " : "attribute ") + called(noted) + (now == nullptr ? " is gone" : " is now " + called(*now));
}

/// Values of before do not have a label that came later, but they show an attribute that did.
std::string changed_type(const MirrorTable& table, std::size_t i, const LookedTable& now) {
  if (i >= table.notes.marks.size()) return {};
  const Column& column = table.schema.columns[i];
  if (now.find(column.number)->dropped || now.find(column.number)->type_oid != column.type_oid) return {};
  const std::vector<TypePart>& before = table.notes.marks[i].types;
  const std::vector<TypePart>& parts = now.find(column.number)->mark.types;
  const auto altered = [&](const TypePart& part, const std::string& what) {
    return "has " + quoted(column.name) + ", whose type " + part.type_name + " was altered: " + what +
           "; older rows hold the old text";
  };
  for (const TypePart& part : parts)
    if (!part.label && find_part(before, part) == nullptr) return altered(part, "attribute " + part.text + " is new");
  for (const TypePart& noted : before)
    if (const std::string what = became(noted, find_part(parts, noted)); !what.empty()) return altered(noted, what);
  return {};
}

/// To read the rows again would put each there once more: no change tells which of the old keys are to go.
std::string changed_key(const MirrorTable& table, const LookedTable& now) {
  for (const std::uint16_t i : table.schema.key) {
    std::string what = changed_type(table, i, now);
    if (what.empty()) what = changed_values(table, i, now);
    if (!what.empty()) return what + "; it is of the key: rows at the target may stand under their old keys";
  }
  return {};
}

}  // namespace

bool announces_more(const CatalogNotes& notes, const Excluded& exclude, const LookedTable& now) {
  return std::ranges::any_of(now.columns, [&](const LookedColumn& column) {
    return column.number > notes.last_number && in_stream(column) && !holds(exclude, column.name) &&
           !is_excluded(notes, column.number);
  });
}

bool take_notes(MirrorTable& table, const Excluded& exclude, const LookedTable& now) {
  std::vector<std::int16_t> numbers;
  for (const Column& column : table.schema.columns) {
    const LookedColumn* const found = now.find(column.name);
    if (found == nullptr || !in_stream(*found) || !same_type(column, *found)) return false;
    if (!numbers.empty() && found->number <= numbers.back()) return false;
    numbers.push_back(found->number);
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) table.schema.columns[i].number = numbers[i];
  table.notes = {};
  table.notes.last_number = last_known(table, exclude, now);
  table.notes.logged = now.logged;
  table.notes.rewritten = announces_more(table.notes, exclude, now);
  for (const LookedPartition& part : now.partitions) table.notes.partitions.push_back(part.note);
  note_columns(table, exclude, now);
  return true;
}

std::string what_changed(const MirrorTable& table, const LookedTable& now) {
  for (std::size_t i = 0; i < table.schema.columns.size(); ++i) {
    const Column& column = table.schema.columns[i];
    const LookedColumn* const found = now.find(column.number);
    if (found != nullptr && found->dropped && !of_key(table.schema, i)) continue;
    if (found == nullptr || !in_stream(*found)) return became(column.name, column.number, now);
  }
  for (const LookedPartition& part : now.partitions)
    if (const UnfitPartition bad = unfit(table.schema, part); !bad.what.empty()) return bad.what;
  return changed_key(table, now);
}

std::string what_may_differ(const MirrorTable& table, const LookedTable& now) {
  for (const auto changed : {changed_type, changed_values}) {
    for (std::size_t i = 0; i < table.schema.columns.size(); ++i)
      if (std::string what = changed(table, i, now); !what.empty()) return what;
  }
  return {};
}

bool surely_logged(const CatalogNotes& notes, const LookedTable& now) {
  return notes.logged.empty() || std::ranges::any_of(notes.logged, [&](const std::string& what) {
           return std::ranges::find(now.logged, what) != now.logged.end();
         });
}

bool renew_notes(MirrorTable& table, const Excluded& exclude, const LookedTable& now, bool passed, Doubt doubt) {
  const CatalogNotes before = table.notes;
  if (announces_more(table.notes, exclude, now)) {
    if (doubt == Doubt::no) return false;
    table.notes.rewritten = true;
  } else {
    table.notes.rewritten = false;
    for (const LookedColumn& column : now.columns) {
      // A dropped one the stream may still announce, for rows of when it was there.
      if (column.number > table.notes.last_number && column.dropped && !passed) break;
      table.notes.last_number = std::max(table.notes.last_number, column.number);
    }
  }
  note_columns(table, exclude, now);
  return table.notes != before;
}

std::vector<GainedColumn> gained_columns(const CatalogNotes& notes, const std::vector<Column>& sent, const LookedTable& now) {
  std::vector<GainedColumn> gained;
  for (const Column& announced : sent) {
    const LookedColumn* const found = now.find(announced.number);
    if (found == nullptr || !in_stream(*found) || found->number <= notes.last_number || !same_type(announced, *found)) return {};
    GainedColumn& added = gained.emplace_back();
    added.column = announced;
    added.column.in_key = false;
    added.column.type_name = found->type_name;
    // The catalog may be ahead: a row of before SET NOT NULL may still come.
    added.column.nullable = true;
    if (found->has_missing) added.column.missing_value = found->missing_value;
    // Without a rewrite the rows of before lack the column, and show NULL.
    added.older_rows_known = !found->missing_differs && (found->has_missing || (!notes.rewritten && !rewritten(notes, now)));
  }
  return gained;
}

void add_gained(MirrorTable& table, const Excluded& exclude, const std::vector<GainedColumn>& gained,
                const LookedTable& now) {
  for (const GainedColumn& added : gained) {
    table.schema.columns.push_back(added.column);
    table.notes.last_number = added.column.number;
  }
  // As with every column: its own marks as they are now. Those of before wait until nothing more is to be announced.
  if (renew_notes(table, exclude, now, false, Doubt::no)) return;
  for (std::size_t i = table.notes.marks.size(); i < table.schema.columns.size(); ++i)
    table.notes.marks.push_back(now.find(table.schema.columns[i].number)->mark);
}

void read_all_again(CatalogNotes& notes, Lsn position) {
  notes.read_again = position;
  for (Partition& part : notes.partitions) part.unread = true;
}

std::vector<Said> take_partitions(MirrorTable& table, const LookedTable& now) {
  std::vector<Said> said;
  std::vector<Partition> parts;
  const std::string of_table = " of table " + table.schema.qualified();
  for (const Partition& noted : table.notes.partitions) {
    if (std::ranges::any_of(now.partitions, [&](const LookedPartition& part) { return part.note.oid == noted.oid; })) continue;
    said.push_back({"partition " + noted.name + of_table + " was detached or dropped at the source: its rows stay at the target",
                    std::string(kRowsStay)});
  }
  for (const LookedPartition& part : now.partitions) {
    const Partition* const noted = find_partition(table.notes, part.note.oid);
    Partition& kept = parts.emplace_back(part.note);
    if (noted != nullptr && noted->link == kept.link) {
      kept.file_node = noted->file_node;  // Judged by take_files().
      kept.toast = noted->toast;
      kept.unread = noted->unread;
      continue;
    }
    kept.unread = true;
    if (noted == nullptr || noted->link.empty()) {
      said.push_back({"partition " + kept.name + of_table + " is new: its rows are read at the source", ""});
    } else {
      said.push_back({"partition " + kept.name + of_table + " was detached and attached again: its rows are read at the "
                      "source, and rows that were deleted meanwhile stay at the target", std::string(kRowsStay)});
    }
  }
  table.notes.partitions = std::move(parts);
  return said;
}

std::vector<Said> take_files(MirrorTable& table, const LookedTable& now, const std::function<bool(const LookedPartition&)>& explained) {
  std::vector<Said> said;
  for (Partition& noted : table.notes.partitions) {
    const auto part = std::ranges::find_if(now.partitions, [&](const LookedPartition& p) { return p.note.oid == noted.oid; });
    if (part == now.partitions.end() || part->note.file_node == noted.file_node) continue;
    const bool kept_toast = noted.toast != 0 && noted.toast == part->note.toast;
    noted.file_node = part->note.file_node;
    noted.toast = part->note.toast;
    if (explained(*part)) continue;
    said.push_back({"partition " + noted.name + " of table " + table.schema.qualified() +
                        " was written anew at the source, and nothing tells whether by VACUUM FULL or CLUSTER, or by a TRUNCATE "
                        "of the partition itself, whose rows stay at the target then" +
                        (kept_toast ? "" : "; or by SET UNLOGGED and SET LOGGED, and what was changed in between is missing"),
                    std::string(kRowsStay)});
  }
  return said;
}

std::vector<Said> excluded_renamed(const MirrorTable& table, const LookedTable& now) {
  std::vector<Said> said;
  for (const auto& [name, number] : table.notes.excluded) {
    const LookedColumn* const found = now.find(number);
    if (found == nullptr || found->dropped || found->name == name) continue;
    said.push_back({"excluded column " + quote_identifier(name) + " of table " + table.schema.qualified() + " is called " +
                        quote_identifier(found->name) + " now: it stays excluded", ""});
  }
  return said;
}

void rename_columns(TableSchema& schema, std::span<const Shape::Renamed> renamed) {
  for (const auto& [number, name] : renamed) {
    const auto column = std::ranges::find(schema.columns, number, &Column::number);
    if (column == schema.columns.end()) continue;
    if (column->mapped.empty()) column->mapped = column->name;
    column->name = name;
    if (column->mapped == name) column->mapped.clear();
  }
}

namespace {

/// Beneath all domains.
postgres::TypeId type_under(const Column& column) {
  if (column.base.oid != 0) return {column.base.oid, column.base.modifier};
  return {column.type_oid, column.type_modifier};
}

}  // namespace

bool can_follow(const Column& from, const Column& to, const CatalogNotes::Mark* mark) {
  if (postgres::takes_text_of(type_under(from), type_under(to))) return true;
  const auto label = [&](const TypePart& part) { return part.label && part.type == from.type_oid; };
  const bool is_enum = mark != nullptr && std::ranges::any_of(mark->types, label);
  return is_enum && to.base.oid == 0 && postgres::is_any_text(type_under(to));
}

void retype_columns(TableSchema& schema, std::span<const Column> retyped) {
  for (const Column& now : retyped) {
    const auto column = std::ranges::find(schema.columns, now.number, &Column::number);
    if (column == schema.columns.end()) continue;
    column->type_oid = now.type_oid;
    column->type_modifier = now.type_modifier;
    column->type_name = now.type_name;
    column->base = now.base;
  }
}

std::vector<std::int16_t> dropped_columns(const TableSchema& schema, const LookedTable& now) {
  std::vector<std::int16_t> numbers;
  for (const Column& column : schema.columns) {
    const LookedColumn* const found = now.find(column.number);
    if (found != nullptr && found->dropped) numbers.push_back(column.number);
  }
  return numbers;
}

void take_explained_files(MirrorTable& table, const LookedTable& now,
                          const std::function<bool(const LookedPartition&)>& explained) {
  for (Partition& noted : table.notes.partitions) {
    const auto part = std::ranges::find_if(now.partitions, [&](const LookedPartition& p) { return p.note.oid == noted.oid; });
    if (part == now.partitions.end() || noted.link != part->note.link || !explained(*part)) continue;
    noted.file_node = part->note.file_node;
    noted.toast = part->note.toast;
  }
}

std::string perhaps_unlogged_partition(const CatalogNotes& notes, const LookedTable& now,
                                       const std::function<bool(const LookedPartition&)>& explained) {
  for (const LookedPartition& part : now.partitions) {
    const Partition* const noted = find_partition(notes, part.note.oid);
    if (noted == nullptr || noted->link != part.note.link || explained(part)) continue;
    if (noted->toast == 0 || part.note.toast == 0 || noted->toast == part.note.toast) continue;
    return "has partition " + part.note.name + ", which was written anew at the source as SET UNLOGGED and SET LOGGED do: what was "
           "changed in between is not in the WAL";
  }
  return {};
}

}  // namespace peerd
