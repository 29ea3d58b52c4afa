#pragma once

#include <functional>
#include <vector>

#include "bound.h"
#include "session_facts.h"

namespace peerd::sql {

/// What clients read of pg_catalog and information_schema when they connect, list and describe tables: peerd's views as
/// relations of the schema public, the types that results have, the session's settings; the rest has no rows. Only
/// tables whose name is `wanted` are made: there are many, and a statement names few.
std::vector<Table> system_tables(const std::vector<Table>& views, const SessionFacts& facts,
                                 const std::function<bool(std::string_view)>& wanted);

/// The number of a relation by its name, as ::regclass has it; 0 when there is none.
std::int64_t relation_number(const std::vector<Table>& tables, std::string_view name);

}  // namespace peerd::sql
