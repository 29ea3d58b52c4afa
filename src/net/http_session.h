#pragma once

#include <memory>

#include "body_budget.h"
#include "peerd/net/server.h"

namespace peerd::net {

class TcpConnection;

/// What the sessions of one HTTP port share; outlives them.
struct HttpSite {
  HttpHandler handler;
  Operators& operators;
  Operators& quick;
  BodyBudget bodies{};
};

/// HTTP/1.1 on an accepted connection: one request at a time, handled by an operator thread.
std::unique_ptr<ConnectionHandler> make_http_session(std::shared_ptr<TcpConnection> connection,
                                                     std::shared_ptr<HttpSite> site);

}  // namespace peerd::net
