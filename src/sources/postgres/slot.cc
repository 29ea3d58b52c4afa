#include "postgres/slot.h"

#include <future>
#include <set>
#include <thread>

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

Lsn lsn_at(const postgres::Result& result, int column) { return parse_lsn(result.text(0, column)).value_or(Lsn{}); }

/// Who holds the slot now: a backend that streams it, or one that still makes it.
struct Holder {
  int pid = 0;  ///< 0 = nobody.
  std::string application_name;
};
Holder holder_of(postgres::Connection& connection, const std::string& slot, const Wait& wait) {
  const postgres::Result result = connection.run(
      "SELECT s.active_pid, coalesce(a.application_name, '') FROM pg_replication_slots s"
      " LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = $1 AND s.active_pid IS NOT NULL",
      {{slot}}, wait);
  if (result.rows() == 0) return {};
  return {static_cast<int>(result.integer(0, 0)), result.string(0, 1)};
}

/// Ends our own backend on the slot, if there is one. Throws wrong_state when it is somebody else's.
void release(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  for (Holder holder = holder_of(connection, names.slot, wait); holder.pid != 0;
       holder = holder_of(connection, names.slot, wait)) {
    if (!names.own_slot && !names.is_ours(holder.application_name)) {
      throw Error(ErrorCode::wrong_state,
                  "replication slot \"" + names.slot + "\" is in use by pid " + std::to_string(holder.pid) + " (" +
                      holder.application_name + ")",
                  "end that session first");
    }
    connection.run("SELECT pg_terminate_backend($1)", {{std::to_string(holder.pid)}}, wait);
    pause(20ms, wait, "waiting for the old walsender to end");
  }
}

/// Standbys that synchronise slots keep it too, from Postgres 17 on. A server that does not let us have such a one gives a plain
/// one: the mirror is worth more than its failover.
MadeSlot make_lasting(postgres::Connection& maker, const std::string& slot, const Wait& wait) {
  const std::string create = "CREATE_REPLICATION_SLOT " + quote_identifier(slot) + " LOGICAL pgoutput ";
  const auto make = [&](const char* options) {
    const postgres::Result result = maker.run(create + options, wait);
    return MadeSlot{{result.string(0, 0), lsn_at(result, 1)}, {}};
  };
  constexpr const char* kPlain = "NOEXPORT_SNAPSHOT";
  constexpr int kFirstWithFailover = 170000;
  if (maker.server_version() < kFirstWithFailover) return make(kPlain);
  try {
    return make("(SNAPSHOT 'nothing', FAILOVER true)");
  } catch (const Error& error) {
    // A right, a feature, a state, a setting, the grammar of a server that is only like Postgres.
    static const std::set<std::string_view> kRefusals{"42501", "0A000", "55000", "22023", "42601"};
    if (!kRefusals.contains(error.text.origin) || maker.broken()) throw;
    log(LogLevel::warning, "the source makes no failover slot, and a plain one is made: " + error.text.message);
    return make(kPlain);
  }
}

}  // namespace

