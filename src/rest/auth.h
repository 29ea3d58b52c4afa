#pragma once

#include "peerd/net/server.h"

namespace peerd::rest {

enum class Access { granted, missing, wrong };
/// HTTP Basic with an empty user's name and `password`, as PeerDB has it; compared in constant time. "" lets everybody
/// in.
Access check_access(const net::HttpRequest& request, std::string_view password);

/// Sent by a page of another site, in the browser of somebody who may use peerd.
bool is_cross_site(const net::HttpRequest& request);

}  // namespace peerd::rest
