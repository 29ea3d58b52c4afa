#include "resync.h"

#include "slot_given_up.h"
#include "source_place.h"
#include "spooled_stream.h"
#include "target_notes.h"

namespace peerd {
namespace {

using Note = MirrorProgress::TableNote;

bool asked(const Note& note) { return note.resync == Resync::asked; }

/// One that came a moment ago, and of which nothing is copied, needs nothing of the slot either.
bool begins(const Note& note) { return asked(note) || (!note.copied && !note.planned && note.resync == Resync::none); }

/// A slot that can still be followed is kept where the mirror delivers logical messages: no copy has those.
bool keeps_slot(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  if (!progress.slot || context.record.spec.message_prefixes().empty()) return false;
  if (!spool_holds(context, progress)) return false;
  Lsn stored = progress.checkpoint ? progress.checkpoint->lsn : progress.slot->consistent_point;
  stored = std::max(stored, progress.spooled_to);
  const SlotStatus slot = context.source.slot_status(brief(stop));
  return slot.exists && slot.wal_status != "lost" && slot.confirmed <= stored && stored <= slot.server_end;
}

/// Positions only rise, at the target too: below the present one nothing can begin.
[[noreturn]] void throw_set_back(const PhaseContext& context, Lsn start, Lsn stored) {
  throw Error(ErrorText{.code = ErrorCode::position_lost,
                        .message = "the source's WAL ends at " + to_string(start) + ", before " + to_string(stored) +
                                   ", the last position that the mirror had stored",
                        .detail = "it is another server, or one that was set back",
                        .hint = "DROP MIRROR " + context.record.spec.name + " and CREATE MIRROR it again; where it was failed over, SELECT "
                                "pg_switch_wal() there moves its end on: repeat it until the end is past that position, and RESYNC MIRROR again"});
}

void require_later(const PhaseContext& context, const MirrorProgress& progress, Lsn start) {
  if (progress.checkpoint && progress.checkpoint->lsn > start) throw_set_back(context, start, progress.checkpoint->lsn);
}

/// In the place of the old slot, and of a publication that the mirror made: whatever had become of them.
void renew_slot(PhaseContext& context, const MirrorProgress& progress, const SourceIdentity& identity, const std::stop_token& stop) {
  require_later(context, progress, context.source.insert_position(brief(stop)));
  if (progress.slot) context.catalog.forget_slot(context.lease);
  if (progress.slot || progress.slot_outdated) {
    context.step("dropping the old replication slot");
    context.source.drop(true, patient(stop));
  }
  context.step("preparing the publication");
  context.source.ensure_publication(patient(stop));
  context.step("creating the replication slot");
  context.catalog.intend_slot(context.lease);
  const SlotStart slot = context.source.ensure_slot(
      true, [&](std::string words) { context.step(std::move(words)); }, unbounded(stop));
  require_later(context, progress, slot.consistent_point);
  // Before the slot is known: a target that has no position of the mirror's, or an older one, has one then.
  const Durable start{slot.consistent_point};
  context.target.set_position(start, brief(stop));
  if (const auto own = context.target.position(brief(stop)); own && own->lsn > start.lsn)
    throw_set_back(context, start.lsn, own->lsn);
  context.catalog.begin(context.lease, slot, identity);
  context.catalog.checkpoint(context.lease, start, BatchRecord{});
  tell(context, "another replication slot was made, which begins at " + to_string(slot.consistent_point));
}

void begin_table(PhaseContext& context, const MirrorTable& before, MirrorTable now, const MirrorProgress& progress,
                 const std::stop_token& stop) {
  const auto noted = progress.target_tables.find(before.target_name);
  throw_if_any(context.target.check_resync(
      now, noted == progress.target_tables.end() ? std::nullopt : std::optional(noted->second), patient(stop)));
  carry_kept(before, now);
  now.start = context.source.insert_position(brief(stop));
  context.catalog.begin_resync(context.lease, before.schema.id, now);
  context.board.update(context.record.id, [&](MirrorStatus& status) {
    for (TableStatus& shown : status.tables)
      if (shown.id == before.schema.id) shown.parked.reset();
  });
  tell(context, now.schema.qualified() + " is copied anew, as it is at the source now");
}

}  // namespace

bool resync_wanted(const MirrorProgress& progress) {
  return std::ranges::any_of(progress.notes, [](const Note& note) { return note.resync != Resync::none; });
}

bool may_lose_slot(const MirrorProgress& progress) {
  return std::ranges::any_of(progress.notes, asked) && std::ranges::all_of(progress.notes, begins);
}

void take_resyncs(PhaseContext& context, const std::stop_token& stop) {
  const MirrorProgress progress = context.catalog.progress(context.record.id);
  if (progress.slot && std::ranges::none_of(progress.notes, asked)) return;
  context.step("preparing the copy anew");
  const bool whole = may_lose_slot(progress);
  const SourceIdentity identity = whole ? check_place(context, progress, stop) : check_identity(context, progress, stop);
  const bool elsewhere = whole && progress.identity && identity.timeline != progress.identity->timeline;
  // What a table that stays as it is would miss lies behind in the slot that is gone.
  if (!progress.slot && !std::ranges::all_of(progress.notes, begins)) drop_given_up(context, stop);
  open_target(context, progress, stop);
  const bool renews = !progress.slot || (whole && (elsewhere || !keeps_slot(context, progress, stop)));
  if (renews) renew_slot(context, progress, identity, stop);
  // A table that was taken out of the publication, or made anew, comes back before it is described, and so before its start.
  if (!renews) context.source.ensure_publication(patient(stop));
  const std::vector<MirrorTable> described = context.source.describe(patient(stop));
  for (const MirrorTable& before : progress.tables) {
    const auto note = std::ranges::find(progress.notes, before.schema.id, &Note::table);
    if (note == progress.notes.end() || !asked(*note)) continue;
    const auto now = std::ranges::find(described, before.target_name, &MirrorTable::target_name);
    if (now == described.end()) throw Error(ErrorCode::internal, "table " + before.schema.qualified() + " is not mapped any more");
    begin_table(context, before, *now, progress, stop);
  }
  context.show_tables(context.catalog.progress(context.record.id).tables);
}

}  // namespace peerd
