#pragma once

#include <string>

namespace peerd::daemon {

/// Tells systemd how peerd does (sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names): "READY=1",
/// "STOPPING=1". Nothing happens where nobody asked for it.
void notify(const std::string& state);
/// "RELOADING=1" with the clock that Type=notify-reload wants beside it.
void notify_reloading();

}  // namespace peerd::daemon
