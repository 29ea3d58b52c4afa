#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peerd::sql {

/// The settings in the start-up parameter `options` (PGOPTIONS): -c name=value, --name=value; a backslash keeps the
/// blank behind it. Throws StatementError (42601) for any other switch.
std::vector<std::pair<std::string, std::string>> read_startup_options(std::string_view options);

}  // namespace peerd::sql
