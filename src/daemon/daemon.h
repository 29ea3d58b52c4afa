#pragma once

#include <functional>

#include "settings.h"

namespace peerd::daemon {

/// Runs peerd until TERM or INT; HUP renews certificates and the log level. Throws Error when it cannot start. REQUIRES: block_signals(), no other threads.
/// Returns the exit code: 0 when everything stopped in time.
/// `load` reads the configuration anew, on HUP.
int run_daemon(const Loaded& loaded, const std::function<Loaded()>& load);

}  // namespace peerd::daemon
