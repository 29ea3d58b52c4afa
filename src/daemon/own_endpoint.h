#pragma once

#include <string>

#include "peerd/net/http.h"
#include "settings.h"

namespace peerd::daemon {

/// Where the instance with these settings answers HTTP, from this machine.
net::HttpEndpoint own_endpoint(const Settings& settings);
/// Of "http://host:3000" or "https://host:3000": certificates are checked there. Throws Error(invalid_option).
net::HttpEndpoint endpoint_of(const std::string& url);

}  // namespace peerd::daemon
