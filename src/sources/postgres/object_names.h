#pragma once

#include <map>

#include "postgres/made_of.h"

namespace peerd {

/// What is to be said of tables with columns that tell objects by their names (regclass and its like): a new name of the
/// object is a new text of the value, of which neither the WAL nor the table's part of the catalog tells. By the table's OID.
std::map<std::uint32_t, std::string> told_by_name(postgres::Connection& connection, std::span<const MirrorTable> tables,
                                                  const Wait& wait);

}  // namespace peerd
