#pragma once

#include "settings.h"

namespace peerd::daemon {

/// Asks the instance that runs with these settings for /healthz. True when it answers that it is well.
bool healthy(const Settings& settings);

}  // namespace peerd::daemon
