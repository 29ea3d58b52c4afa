#include "json.h"
#include "mapping.h"
#include "peer_rows.h"
#include "proto/figures.pb.h"

namespace peerd::rest {
namespace {

/// What only newer servers have is read as JSON, where what is missing is NULL. Whether there are statistics of slots, too.
constexpr std::string_view kSlots = R"(
SELECT s.slot_name, (SELECT redo_lsn FROM pg_control_checkpoint()), s.restart_lsn, s.active, s.confirmed_flush_lsn,
       coalesce(to_jsonb(s) ->> 'wal_status', 'unknown'), r.sent_lsn, w.now,
       (w.now - s.restart_lsn) / 1048576, (s.confirmed_flush_lsn - s.restart_lsn) / 1048576,
       (w.now - s.confirmed_flush_lsn) / 1048576, a.wait_event_type, a.wait_event, a.state,
       (SELECT setting::bigint / 1024 FROM pg_settings WHERE name = 'logical_decoding_work_mem'),
       to_jsonb(s) ->> 'safe_wal_size', to_regclass('pg_catalog.pg_stat_replication_slots') IS NOT NULL
FROM pg_replication_slots s
CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS now) w
LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
WHERE s.database = current_database() ORDER BY s.slot_name)";

/// What is ours of the peer's user, as in PeerDB: peerd's own names begin with "peerd".
constexpr std::string_view kSessions = R"(
SELECT pid, wait_event, wait_event_type, query_start::text, query,
       coalesce(extract(epoch FROM clock_timestamp() - query_start), -1)::float4, state
FROM pg_stat_activity WHERE usename = current_user AND application_name LIKE 'peerd%' ORDER BY pid)";

constexpr std::string_view kStatistics =
    "SELECT slot_name, extract(epoch FROM stats_reset)::bigint, spill_txns, spill_count, spill_bytes "
    "FROM pg_stat_replication_slots";

void fill_slot(const PeerRows& rows, std::size_t i, peerdb_route::SlotInfo& slot) {
  slot.set_slot_name(rows.text(i, 0));
  slot.set_redo_lsn(rows.text(i, 1));
  slot.set_restart_lsn(rows.text(i, 2));
  slot.set_active(rows.truth(i, 3));
  slot.set_confirmed_flush_lsn(rows.text(i, 4));
  slot.set_wal_status(rows.text(i, 5));
  if (!rows.null(i, 6)) slot.set_sent_lsn(rows.text(i, 6));
  slot.set_current_lsn(rows.text(i, 7));
  if (!rows.null(i, 8)) slot.set_lag_in_mb(static_cast<float>(rows.real(i, 8)));  // A lost slot has no position.
  if (!rows.null(i, 9)) slot.set_restart_to_confirmed_mb(static_cast<float>(rows.real(i, 9)));
  if (!rows.null(i, 10)) slot.set_confirmed_to_current_mb(static_cast<float>(rows.real(i, 10)));
  slot.set_wait_event_type(rows.text(i, 11));
  slot.set_wait_event(rows.text(i, 12));
  slot.set_backend_state(rows.text(i, 13));
  slot.set_logical_decoding_work_mem_mb(rows.integer(i, 14));
  if (!rows.null(i, 15)) slot.set_safe_wal_size(rows.integer(i, 15));
}

void fill_statistics(const PeerRows& rows, peerdb_route::PeerSlotResponse& reply) {
  for (auto& slot : *reply.mutable_slot_data()) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows.text(i, 0) != slot.slot_name()) continue;
      if (!rows.null(i, 1)) slot.set_stats_reset(rows.integer(i, 1));
      slot.set_spill_txns(rows.integer(i, 2));
      slot.set_spill_count(rows.integer(i, 3));
      slot.set_spill_bytes(rows.integer(i, 4));
    }
  }
}

}  // namespace

std::map<std::string, std::string> mirrors_by_slot(Catalog& catalog, const std::string& peer) {
  std::map<std::string, std::string> mirrors;
  for (const MirrorRecord& mirror : catalog.mirrors()) {
    if (mirror.spec.source != peer) continue;
    try {
      if (const auto slot = catalog.progress(mirror.id).slot) mirrors[slot->slot] = mirror.spec.name;
    } catch (const Error& error) {
      if (error.text.code != ErrorCode::not_found) throw;  // Dropped just now.
    }
  }
  return mirrors;
}

std::string list_slots(Call& call) {
  const std::string peer(call.parameter);
  const bool own_only = query_boolean(call, "peerdb_managed_only", false);
  const auto session = source_session(call, peer);
  const auto mirrors = mirrors_by_slot(call.deps.catalog, peer);
  const PeerRows rows = ask(*session, std::string(kSlots), call);
  peerdb_route::PeerSlotResponse reply;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto mirror = mirrors.find(rows.text(i, 0));
    if (own_only && mirror == mirrors.end()) continue;
    auto& slot = *reply.add_slot_data();
    fill_slot(rows, i, slot);
    if (mirror != mirrors.end()) slot.set_mirror(mirror->second);
  }
  if (rows.size() > 0 && rows.truth(0, 16)) fill_statistics(ask(*session, std::string(kStatistics), call), reply);
  return write_json(reply);
}

std::string list_sessions(Call& call) {
  const PeerRows rows = ask(*source_session(call, std::string(call.parameter)), std::string(kSessions), call);
  peerdb_route::PeerStatResponse reply;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& item = *reply.add_stat_data();
    item.set_pid(rows.integer(i, 0));
    item.set_wait_event(rows.text(i, 1));
    item.set_wait_event_type(rows.text(i, 2));
    item.set_query_start(rows.text(i, 3));
    item.set_query(rows.text(i, 4));
    item.set_duration(static_cast<float>(rows.real(i, 5)));
    item.set_state(rows.text(i, 6));
  }
  return write_json(reply);
}

}  // namespace peerd::rest
