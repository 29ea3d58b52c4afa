#include "phase.h"
#include "source_place.h"
#include "target_notes.h"

namespace peerd {
namespace {

SlotStart ensure_slot(PhaseContext& context, const MirrorProgress& progress, const SourceIdentity& identity,
                      const std::stop_token& stop) {
  if (progress.slot) return *progress.slot;
  context.step("creating the replication slot");
  // What stands there before the intent is somebody else's: ensure_slot() refuses it, and DROP MIRROR leaves it alone.
  if (!context.source.slot_status(brief(stop)).exists) context.catalog.intend_slot(context.lease);
  const SlotStart slot = context.source.ensure_slot(
      progress.slot_intended, [&](std::string words) { context.step(std::move(words)); }, unbounded(stop));
  context.catalog.begin(context.lease, slot, identity);
  return slot;
}

/// Without an initial copy the target tables must stand, keys included, before the first streamed change.
void open_tables(PhaseContext& context, std::vector<MirrorTable>& tables, const SlotStart& slot, const std::stop_token& stop) {
  TargetNotes notes;
  for (MirrorTable& table : tables) {
    table.start = slot.consistent_point;
    context.step("creating " + table.target_name + " at the target");
    create_at_target(context, notes, table, patient(stop));
    context.target.end_copy(table, unbounded(stop));
  }
  // What was committed until the tables were described may come in an older shape.
  context.catalog.set_tables(context.lease, tables, context.source.insert_position(brief(stop)));
  for (const MirrorTable& table : tables) context.catalog.copied(context.lease, table.schema.id, slot.consistent_point);
}

}  // namespace

void set_up(PhaseContext& context, const std::stop_token& stop) {
  const MirrorProgress progress = context.catalog.progress(context.record.id);
  context.step("checking source and target");
  // Once it is intended, a slot of the mirror's name is no problem any more, and all else was checked.
  if (!progress.slot_intended) throw_if_any(context.source.preflight(patient(stop)));
  // Noted before anything is made there: DROP MIRROR must find it again, also from a peer that was pointed elsewhere.
  const SourceIdentity identity = check_identity(context, progress, stop);
  context.catalog.note_source(context.lease, identity);
  open_target(context, progress, stop);
  if (!progress.target) context.catalog.note_target(context.lease, "", context.target.identity(prompt(stop)));
  context.step("preparing the publication");
  context.source.ensure_publication(patient(stop));
  const bool copies = context.record.spec.boolean("do_initial_copy");
  const auto before = copies ? std::vector<MirrorTable>() : context.source.describe(patient(stop));
  const SlotStart slot = ensure_slot(context, progress, identity, stop);
  std::vector<MirrorTable> tables = context.source.describe(patient(stop));
  // Nothing is copied that would show what was not published between the slot and now.
  for (std::size_t i = 0; i < before.size(); ++i) tables[i].coverage = before[i].coverage;
  if (copies) {
    if (progress.tables.empty()) context.catalog.set_tables(context.lease, tables, Lsn{});
  } else {
    open_tables(context, tables, slot, stop);
  }
  context.show_tables(tables);
  if (!context.catalog.progress(context.record.id).checkpoint) {
    const Durable start{slot.consistent_point};
    context.target.set_position(start, brief(stop));
    context.catalog.checkpoint(context.lease, start, BatchRecord{});
  }
}

}  // namespace peerd
