#include "postgres/held_snapshot.h"

#include "peerd/base/text.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

/// Who holds it. A server that was started again gives the names of its snapshots anew, to whoever exports one there.
constexpr std::string_view kHolder = "pid || ' ' || extract(epoch FROM backend_start)";

class Held final : public HeldSnapshot {
 public:
  Held(std::unique_ptr<postgres::Connection> connection, Lsn start, std::string name)
      : connection_(std::move(connection)), start_(start), name_(std::move(name)) {}
  Lsn start() const override { return start_; }
  std::string name() const override { return name_; }

 private:
  const std::unique_ptr<postgres::Connection> connection_;  ///< Its open transaction keeps the snapshot.
  const Lsn start_;
  const std::string name_;
};

}  // namespace

bool begin_in_snapshot(postgres::Connection& connection, const std::string& name, const Wait& wait) {
  const std::size_t space = name.find(' ');
  connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", wait);
  try {
    connection.run("SET TRANSACTION SNAPSHOT " + quote_literal(name.substr(0, space)), wait);
    if (space == std::string::npos || connection.run("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE " + std::string(kHolder) + " = $1)",
                                                     {{name.substr(space + 1)}}, wait).boolean(0, 0))
      return true;
  } catch (const Error& error) {
    // 22023, 42704 and 55000: whoever held it is gone; what they call it depends on the version.
    if (error.text.origin != "22023" && error.text.origin != "42704" && error.text.origin != "55000") throw;
  }
  connection.run("ROLLBACK", wait);
  return false;
}

std::unique_ptr<HeldSnapshot> hold_snapshot(postgres::Connection& connection, const Connect& connect,
                                            const std::function<void(std::string)>& step, const Wait& wait) {
  const auto maker = connect(true, wait);
  // Of a name that no living backend's can have; it goes with its connection.
  const std::string slot = "peerd_snapshot_" + std::to_string(maker->backend_pid());
  const auto make = [&](const Wait& patience) {
    const postgres::Result result =
        maker->run("CREATE_REPLICATION_SLOT " + slot + " TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT", patience);
    return MadeSlot{{slot, parse_lsn(result.text(0, 1)).value()}, result.null(0, 2) ? "" : result.string(0, 2)};
  };
  const MadeSlot made = make_slot(connection, *maker, make, step, wait);
  auto holder = connect(false, wait);
  if (made.snapshot.empty() || !begin_in_snapshot(*holder, made.snapshot, wait))
    throw Error(ErrorCode::peer_error, "the source did not keep the snapshot that it had exported", "it is tried again");
  const std::string name = holder->run("SELECT pg_export_snapshot() || ' ' || " + std::string(kHolder) +
                                           " FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                                       wait).string(0, 0);
  // The snapshot may show a transaction as committed whose commit is in the WAL and not yet in the commit log: a row of it that
  // is read now would be taken for an aborted one's. Whoever is so far holds its xid's lock until it has ended.
  await_transactions(connection, step, wait);
  return std::make_unique<Held>(std::move(holder), made.start.consistent_point, name);
}

}  // namespace peerd
