#include "delivery.h"

#include <algorithm>
#include <utility>

#include "parked.h"
#include "target_notes.h"

namespace peerd {
namespace {

StreamStart find_start(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  const Lsn stored = progress.checkpoint ? progress.checkpoint->lsn : progress.slot->consistent_point;
  const std::optional<Durable> own = context.target.position(prompt(stop));
  if (!own) return {stored, false};
  if (own->lsn < stored)
    throw Error(ErrorText{.code = ErrorCode::position_lost,
                          .message = "the target's position " + to_string(own->lsn) + " lies before " + to_string(stored) +
                                     ", the last one it had confirmed",
                          .detail = "the target was restored from a backup, or its bookkeeping was changed",
                          .hint = "RESYNC MIRROR copies the tables anew", .field = {}, .table = {}, .origin = {}, .retry = {}});
  if (own->lsn == stored) return {own->lsn, true};
  const std::optional<Lsn> kept = context.target.kept_horizon(prompt(stop));
  return {own->lsn, kept.has_value(), kept, std::nullopt, true};
}

Horizons find_horizons(PhaseContext& context, const MirrorProgress& progress, const StreamStart& start,
                       const std::stop_token& stop) {
  Horizons horizons;
  for (const auto& note : progress.notes) horizons.raise(note.table, note.horizon);
  if (start.kept_horizon) {
    for (const auto& note : progress.notes) horizons.raise(note.table, *start.kept_horizon);
  }
  if (!start.clean) {
    // The target may hold rows of a batch that no checkpoint tells of: they come from the future again (rules.md 15).
    const Lsn end = context.source.insert_position(brief(stop));
    for (const auto& note : progress.notes) {
      horizons.raise(note.table, end);
      context.catalog.copied(context.lease, note.table, end);
    }
  }
  return horizons;
}

}  // namespace

Delivery open_delivery(PhaseContext& context, MirrorProgress progress, const std::stop_token& stop) {
  if (open_target(context, progress, stop)) {
    const std::vector<MirrorTable> tables = std::exchange(progress, context.catalog.progress(context.record.id)).tables;
    for (MirrorTable& table : progress.tables) {
      const auto read = std::ranges::find(tables, table.target_name, &MirrorTable::target_name);
      if (read != tables.end()) take_unstored(table, *read);
    }
  }
  TargetNotes notes = progress.target_tables;
  for (const MirrorTable& table : followed(progress)) verify_at_target(context, notes, table, prompt(stop));
  progress.target_tables = notes;
  if (!progress.target) context.catalog.note_target(context.lease, "", context.target.identity(prompt(stop)));
  StreamStart start = find_start(context, progress, stop);
  Horizons horizons = find_horizons(context, progress, start, stop);
  // With its horizons stored: a start that finds the position there takes all that is beside it for known.
  if (start.ahead) start.to_confirm = context.catalog.checkpoint(context.lease, Durable{start.from}, BatchRecord{});
  context.target.keep_horizon(horizons.highest(), prompt(stop));
  auto lookup = context.source.open_lookup(patient(stop));
  context.board.update(context.record.id, [&](MirrorStatus& status) {
    status.applied = std::max(status.applied, start.from);
    status.horizon = shown_horizon(horizons.highest(), progress.tables);
  });
  return {std::move(progress), std::move(start), std::move(horizons), std::move(lookup)};
}

}  // namespace peerd
