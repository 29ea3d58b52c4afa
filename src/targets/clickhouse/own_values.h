#pragma once

#include "clickhouse/client.h"
#include "clickhouse/schema.h"

namespace peerd::clickhouse {

/// Columns that `to` has and `from` has not may stand already, added by the operator: what is in them passes for the source's from
/// now on. Throws after_operator where it is not what older rows show there. `layout`: of `to`.
void refuse_own_values(Client& client, const MirrorTable& from, const MirrorTable& to, const TableLayout& layout,
                       const ExistingTable& existing, const Wait& wait);

}  // namespace peerd::clickhouse
