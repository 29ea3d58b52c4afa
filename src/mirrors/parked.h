#pragma once

#include "phase.h"

namespace peerd {

struct MirrorWorld;

// on_table_error = 'park' (docs/adr/0018): a table that alone cannot go on is noted as parked, and the attempt is made again
// without it. Nothing is confirmed in between: what was not applied yet comes again, and of the parked table it is left out,
// of the stream as of the spool, until a RESYNC gives the table another start.

/// The table that is at fault alone, where it is to be parked: not when none would be left to go on, nor when it is parked already.
std::optional<TableId> table_to_park(const MirrorRecord& mirror, const MirrorProgress& progress, const ErrorText& error);

/// Notes the table, and tells everybody. `error`: as it is shown.
void park(MirrorWorld& world, const MirrorRecord& mirror, const Lease& lease, const MirrorProgress& progress, TableId table,
          const ErrorText& error);

/// As the mirror's last error, also after a restart.
ErrorText told_of(const std::string& table, const ParkedTable& parked);

/// The tables whose changes are followed.
std::vector<MirrorTable> followed(const MirrorProgress& progress);
/// Throws the reason of one where all of them are parked: there is nothing to go on with.
void require_followed(const MirrorProgress& progress);
bool is_parked(const MirrorProgress& progress, TableId table);

}  // namespace peerd
