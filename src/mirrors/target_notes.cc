#include "target_notes.h"

namespace peerd {

void open_target(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  if (progress.target) {
    const std::string peer = "\"" + context.record.spec.target + "\"";
    ErrorText about;
    about.hint = "point peer " + peer + " back to where it was (CREATE OR REPLACE PEER) and RESUME MIRROR; or drop the mirror and "
                 "create it again";
    require_same(*progress.target, context.target.identity(prompt(stop)), "the target of peer " + peer, std::move(about));
  }
  context.target.open(prompt(stop));
}

void create_at_target(PhaseContext& context, const MirrorTable& table, const Wait& wait) {
  context.catalog.note_target(context.lease, table.target_name, context.target.create(table, wait));
}

std::optional<TargetIdentity> note_of(PhaseContext& context, const MirrorTable& table) {
  const auto notes = context.catalog.progress(context.record.id).target_tables;
  const auto found = notes.find(table.target_name);
  return found == notes.end() ? std::nullopt : std::optional(found->second);
}

CopyPlan verify_at_target(PhaseContext& context, const MirrorTable& table, const Wait& wait) {
  std::optional<TargetIdentity> noted = note_of(context, table);
  if (!noted) {
    noted = context.target.recognize(table, wait);
    context.catalog.note_target(context.lease, table.target_name, *noted);
  }
  return context.target.verify(table, *noted, wait);
}

}  // namespace peerd
