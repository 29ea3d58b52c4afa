#pragma once

#include <string>
#include <string_view>

#include "peerd/changes/new_shape.h"
#include "peerd/changes/table.h"

namespace peerd {

// A table as the catalog and the spool keep it, with its version. Reading throws Error(internal) on text that these did not
// write; writing throws Error(bad_value) on names that are not UTF-8.

/// Without its start, and without MirrorTable::unique.
std::string table_json(const MirrorTable& table);
MirrorTable read_table(std::string_view text);

/// With the table's start.
std::string shape_json(const NewShape& shape);
NewShape read_shape(std::string_view text);

}  // namespace peerd
