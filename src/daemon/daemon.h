#pragma once

#include "settings.h"

namespace peerd::daemon {

/// Runs peerd until TERM or INT. Throws Error when it cannot start. REQUIRES: block_signals(), no other threads.
/// Returns the exit code: 0 when everything stopped in time.
int run_daemon(const Loaded& loaded);

}  // namespace peerd::daemon
