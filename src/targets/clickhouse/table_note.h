#pragma once

#include "clickhouse/schema.h"
#include "peerd/changes/target_identity.h"

namespace peerd::clickhouse {

/// The database, and, where only one server has it, the server.
TargetIdentity read_identity(Client& client, const Wait& wait);

TargetIdentity identity_of(const ExistingTable& table, bool made);

/// Throws target_unfit when the table is gone, is not titled as the mirror's, or has lost columns of the layout.
void require_whole(const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                   std::string_view title);

/// After an insert, and before it counts: the name still means the table that was verified. One that is exchanged or
/// made again takes rows as if nothing had happened; so nothing is confirmed that lies elsewhere, and putting it back
/// loses none.
void require_standing(Client& client, const MirrorTable& table, const std::string& uuid, const Wait& wait);

}  // namespace peerd::clickhouse
