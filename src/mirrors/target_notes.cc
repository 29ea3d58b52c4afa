#include "target_notes.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "peerd/changes/renaming.h"

#include "parked.h"

namespace peerd {

namespace {

void note(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, TargetIdentity identity) {
  context.catalog.note_target(context.lease, table.target_name, identity);
  notes[table.target_name] = std::move(identity);
}

/// The table goes on without what the target has dropped already; the rest comes to be dropped again.
void let_go_of_dropped(MirrorContext& context, const MirrorProgress& progress, MirrorTable& table, const Wait& wait) {
  if (table.notes.dropping.empty() || is_parked(progress, table.schema.id)) return;
  const std::vector<std::int16_t> dropped = context.target.dropped(table, wait);
  std::vector<std::int16_t> gone;
  for (const auto& [_, number] : std::exchange(table.notes.dropping, {}))
    if (std::ranges::find(dropped, number) != dropped.end()) gone.push_back(number);
  std::erase_if(table.notes.renaming, [&](const auto& one) { return std::ranges::find(gone, one.number) != gone.end(); });
  drop_columns(table.schema, table.notes, gone);
}

bool take_back(MirrorContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  std::vector<MirrorTable> tables = progress.tables;
  TargetNotes notes = progress.target_tables;
  bool any = false;
  for (MirrorTable& table : tables) {
    if (table.notes.renaming.empty() && table.notes.dropping.empty()) continue;
    let_go_of_dropped(context, progress, table, patient(stop));
    MirrorTable renamed = table;
    for (const auto& [name, number] : table.notes.renaming) {
      const auto column = std::ranges::find(renamed.schema.columns, number, &Column::number);
      if (column == renamed.schema.columns.end()) continue;
      if (column->mapped.empty()) column->mapped = column->name;
      column->name = name;
    }
    any = true;
    table.notes.renaming.clear();
    try {
      context.target.take_back_names(table, renamed, patient(stop));
      note_altered(context, notes, table, patient(stop));
    } catch (const Error& error) {
      // The table is gone, or another: whoever compares it with its note says so, and RESYNC needs none of it. Nor is a
      // parked one compared.
      if (error.text.code != ErrorCode::target_unfit && !is_parked(progress, table.schema.id)) throw;
    }
  }
  if (any) context.catalog.set_tables(context.lease, tables, progress.shaped_at);
  return any;
}

}  // namespace

bool open_target(MirrorContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  if (progress.target) {
    const std::string peer = "\"" + context.record.spec.target + "\"";
    ErrorText about;
    about.hint = "point peer " + peer + " back to where it was (CREATE OR REPLACE PEER) and RESUME MIRROR; or drop the mirror and "
                 "create it again";
    require_same(*progress.target, context.target.identity(prompt(stop)), "the target of peer " + peer, std::move(about));
  }
  context.target.open(prompt(stop));
  return take_back(context, progress, stop);
}

void create_at_target(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait) {
  note(context, notes, table, context.target.create(table, wait));
}

MirrorTable shadow_at_target(const MirrorContext& context, const MirrorTable& table) {
  MirrorTable shadow = table;
  if (const std::string name = context.target.shadow_of(table); !name.empty()) shadow.target_name = name;
  return shadow;
}

void create_shadow_at_target(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait) {
  TargetIdentity identity = context.target.create_shadow(table, note_of(notes, table), wait);
  note(context, notes, shadow_at_target(context, table), std::move(identity));
}

void note_altered(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait) {
  TargetIdentity identity = context.target.recognize(table, wait);
  if (const auto known = note_of(notes, table)) identity.made = known->made;
  note(context, notes, table, std::move(identity));
}

namespace {

/// By their numbers, whatever the columns are called by now.
void carry_mapping(const MirrorTable& before, MirrorTable& now) {
  for (Column& column : now.schema.columns) {
    const auto known = std::ranges::find(before.schema.columns, column.number, &Column::number);
    if (known == before.schema.columns.end()) continue;
    column.mapped = known->mapped.empty() ? known->name : known->mapped;
    if (column.mapped == column.name) column.mapped.clear();
  }
  for (const auto& [name, number] : before.notes.excluded) {
    const auto column = std::ranges::find(now.schema.columns, number, &Column::number);
    if (column == now.schema.columns.end() || column->in_key) continue;
    const auto place = column - now.schema.columns.begin();
    now.notes.excluded.push_back({column->name, number});
    if (static_cast<std::size_t>(place) < now.notes.marks.size()) now.notes.marks.erase(now.notes.marks.begin() + place);
    now.schema.columns.erase(column);
    for (std::uint16_t& key : now.schema.key) key = static_cast<std::uint16_t>(key > place ? key - 1 : key);
  }
}

}  // namespace

void carry_kept(const MirrorTable& before, MirrorTable& now) {
  if (before.schema.id == now.schema.id) carry_mapping(before, now);
  std::vector<CatalogNotes::Excluded> kept = before.notes.excluded;
  for (const Column& column : before.schema.columns) kept.push_back({column.name, column.number});
  for (const auto& [name, number] : kept) {
    const bool there = std::ranges::find(now.schema.columns, name, &Column::name) != now.schema.columns.end() ||
                       std::ranges::find(now.notes.excluded, name, &CatalogNotes::Excluded::name) != now.notes.excluded.end();
    // Below 0: no row of it is still to come.
    if (!there) now.notes.excluded.push_back({name, static_cast<std::int16_t>(-std::max<int>(1, std::abs(number)))});
  }
}

std::optional<TargetIdentity> note_of(const TargetNotes& notes, const MirrorTable& table) {
  const auto found = notes.find(table.target_name);
  return found == notes.end() ? std::nullopt : std::optional(found->second);
}

CopyPlan verify_at_target(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait) {
  if (!notes.contains(table.target_name)) note(context, notes, table, context.target.recognize(table, wait));
  return context.target.verify(table, notes.at(table.target_name), wait);
}

}  // namespace peerd
