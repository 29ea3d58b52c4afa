#pragma once

#include "phase.h"

namespace peerd {

// What the catalog notes of the target, and what is compared with it (docs/adr/0008): a target, or a table there, that is
// lost or another than the one noted stops the mirror. Nothing of it is made again in silence.

/// Compares the target as a whole with its note; only then opens it, which may make bookkeeping there. Where there is no note
/// yet the caller makes one, once the tables are known to be the mirror's.
/// Names that an attempt before this one gave to columns there, without having come to its end, are taken back: then the
/// catalog has other notes than `progress`, and the answer is true.
bool open_target(MirrorContext& context, const MirrorProgress& progress, const std::stop_token& stop);

using TargetNotes = std::map<std::string, TargetIdentity>;  ///< Of tables, by name at the target.

/// Creates the table and notes it, in the catalog and in `notes`. REQUIRES: all of its rows are to come (again).
void create_at_target(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait);

/// The same of an empty shadow for a copy of `table` anew.
void create_shadow_at_target(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait);

/// The table that `table` is copied anew into: its shadow, or itself where the target has none.
MirrorTable shadow_at_target(const MirrorContext& context, const MirrorTable& table);

/// Compares the table with its note. A mirror of before there were notes gets one, of the table that is known as its own.
CopyPlan verify_at_target(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait);

/// After an ALTER of it: its columns are noted as they are now, where one has come to have the name of another.
void note_altered(MirrorContext& context, TargetNotes& notes, const MirrorTable& table, const Wait& wait);

/// A table that is described anew: the target may keep columns that the source has lost since, and their names are no other
/// column's. What was excluded stays so, and what was renamed keeps its settings.
void carry_kept(const MirrorTable& before, MirrorTable& now);

std::optional<TargetIdentity> note_of(const TargetNotes& notes, const MirrorTable& table);

}  // namespace peerd
