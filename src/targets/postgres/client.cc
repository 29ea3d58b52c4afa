#include "postgres/client.h"

#include "peerd/base/text.h"

namespace peerd::pgtarget {
namespace {

// Cached plans are made once, perhaps for a batch of one row, perhaps for one of a million: a nested loop over the
// staged rows with an index scan of the target is good for both. A hash join would read the whole target for each
// batch.
constexpr std::string_view kSettings =
    "SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;"
    " SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0; SET work_mem = '16MB';"
    " SET temp_buffers = '32MB'; SET plan_cache_mode = force_generic_plan; SET client_min_messages = warning;"
    " SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// What the source's triggers did has come with its rows; done again at the target it would overwrite or remove them.
/// Foreign keys cannot hold between the statements of a merge, nor while tables are copied one by one. A role that may
/// not set this may have it as its own default.
void become_replica(postgres::Connection& connection, const Wait& wait) {
  try {
    connection.run("SET session_replication_role = replica", wait);
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::no_privilege) throw;
  }
}

}  // namespace

Site make_site(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  Site site;
  site.mappings = Mappings(mirror);
  site.options = postgres::connect_options(peer.options);
  // The application name finds the backends that an older epoch left behind.
  site.options.application_name = "peerd " + lease.uuid;
  site.mirror = mirror.name;
  site.uuid = lease.uuid;
  site.epoch = lease.epoch;
  site.query = mirror.query_mode();
  site.drops = mirror.drops_columns();
  if (!mirror.of_query()) site.copies = mirror.boolean("do_initial_copy");
  if (!mirror.of_query()) site.soft_delete = mirror.text("soft_delete_col_name");
  site.synced_at = mirror.text("synced_at_col_name");
  return site;
}

std::string place(const postgres::ConnectOptions& options) {
  return options.host + ":" + options.port + "/" + options.database;
}

std::unique_ptr<postgres::Connection> connect(const Site& site, const Wait& wait) {
  auto connection = postgres::Connection::open(site.options, wait);
  if (connection->server_version() < kOldestVersion) {
    throw Error(ErrorCode::target_unfit, "the target at " + place(site.options) + " runs a Postgres older than 12",
                "use a target server of version 12 or later");
  }
  become_replica(*connection, wait);
  connection->run(kSettings, wait);
  return connection;
}

bool is_replica(postgres::Connection& connection, const Wait& wait) {
  return connection.run("SELECT current_setting('session_replication_role') = 'replica'", wait).boolean(0, 0);
}

}  // namespace peerd::pgtarget
