#pragma once

#include "peerd/net/server.h"
#include "peerd/rest/rest_server.h"

namespace peerd::rest {

/// /healthz, /readyz and /metrics: answered on the quick thread, from memory alone.
bool is_probe(const net::HttpRequest& request);
/// One that asks for no password.
bool is_open_probe(const net::HttpRequest& request, const Probes& probes);
/// REQUIRES: is_probe.
net::HttpReply probe_reply(const net::HttpRequest& request, const Probes& probes);

}  // namespace peerd::rest
