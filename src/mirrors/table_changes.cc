#include "table_changes.h"

#include "peerd/base/text.h"
#include "peerd/postgres/connection.h"
#include "source_place.h"
#include "target_notes.h"

namespace peerd {
namespace {

/// By both names: another source table may have come in the place of one that was taken out.
bool maps(const MirrorSpec& mirror, const MirrorTable& table) {
  return std::ranges::any_of(mirror.tables, [&](const TableMapping& mapping) {
    const postgres::QualifiedName source = postgres::parse_qualified(mapping.source);
    return mapping.target == table.target_name && source.schema == table.schema.schema && source.name == table.schema.name;
  });
}

/// Those of `described` that the mirror has not yet. One that is there under another OID was made anew: its rows at the
/// target are the old one's.
std::vector<MirrorTable> added(const std::vector<MirrorTable>& kept, const MirrorProgress& progress,
                               std::vector<MirrorTable> described) {
  std::vector<MirrorTable> fresh;
  for (MirrorTable& table : described) {
    const auto known = std::ranges::find(kept, table.target_name, &MirrorTable::target_name);
    if (known == kept.end()) {
      fresh.push_back(std::move(table));
      continue;
    }
    const auto* const note = progress.note(known->schema.id);
    const bool anew = note != nullptr && (note->resync == Resync::asked || note->parked);
    if (known->schema.id == table.schema.id || anew) continue;
    throw Error(ErrorText{.code = ErrorCode::schema_changed,
                          .message = "table " + table.schema.qualified() + " was dropped or made again",
                          .hint = "RESYNC TABLE … OF the mirror copies the one that is there now; or take it out of the mirror with "
                                  "ALTER MIRROR … DROP TABLE, and RESUME MIRROR",
                          .table = table.schema.qualified(),
                          .retry = Retry::after_operator});
  }
  return fresh;
}

std::string names_of(const std::vector<MirrorTable>& tables) {
  std::vector<std::string> names;
  for (const MirrorTable& table : tables) names.push_back(table.schema.qualified());
  return join(names, ", ");
}

/// Without an initial copy what is written from now on counts.
void open_without_copy(PhaseContext& context, std::vector<MirrorTable>& fresh, const std::stop_token& stop) {
  TargetNotes notes;
  // What was open when the publication took them up may come in part.
  context.source.await_settled([&](std::string words) { context.step(std::move(words)); }, unbounded(stop));
  const Lsn start = context.source.insert_position(brief(stop));
  for (MirrorTable& table : fresh) {
    table.start = start;
    create_at_target(context, notes, table, patient(stop));
    context.target.end_copy(table, unbounded(stop));
  }
}

/// Without a copy a table is as good as copied once it is stored; a crash may have come between the two.
void note_opened(PhaseContext& context, const std::vector<MirrorTable>& tables,
                 const std::vector<MirrorProgress::TableNote>& notes) {
  for (const MirrorTable& table : tables) {
    const auto note = std::ranges::find(notes, table.schema.id, &MirrorProgress::TableNote::table);
    if (note != notes.end() && note->resync != Resync::none) continue;
    if (note == notes.end() || !note->copied) context.catalog.copied(context.lease, table.schema.id, table.start);
  }
}

}  // namespace

bool tables_differ(const MirrorSpec& mirror, const MirrorProgress& progress) {
  return mirror.tables.size() != progress.tables.size() ||
         !std::ranges::all_of(progress.tables, [&](const MirrorTable& table) { return maps(mirror, table); });
}

std::vector<TableMapping> not_taken_up(const MirrorSpec& mirror, const MirrorProgress& progress, const std::string& table) {
  std::vector<TableMapping> undescribed;
  for (const TableMapping& mapping : mirror.tables) {
    if (!mapping.came_later) continue;
    const postgres::QualifiedName source = postgres::parse_qualified(mapping.source);
    const auto known = std::ranges::find_if(progress.tables, [&](const MirrorTable& there) {
      return there.target_name == mapping.target && there.schema.schema == source.schema && there.schema.name == source.name;
    });
    bool copied = false;
    if (known != progress.tables.end()) {
      const auto* const note = progress.note(known->schema.id);
      copied = note != nullptr && (note->copied || note->resync != Resync::none);
    } else {
      undescribed.push_back(mapping);
    }
    const bool named = table == source.schema + "." + source.name || table == mapping.target;
    if (named && !copied) return {mapping};
  }
  return undescribed;
}

void take_table_changes(PhaseContext& context, const std::stop_token& stop) {
  const MirrorProgress progress = context.catalog.progress(context.record.id);
  const MirrorSpec& spec = context.record.spec;
  const bool copies = spec.boolean("do_initial_copy");
  if (!copies) note_opened(context, progress.tables, progress.notes);
  if (!tables_differ(spec, progress)) return;
  check_identity(context, progress, stop);
  open_target(context, progress, stop);
  std::vector<MirrorTable> kept, gone;
  for (const MirrorTable& table : progress.tables) (maps(spec, table) ? kept : gone).push_back(table);
  for (const MirrorTable& table : gone) {
    context.step("taking " + table.schema.qualified() + " out of the mirror");
    context.target.release(table, patient(stop));
  }
  context.step("preparing the publication");
  context.source.ensure_publication(patient(stop));
  std::vector<MirrorTable> fresh;
  if (kept.size() < spec.tables.size()) fresh = added(kept, progress, context.source.describe(patient(stop)));
  if (!copies) open_without_copy(context, fresh, stop);
  std::vector<MirrorTable> tables = kept;
  tables.insert(tables.end(), fresh.begin(), fresh.end());
  context.catalog.set_tables(context.lease, tables, progress.shaped_at);
  if (!copies) note_opened(context, fresh, {});
  context.show_tables(tables);
  if (!gone.empty()) tell(context, names_of(gone) + " left the mirror: rows at the target stay as they are");
  if (!fresh.empty()) tell(context, names_of(fresh) + " came to the mirror");
}

}  // namespace peerd
