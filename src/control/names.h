#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/error.h"

namespace peerd {

/// Nothing, or why `name` cannot name a `what` ("peer", "mirror").
Problems check_name(std::string_view what, std::string_view name);

/// Error(not_found) with the name of `there` that was probably meant.
Error no_such(std::string_view what, std::string_view name, const std::vector<std::string>& there);

}  // namespace peerd
