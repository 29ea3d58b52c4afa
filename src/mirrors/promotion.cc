#include "promotion.h"

#include <algorithm>

#include "target_notes.h"

namespace peerd {
namespace {

using Note = MirrorProgress::TableNote;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorText{.code = ErrorCode::position_lost,
                        .message = "the source was failed over to another server, and " + why,
                        .detail = "rows may stand at the target that this server never had",
                        .hint = "RESYNC MIRROR copies the tables anew",
                        .retry = Retry::after_operator});
}

/// The tables whose rows stay: of others the rows are removed, or replaced, before they are copied.
std::vector<MirrorTable> standing(const MirrorProgress& progress) {
  std::vector<MirrorTable> tables;
  for (const MirrorTable& table : progress.tables) {
    const Note* const note = progress.note(table.schema.id);
    if (note == nullptr || !note->copied || note->parked || note->resync != Resync::none) continue;
    tables.push_back(table);
  }
  return tables;
}

Lsn position_of(const MirrorProgress& progress) {
  const Lsn stored = progress.checkpoint ? progress.checkpoint->lsn : progress.slot->consistent_point;
  return std::max(stored, progress.spooled_to);
}

/// Whatever target and spool hold was committed, or read, before it.
Lsn reached(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  Lsn most = std::max(position_of(progress), progress.shaped_at);
  for (const Note& note : progress.notes) {
    if (note.resync == Resync::swapping) refuse("a table that was copied anew was about to take its place");
    if (note.copied) most = std::max(most, note.horizon);
  }
  // What was read for a copy is void once it begins again, by its start: that one has to be the later one.
  for (const MirrorTable& table : progress.tables)
    if (const Note* const note = progress.note(table.schema.id); note != nullptr && note->planned) most = std::max(most, table.start);
  if (!progress.checkpoint) return most;  // It is still set up: the target has nothing.
  const std::vector<MirrorTable> tables = standing(progress);
  const std::optional<Lsn> at_target = context.target.reached(tables, patient(stop));
  if (!at_target) refuse("nothing tells how far the target has come: delivery = 'at_least_once' keeps no exact position");
  if (const auto kept = context.target.kept_horizon(prompt(stop))) most = std::max(most, *kept);
  else if (const auto own = context.target.position(prompt(stop)); own && own->lsn > position_of(progress))
    refuse("the target took changes that no checkpoint tells of: values for them may have been read at the source later than they were committed");
  return std::max(most, *at_target);
}

/// Its chunks were read nobody knows how far ahead of the standby.
void void_copies(PhaseContext& context, const MirrorProgress& progress) {
  for (const MirrorTable& table : progress.tables) {
    const Note* const note = progress.note(table.schema.id);
    if (note == nullptr || note->copied || !note->planned) continue;
    context.catalog.plan(context.lease, table, {});
    tell(context, table.schema.qualified() + " is copied from its start again: the source was failed over during its copy");
  }
}

}  // namespace

bool was_promoted(const MirrorProgress& progress, const SourceIdentity& now) {
  return progress.identity && progress.identity->same_place(now) && now.timeline > progress.identity->timeline;
}

void follow_promoted(PhaseContext& context, const MirrorProgress& progress, const SourceIdentity& now, const std::stop_token& stop) {
  const SourceIdentity& before = *progress.identity;
  if (progress.slot) {
    context.step("looking whether the server that the source was failed over to can be followed");
    open_target(context, progress, stop);
    context.source.check_promoted(before, now, reached(context, progress, stop), position_of(progress), brief(stop));
    void_copies(context, progress);
  } else if (progress.slot_outdated || progress.checkpoint) {
    refuse("the mirror has no replication slot");
  }
  context.catalog.note_source(context.lease, now);
  warn(context, "the source was failed over to another server: the mirror goes on there, from " +
                    (progress.slot ? to_string(position_of(progress)) : std::string("its beginning")),
       "it was on timeline " + std::to_string(before.timeline) + " and is on timeline " + std::to_string(now.timeline) +
           "; see to it that the old server comes back as a standby only");
}

}  // namespace peerd
