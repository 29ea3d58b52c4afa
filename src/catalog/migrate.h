#pragma once

#include <span>
#include <string>
#include <string_view>

#include "peerd/sqlite/sqlite.h"

namespace peerd {

/// Brings the catalog to version steps.size(), each step in a transaction of its own together with its number.
/// Throws Error(not_supported) on a catalog of a newer version, naming `path`.
void migrate(sqlite::Database& database, std::span<const std::string_view> steps, const std::string& path);

}  // namespace peerd
