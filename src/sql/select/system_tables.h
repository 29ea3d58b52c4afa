#pragma once

#include <vector>

#include "bound.h"
#include "session_facts.h"

namespace peerd::sql {

/// What clients read of pg_catalog and information_schema when they connect or list tables: peerd's views as relations
/// of the schema public, the types that results have, the session's settings; the rest of it is empty.
std::vector<Table> system_tables(const std::vector<Table>& views, const SessionFacts& facts);

}  // namespace peerd::sql
