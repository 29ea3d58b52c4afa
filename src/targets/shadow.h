#pragma once

#include <string>
#include <string_view>

// The table that a RESYNC copies into, beside the one whose place it takes.
namespace peerd {

/// "_peerd_resync_orders": of at most 63 bytes, whatever the table is called.
std::string shadow_name(std::string_view table);
bool is_shadow_name(std::string_view table);

}  // namespace peerd
