#include "postgres/table_lock.h"

#include "peerd/base/log.h"
#include "peerd/base/text.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::QualifiedName;

constexpr std::chrono::milliseconds kFirstPause{100}, kLongestPause{5000};
constexpr std::chrono::milliseconds kOneTry{1000};  ///< With less time left there is no other.

bool locked(Connection& connection, const QualifiedName& table, const Wait& wait) {
  connection.run("SAVEPOINT peerd_lock; SET LOCAL lock_timeout = '250ms'", wait);
  try {
    connection.run("LOCK TABLE " + table.quoted() + " IN ACCESS EXCLUSIVE MODE", wait);
  } catch (const Error& error) {
    if (error.text.origin != "55P03") throw;
    connection.run("ROLLBACK TO SAVEPOINT peerd_lock; RELEASE SAVEPOINT peerd_lock", wait);
    return false;
  }
  connection.run("SET LOCAL lock_timeout = 0; RELEASE SAVEPOINT peerd_lock", wait);
  return true;
}

/// Who holds a lock on the table or one of its partitions: "pid 4711 (psql, idle in transaction, for 90 s)".
std::string holders(Connection& connection, const QualifiedName& table, const Wait& wait) {
  const std::vector<std::optional<std::string>> name{table.schema, table.name};
  const auto found = connection.run(
      "WITH mine AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
      "   WHERE n.nspname = $1 AND c.relname = $2)"
      " SELECT DISTINCT coalesce('pid ' || l.pid || ' (' || concat_ws(', ', nullif(a.application_name, ''), a.state,"
      "   'for ' || floor(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s') || ')', 'a prepared transaction')"
      " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid, mine"
      " WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()"
      "   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      "   AND (l.relation = mine.oid OR l.relation IN (SELECT relid FROM pg_partition_tree(mine.oid))) LIMIT 5",
      name, wait);
  std::vector<std::string> words;
  for (int row = 0; row < found.rows(); ++row) words.push_back(found.string(row, 0));
  return words.empty() ? "somebody who has left meanwhile" : join(words, ", ");
}

void step_aside(std::chrono::milliseconds pause, const Wait& wait) {
  const auto until = std::min(wait.until - kOneTry, std::chrono::steady_clock::now() + pause);
  if (!system_clock().sleep_until(until, wait.stop)) throw Stopped{};
}

}  // namespace

void lock_alone(Connection& connection, const Site& site, const QualifiedName& table, const Wait& wait) {
  bool told = false;
  for (std::chrono::milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    if (locked(connection, table, wait)) return;
    const std::string who = holders(connection, table, wait);
    if (!told) {
      log(LogLevel::warning, "waiting for a target table that is in use by " + who + "; readers are let through meanwhile",
          {.mirror = site.mirror, .table = table.quoted()});
    }
    told = true;
    step_aside(pause, wait);
    if (wait.shorter(kOneTry).until == wait.until) {
      throw Error(ErrorText{.code = ErrorCode::too_busy,
                            .message = "table " + table.quoted() + " at the target is in use by " + who,
                            .detail = "a change of its shape needs it alone for a moment",
                            .hint = "the mirror tries again; end that transaction if it should not be there",
                            .field = {},
                            .table = table.schema + "." + table.name,
                            .origin = {},
                            .retry = Retry::later});
    }
  }
}

}  // namespace peerd::pgtarget
