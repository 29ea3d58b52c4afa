#pragma once

#include <string>

namespace peerd {

bool is_there(const std::string& path);  ///< A file or a directory of that name, whatever its rights.

}  // namespace peerd
