#pragma once

#include <map>
#include <span>
#include <string>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd {

/// What is to be said of mapped tables that have children by inheritance which are not mapped: a SELECT of the parent shows their rows,
/// which are no changes of the parent in the WAL. By the parent's OID.
std::map<std::uint32_t, std::string> unmapped_children(postgres::Connection& connection, std::span<const MirrorTable> tables,
                                                       const Wait& wait);

}  // namespace peerd
