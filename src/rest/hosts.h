#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "peerd/net/server.h"

namespace peerd::rest {

/// The name in a Host header, lower case, without port and brackets.
std::string host_name(std::string_view header);

/// Whether the request names this server by a name that only its owner gives: an IP address, localhost, or one of `allowed`.
/// A page of any site can make its own name resolve to 127.0.0.1 (DNS rebinding); its Origin then equals its Host, and only
/// the name gives it away. Requests without a Host, which no browser sends, pass.
bool is_own_host(const net::HttpRequest& request, const std::vector<std::string>& allowed);

}  // namespace peerd::rest
