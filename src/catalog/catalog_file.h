#pragma once

#include <string>

namespace peerd {

/// The file that PEERD_CATALOG names. Throws Error(invalid_option, not_supported) on what is not sqlite:PATH.
std::string path_of(const std::string& url);

}  // namespace peerd
