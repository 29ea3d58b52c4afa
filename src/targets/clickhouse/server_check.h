#pragma once

#include "clickhouse/client.h"
#include "peerd/base/error.h"

namespace peerd::clickhouse {

/// Reach, TLS, login, version, the database and its engine, and what the user may do there. All problems at once.
Problems check_server(Client& client, const Wait& wait);

}  // namespace peerd::clickhouse
