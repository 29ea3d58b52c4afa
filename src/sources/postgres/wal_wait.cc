#include "postgres/wal_wait.h"

#include <algorithm>
#include <charconv>

#include "peerd/base/text.h"
#include "peerd/changes/lsn.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRunning =
    "SELECT DISTINCT l.transactionid::text,"
    " CASE WHEN p.gid IS NOT NULL THEN 'prepared transaction ' || quote_literal(p.gid)"
    " ELSE 'pid ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '') END"
    " FROM pg_locks l LEFT JOIN pg_prepared_xacts p ON p.transaction = l.transactionid"
    " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted"
    " AND l.pid IS DISTINCT FROM pg_backend_pid() ORDER BY 2";

Lsn lsn_of(const postgres::Result& result, int column) {
  const auto lsn = parse_lsn(result.text(0, column));
  if (!lsn) throw Error(ErrorCode::internal, "a WAL position was expected");
  return *lsn;
}

}  // namespace

void pause(std::chrono::milliseconds duration, const Wait& wait, const char* doing) {
  wait.check(doing);
  if (!system_clock().sleep_until(wait.shorter(duration).until, wait.stop)) throw Stopped{};
}

std::vector<RunningTransaction> running_transactions(postgres::Connection& connection, const Wait& wait) {
  const postgres::Result result = connection.run(kRunning, wait);
  std::vector<RunningTransaction> running;
  for (int row = 0; row < result.rows(); ++row) {
    running.push_back({static_cast<std::uint32_t>(result.integer(row, 0)), result.string(row, 1)});
  }
  return running;
}

std::string describe_running(const std::vector<RunningTransaction>& running) {
  std::set<std::string> names;
  for (const RunningTransaction& transaction : running) names.insert(transaction.who);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

namespace {

/// Blocks until none is left of those that `look` finds at the call.
template <typename Look, typename Same>
void await_gone(Look look, Same same, const std::string& words, const std::function<void(std::string)>& step, const Wait& wait) {
  auto awaited = look();
  std::string told;
  for (auto delay = 5ms; !awaited.empty(); delay = std::min<std::chrono::milliseconds>(delay * 2, 500ms)) {
    // A transaction that is gone after the first look is not worth a word.
    std::string text = words + describe_running(awaited);
    if (delay > 5ms && text != told && step) step(told = std::move(text));
    pause(delay, wait, "waiting for open transactions at the source");
    const auto now = look();
    std::erase_if(awaited, [&](const auto& old) {
      return std::none_of(now.begin(), now.end(), [&](const auto& running) { return same(running, old); });
    });
  }
}

/// Each holds the lock of its virtual xid from its beginning until after its commit is visible. Not those of peerd's own kind
/// that never write: walsenders, and the vacuums that the server runs of itself.
constexpr std::string_view kOpen =
    "SELECT l.virtualtransaction, 'pid ' || l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '')"
    " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()"
    " AND (a.datid IS NULL OR a.datname = current_database())"
    " AND (a.backend_type IS NULL OR a.backend_type NOT IN ('walsender', 'autovacuum worker', 'autovacuum launcher'))"
    " ORDER BY 2";

}  // namespace

void await_transactions(postgres::Connection& connection, const std::function<void(std::string)>& step,
                        const Wait& wait) {
  await_gone([&] { return running_transactions(connection, wait); },
             [](const RunningTransaction& a, const RunningTransaction& b) { return a.xid == b.xid; },
             "waiting for transactions that were open when the table was started: ", step, wait);
}

void await_open_transactions(postgres::Connection& connection, const std::function<void(std::string)>& step, const Wait& wait) {
  const auto look = [&] {
    std::vector<RunningTransaction> found = running_transactions(connection, wait);
    const postgres::Result open = connection.run(kOpen, wait);
    for (int row = 0; row < open.rows(); ++row) found.push_back({0, open.string(row, 1), open.string(row, 0)});
    return found;
  };
  const auto same = [](const RunningTransaction& a, const RunningTransaction& b) { return a.xid == b.xid && a.virtual_id == b.virtual_id; };
  await_gone(look, same, "waiting for transactions that were open when the highest watermark was read: ", step, wait);
}

Lsn insert_position(postgres::Connection& connection, const Wait& wait) {
  return lsn_of(connection.run("SELECT pg_current_wal_insert_lsn()", wait), 0);
}

Lsn await_flushed(postgres::Connection& connection, const Wait& wait) {
  const Lsn position = insert_position(connection, wait);
  // The WAL writer comes by five times a second, and leaves the last, partial page alone until something commits: where
  // nobody else commits within a few milliseconds, a message does, which no stream takes. The session's
  // synchronous_commit is local: no standby is waited for.
  constexpr int kOthers = 4, kAgain = 50;
  for (int round = 0;; ++round) {
    if (lsn_of(connection.run("SELECT pg_current_wal_flush_lsn()", wait), 0) >= position) return position;
    if (round % kAgain == kOthers)
      connection.run("SELECT pg_logical_emit_message(true, " + quote_literal(kOwnMessages) + ", '')", wait);
    else
      pause(round < 10 ? 1ms : 4ms, wait, "waiting for the source to flush its WAL");
  }
}

}  // namespace peerd
