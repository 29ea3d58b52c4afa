#pragma once

#include "peerd/base/error.h"
#include "peerd/net/http.h"

namespace peerd::clickhouse {

/// Does this answer hold an error: by status, header, or an exception that came after a 200?
bool failed(const net::HttpResponse& response);
/// What it says, as an Error: ClickHouse's code decides (origin "CH 241"). `peer` names the server for people.
/// Quoted values are cut out of the server's text.
ErrorText error_text(const net::HttpResponse& response, const std::string& peer);

}  // namespace peerd::clickhouse
