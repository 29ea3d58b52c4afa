#pragma once

#include <string>

#include "settings.h"

namespace peerd::daemon {

/// `peerd backup DIRECTORY`: copies catalog and keys of the instance with these settings into a directory (made, mode 0700)
/// that has neither, also while it runs. Says on standard output what it wrote. Throws Error.
void back_up(const Settings& settings, const std::string& directory);

}  // namespace peerd::daemon
