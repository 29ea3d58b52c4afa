#pragma once

#include "clickhouse/layouts.h"
#include "clickhouse/schema.h"
#include "peerd/changes/target_identity.h"

namespace peerd::clickhouse {

/// The database, and, where only one server has it, the server.
TargetIdentity read_identity(Client& client, const Wait& wait);

TargetIdentity identity_of(const ExistingTable& table, bool made);
/// What is noted of it: that, its columns, and from when on they are what they are.
TargetIdentity note_of(Client& client, const ExistingTable& table, const TableLayout& layout, std::string_view name, bool made,
                       const Wait& wait);
bool same_table(const TargetIdentity& noted, const ExistingTable& table);

/// Throws target_unfit when the table, or one of its columns, is not the one that was noted. An older note has no columns.
Standing require_noted(Client& client, const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                       const TargetIdentity& noted, const Wait& wait);

/// Throws target_unfit when the table is gone, is not titled as the mirror's, or has lost columns of the layout.
void require_whole(const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                   std::string_view title);

/// After an insert, and before it counts: the name still means the table that was verified. One that is exchanged or made
/// again takes rows as if nothing had happened; so nothing is confirmed that lies elsewhere, and putting it back loses none.
/// One that was altered meanwhile is verified again.
void require_standing(Client& client, const MirrorTable& table, Layouts& layouts, const Wait& wait);
/// After peerd's own ALTER: columns that it added have had no past of their own.
void stand_anew(Client& client, const MirrorTable& table, Layouts& layouts, const Wait& wait);
/// After a statement that the server refused for the sake of a column: throws what require_whole() has to say of it, if it has.
void explain(Client& client, const MirrorTable& table, const Layouts& layouts, const Error& error, const Wait& wait);

}  // namespace peerd::clickhouse
