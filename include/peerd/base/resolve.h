#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/base/clock.h"

namespace peerd {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text() const;  ///< The address alone, in numbers: "10.0.0.7", "::1".
};

bool is_address(const std::string& host);  ///< Of IPv4 or IPv6, in numbers: not a name.

/// The addresses of a host, in the system's order. A slow name server is left behind at the deadline or on a stop.
/// Throws Error(unreachable) for a name that does not resolve.
std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port, const Wait& wait);

}  // namespace peerd