MadeSlot make_slot(postgres::Connection& connection, postgres::Connection& maker, const std::function<MadeSlot(const Wait&)>& make,
                   const std::function<void(std::string)>& step, const Wait& wait) {
  const int maker_pid = maker.backend_pid();
  std::stop_source stop_maker;
  std::promise<MadeSlot> promise;
  std::future<MadeSlot> made = promise.get_future();
  std::jthread thread([&, until = wait.until] {
    try {
      promise.set_value(make({until, stop_maker.get_token()}));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  });
  try {
    std::string told;
    while (made.wait_for(20ms) != std::future_status::ready) {
      pause(100ms, wait, "making the replication slot");
      if (made.wait_for(0ms) == std::future_status::ready) break;
      std::string who;
      for (const RunningTransaction& running : running_transactions(connection, wait)) {
        if (running.who.find("pid " + std::to_string(maker_pid) + " ") == std::string::npos) {
          who += (who.empty() ? "" : ", ") + running.who;
        }
      }
      std::string text = "making the replication slot";
      if (!who.empty()) text += ": waiting for open transactions: " + who;
      if (text != told && step) step(told = std::move(text));
    }
    return made.get();
  } catch (...) {
    stop_maker.request_stop();  // The request is cancelled at the server, and the half-made slot goes with it.
    throw;
  }
}

std::string unadoptable(postgres::Connection& connection, const std::string& slot, const Wait& wait) {
  const postgres::Result result = connection.run(
      "SELECT s.confirmed_flush_lsn IS NOT NULL AND s.plugin = 'pgoutput' AND s.database = current_database() AND NOT "
      "s.temporary,"
      " s.active, coalesce(to_jsonb(s) ->> 'wal_status', '') = 'lost' FROM pg_replication_slots s WHERE s.slot_name = "
      "$1",
      {{slot}}, wait);
  if (result.rows() == 0 || !result.boolean(0, 0)) return "is not one that a mirror made";
  if (result.boolean(0, 1)) return "is in use";
  if (result.boolean(0, 2)) return "has lost its WAL";
  if (connection.server_version() < 140000) return "";
  const postgres::Result sent = connection.run(
      "SELECT coalesce(sum(total_txns), 0) FROM pg_stat_replication_slots WHERE slot_name = $1", {{slot}}, wait);
  return sent.integer(0, 0) == 0 ? "" : "was read from";
}

SlotStatus read_slot(postgres::Connection& connection, const std::string& slot, const Wait& wait) {
  const postgres::Result result = connection.run(
      "SELECT pg_current_wal_insert_lsn(), s.slot_name IS NOT NULL, coalesce(s.active, false), s.restart_lsn,"
      " s.confirmed_flush_lsn, coalesce(to_jsonb(s) ->> 'wal_status', ''),"
      " (SELECT greatest(g.setting::bigint, 0) * 1048576 FROM pg_settings g WHERE g.name = 'max_slot_wal_keep_size'),"
      " coalesce((to_jsonb(s) ->> 'failover')::boolean, false),"
      " coalesce((SELECT g.setting FROM pg_settings g WHERE g.name = 'synchronized_standby_slots'), ''),"
      " EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = s.active_pid AND a.wait_event = 'WaitForStandbyConfirmation')"
      " FROM (SELECT 1) one LEFT JOIN pg_replication_slots s ON s.slot_name = $1",
      {{slot}}, wait);
  SlotStatus status;
  status.slot = slot;
  status.server_end = lsn_at(result, 0);
  status.exists = result.boolean(0, 1);
  status.active = result.boolean(0, 2);
  status.restart = lsn_at(result, 3);
  status.confirmed = lsn_at(result, 4);
  status.wal_status = result.string(0, 5);
  status.failover = result.boolean(0, 7);
  status.standby_slots = result.string(0, 8);
  status.awaits_standbys = result.boolean(0, 9);
  if (!result.null(0, 6)) status.keep_most_bytes = static_cast<std::uint64_t>(result.integer(0, 6));
  if (status.exists && status.restart.value != 0 && status.server_end > status.restart) {
    status.wal_kept_bytes = status.server_end.value - status.restart.value;
  }
  return status;
}

void note_failover(SlotStatus& status) {
  if (status.failover || status.standby_slots.empty() || !status.concern.empty()) return;
  status.concern = "replication slot \"" + status.slot + "\" is not a failover slot, while the source has standbys that slots are kept at "
                   "(synchronized_standby_slots): a failover would lose it";
  status.concern_cure = "PAUSE MIRROR; ALTER_REPLICATION_SLOT " + quote_identifier(status.slot) +
                        " (FAILOVER true) over a replication connection to the source (psql \"… replication=database\"); RESUME MIRROR";
}

SlotStart ensure_slot(postgres::Connection& connection, const Connect& connect, const SourceNames& names, bool intended,
                      const std::function<void(std::string)>& step, const Wait& wait) {
  SlotStatus status = read_slot(connection, names.slot, wait);
  if (status.exists && status.confirmed.value == 0 && intended) {
    release(connection, names, wait);  // An earlier run's backend still makes it, for nobody.
    while ((status = read_slot(connection, names.slot, wait)).exists && status.confirmed.value == 0) {
      pause(20ms, wait, "waiting for a half-made replication slot to go");
    }
  }
  if (!status.exists) {
    const auto maker = connect(true, wait);
    const auto make = [&](const Wait& patience) { return make_lasting(*maker, names.slot, patience); };
    return make_slot(connection, *maker, make, step, wait).start;
  }
  const std::string why = intended ? unadoptable(connection, names.slot, wait) : "is not known to this mirror";
  if (why.empty()) return {names.slot, read_slot(connection, names.slot, wait).confirmed};
  ErrorText text;
  text.code = ErrorCode::already_exists;
  text.message = "replication slot \"" + names.slot + "\" exists already and " + why;
  text.hint = "SELECT pg_drop_replication_slot(" + quote_literal(names.slot) + ")";
  text.field = names.own_slot ? "" : "replication_slot_name";
  throw Error(std::move(text));
}

namespace {

[[noreturn]] void lost(const std::string& what, const std::string& setting = {}, const char* cure = kCopyAllAnew) {
  ErrorText text;
  text.code = ErrorCode::position_lost;
  text.message = what;
  text.hint = "changes are missing: " + std::string(cure);
  if (!setting.empty()) text.hint += "; " + setting;
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

std::string words_of(const std::string& slot) { return "replication slot \"" + slot + "\""; }

/// What pg_replication_slots.invalidation_reason says (17; `conflicting` alone in 16), and the setting that did it.
struct Invalidation {
  std::string_view reason, words, setting;
};
constexpr Invalidation kInvalidations[] = {
    {"wal_removed", "has lost its WAL: it kept more than max_slot_wal_keep_size", "raise max_slot_wal_keep_size first"},
    {"idle_timeout", "was given up by the source: it was not read from for idle_replication_slot_timeout",
     "raise idle_replication_slot_timeout first, or set it to 0: a paused mirror does not read"},
    {"wal_level_insufficient", "was given up by the source: wal_level is not logical any more", "set wal_level = logical first"},
    {"rows_removed", "was given up by the source: rows of the catalog that it needed were removed", ""},
};

[[noreturn]] void throw_invalidated(const std::string& slot, const std::string& reason) {
  for (const Invalidation& known : kInvalidations)
    if (known.reason == reason) lost(words_of(slot) + " " + std::string(known.words), std::string(known.setting));
  if (!reason.empty()) lost(words_of(slot) + " was given up by the source: " + reason);
  lost(words_of(slot) + " has lost its WAL (max_slot_wal_keep_size)");
}

}  // namespace

void check_standing(postgres::Connection& connection, const std::string& slot, const Wait& wait) {
  const postgres::Result found = connection.run(
      "SELECT coalesce(to_jsonb(s) ->> 'wal_status', '') = 'lost', coalesce(to_jsonb(s) ->> 'invalidation_reason', ''),"
      " coalesce(s.plugin, 'none') FROM pg_replication_slots s WHERE s.slot_name = $1",
      {{slot}}, wait);
  if (found.rows() == 0) lost(words_of(slot) + " does not exist at the source any more");
  if (found.text(0, 2) != "pgoutput")
    lost(words_of(slot) + " is another one of its name, with the output plugin " + found.string(0, 2) + " and not pgoutput");
  if (found.boolean(0, 0) || !found.text(0, 1).empty()) throw_invalidated(slot, found.string(0, 1));
}

void check_followable(const SlotStatus& status, Lsn from) {
  const std::string slot = words_of(status.slot);
  if (!status.exists) lost(slot + " does not exist at the source any more");
  if (status.wal_status == "lost") lost(slot + " has lost its WAL (max_slot_wal_keep_size)");
  if (from < status.confirmed) {
    lost(slot + " was advanced to " + to_string(status.confirmed) + ", past the stored position " + to_string(from));
  }
  if (from > status.server_end) {
    lost("the stored position " + to_string(from) + " lies past the source's end of WAL " +
         to_string(status.server_end) + ": it is another server, or one that was set back", {}, "DROP MIRROR and CREATE MIRROR copy the tables anew");
  }
}

void drop_slot(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  // The server would drop it from any of its databases, but the publication stands in the slot's.
  const postgres::Result elsewhere = connection.run(
      "SELECT database FROM pg_replication_slots WHERE slot_name = $1 AND database <> current_database()", {{names.slot}}, wait);
  if (elsewhere.rows() > 0) {
    throw Error(ErrorCode::wrong_state,
                words_of(names.slot) + " is one of database \"" + elsewhere.string(0, 0) + "\", to which the peer does not lead",
                "point the peer back with CREATE OR REPLACE PEER, then DROP MIRROR again");
  }
  while (read_slot(connection, names.slot, wait).exists) {
    release(connection, names, wait);
    try {
      connection.run("SELECT pg_drop_replication_slot($1)", {{names.slot}}, wait);
      return;
    } catch (const Error& error) {
      // 55006: somebody took it in between; 42704: it went by itself, as a half-made one does.
      if (error.text.origin != "55006" && error.text.origin != "42704") throw;
    }
  }
}

}  // namespace peerd
