#pragma once

#include <string>

#include "peerd/base/resolve.h"

namespace peerd::net {

using Address = SocketAddress;

/// Where a server that refuses connections may be instead. Inside a container "localhost" is the container itself: then
/// this names the address of the machine that runs it.
std::string refused_hint(const std::string& host);

}  // namespace peerd::net
