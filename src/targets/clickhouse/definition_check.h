#pragma once

#include "clickhouse/schema.h"

namespace peerd::clickhouse {

/// ReplacingMergeTree(_peerdb_version, <soft-delete column>), whatever a replicated engine has before them.
bool engine_counts_by(const ExistingTable& existing, const TableLayout& layout);

/// What an operator's CREATE TABLE may hold that would merge different rows, bring deleted ones back, refuse or change
/// values. docs/targets/clickhouse.md lists what may stand and what may not.
void check_definition(const ExistingTable& existing, const TableLayout& layout, std::string_view name, bool own, Looked looked,
                      Problems& problems);

/// What the mapping asks of a table that is made, and that an operator's own is not.
void check_adopted(const ExistingTable& existing, const TableLayout& layout, std::string_view name, Problems& problems);

}  // namespace peerd::clickhouse
