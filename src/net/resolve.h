#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/base/clock.h"

namespace peerd::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// The addresses of a host, in the system's order. A slow name server is left behind at the deadline or on a stop.
/// Throws Error(unreachable) for a name that does not resolve.
std::vector<Address> resolve(const std::string& host, std::uint16_t port, const Wait& wait);

/// Where a server that refuses connections may be instead. Inside a container "localhost" is the container itself: then
/// this names the address of the machine that runs it.
std::string refused_hint(const std::string& host);

}  // namespace peerd::net
