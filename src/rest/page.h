#pragma once

#include <optional>

#include "peerd/net/server.h"

namespace peerd::rest {

/// Whether the path is the page's: "/" and what lies below "/page/". Its files hold nothing of this server: they need no
/// password, which is asked for by what they ask.
bool is_page(const net::HttpRequest& request);
/// The file, with headers that let the page run nothing but its own files; 304 when the browser has it; 404 and 405 as REST has them.
net::HttpReply page_reply(const net::HttpRequest& request);

}  // namespace peerd::rest
