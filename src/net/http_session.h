#pragma once

#include <memory>

#include "peerd/net/server.h"

namespace peerd::net {

class TcpConnection;

/// HTTP/1.1 on one connection: requests one after the other, each handled by an operator's thread.
std::unique_ptr<ConnectionHandler> make_http_session(std::shared_ptr<TcpConnection> connection,
                                                     Server::HandleHttp handle, Operators& operators);

}  // namespace peerd::net
