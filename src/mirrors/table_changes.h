#pragma once

#include "phase.h"

// What a mirror maps is its definition's to say; which tables it has, its progress. ALTER MIRROR changes the former.
namespace peerd {

bool tables_differ(const MirrorSpec& mirror, const MirrorProgress& progress);

/// Those that came by a pattern while the mirror ran and are not copied yet: the one of the name `table`; where that is
/// none of them, all that are not yet described, for it is they that had what failed looked at.
std::vector<TableMapping> not_taken_up(const MirrorSpec& mirror, const MirrorProgress& progress,
                                       const std::string& table);

/// SNAPSHOT begins with it: tables that are mapped no more are released at the target and taken out of the mirror's own
/// publication, new ones published and described, to be copied. The others stay what they are, in the shape that the stream
/// has come to. Every step is harmless when repeated; the catalog is written last.
void take_table_changes(PhaseContext& context, const std::stop_token& stop);

}  // namespace peerd
