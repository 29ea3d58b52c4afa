#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <utility>

#include "peerd/net/server.h"

namespace peerd::net {

/// None when TLS is not configured. Throws Error(invalid_option) when certificate or key cannot be used.
std::shared_ptr<boost::asio::ssl::context> make_server_context(const TlsServerOptions& options);

}  // namespace peerd::net
