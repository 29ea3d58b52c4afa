#pragma once

#include <string>

#include "peerd/alerts/alerts.h"
#include "peerd/control/control.h"
#include "peerd/net/attempt_limit.h"
#include "peerd/net/server.h"

namespace peerd {

/// What the SQL port works with; all of it outlives the server. An empty password lets everybody in.
struct SqlDeps {
  PeerControl& peers;
  MirrorControl& mirrors;
  Catalog& catalog;
  net::Operators& operators;
  std::string password;
  net::AttemptLimit& attempts;
  Alerts* alerts = nullptr;  ///< None: statements on alerts are refused.
};

/// Makes what speaks Postgres's protocol 3 on each connection of Server::listen_tcp: log in (SCRAM-SHA-256), the simple
/// and the extended protocol, one statement at a time per connection, each on an operator's thread. docs/sql.md tells
/// the rest.
net::Server::MakeHandler make_sql_handlers(SqlDeps deps);

}  // namespace peerd
