#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "peerd/changes/lsn.h"
#include "peerd/postgres/connection.h"

// Waiting for the source: until what was committed is visible, and until what was seen is flushed.
namespace peerd {

/// Sleeps, but not past a stop (Stopped) or the deadline (Error timeout).
void pause(std::chrono::milliseconds duration, const Wait& wait, const char* doing);

/// Transactions that hold an xid now, each with who it is: "pid 4711 (psql)" or "prepared transaction 'x'".
/// A backend holds its xid's lock from before its first change until after its commit is visible. So it also shows
/// those whose commit is in the WAL already but that wait for an fsync or a standby. pg_current_snapshot() does not:
/// its xmax is the last completed xid plus one, and such a transaction, when it is the newest, lies at or above it and
/// is not in its list.
struct RunningTransaction {
  std::uint32_t xid = 0;
  std::string who;
  std::string virtual_id{};  ///< Of one that is known by its virtual xid alone; its xid is 0.
};
std::vector<RunningTransaction> running_transactions(postgres::Connection& connection, const Wait& wait);
std::string describe_running(const std::vector<RunningTransaction>& running);

/// rules.md 8: blocks until every transaction that runs at the call has ended and is visible.
void await_transactions(postgres::Connection& connection, const std::function<void(std::string)>& step,
                        const Wait& wait);

/// The same of every transaction of this database that is open at the call, also one that has not written yet, and of every
/// other that has.
void await_open_transactions(postgres::Connection& connection, const std::function<void(std::string)>& step, const Wait& wait);

/// The prefix of the logical messages that peerd itself emits. No mirror delivers them.
inline constexpr std::string_view kOwnMessages = "peerd";

Lsn insert_position(postgres::Connection& connection, const Wait& wait);

/// rules.md 10: blocks until the WAL is flushed up to the insert position read at the call; returns that position.
Lsn await_flushed(postgres::Connection& connection, const Wait& wait);

}  // namespace peerd
