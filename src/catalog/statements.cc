#include "statements.h"

#include <array>

namespace peerd {

// One dialect for SQLite and Postgres: INTEGER, BIGINT, TEXT, ON CONFLICT, RETURNING; parameters are ?1, ?2, …
// (Postgres: $1, $2). Positions are text of fixed width, "00000016/B374D848", which sorts as the positions do in all 64
// bits; '' is none. Unsigned 64-bit counts are stored by their bits in a BIGINT.

namespace {

constexpr std::string_view kVersion1 = R"(
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counters VALUES ('peer', 0), ('mirror', 0);

CREATE TABLE peers (
  id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  spec TEXT NOT NULL                              -- JSON; secrets sealed.
);

CREATE TABLE mirrors (
  id BIGINT PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL REFERENCES peers (name), target TEXT NOT NULL REFERENCES peers (name),
  spec TEXT NOT NULL,                             -- JSON.
  state TEXT NOT NULL, resume_to TEXT NOT NULL, reason TEXT NOT NULL, created_at_us BIGINT NOT NULL,
  epoch BIGINT NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '', lease_until_us BIGINT NOT NULL DEFAULT 0,
  slot_intended INTEGER NOT NULL DEFAULT 0, slot TEXT NOT NULL DEFAULT '', slot_start TEXT NOT NULL DEFAULT '',
  system_identifier BIGINT NOT NULL DEFAULT 0, timeline BIGINT NOT NULL DEFAULT 0,
  checkpoint TEXT NOT NULL DEFAULT '', shaped_at TEXT NOT NULL DEFAULT ''
);

CREATE TABLE mirror_tables (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), oid BIGINT NOT NULL, position INTEGER NOT NULL,
  spec TEXT NOT NULL,                             -- JSON of the table's shape.
  start TEXT NOT NULL, planned INTEGER NOT NULL DEFAULT 0, copied INTEGER NOT NULL DEFAULT 0,
  horizon TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (mirror, oid)
);

CREATE TABLE mirror_chunks (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), oid BIGINT NOT NULL, start TEXT NOT NULL, number BIGINT NOT NULL,
  file_node BIGINT NOT NULL, first_block BIGINT NOT NULL, end_block BIGINT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, row_count BIGINT NOT NULL DEFAULT 0, byte_count BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (mirror, oid, number)
);

CREATE TABLE mirror_batches (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), id BIGINT NOT NULL, at_us BIGINT NOT NULL,
  first_lsn TEXT NOT NULL, end_lsn TEXT NOT NULL, inserts BIGINT NOT NULL, updates BIGINT NOT NULL, deletes BIGINT NOT NULL,
  truncates BIGINT NOT NULL, byte_count BIGINT NOT NULL, waited_ms BIGINT NOT NULL, applied_ms BIGINT NOT NULL,
  PRIMARY KEY (mirror, id)
);

CREATE TABLE mirror_logs (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), id BIGINT NOT NULL, at_us BIGINT NOT NULL,
  level TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL, hint TEXT NOT NULL,
  PRIMARY KEY (mirror, id)
);
)";

constexpr std::string_view kVersion2 = R"(
ALTER TABLE mirror_chunks ADD COLUMN key_range TEXT NOT NULL DEFAULT '';  -- JSON; '' = cut by blocks.
ALTER TABLE mirror_tables ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;    -- Rewrites that the present copy has met.
)";

constexpr std::string_view kVersion3 = R"(
CREATE TABLE target_notes (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), name TEXT NOT NULL,  -- The table's at the target; '' = the whole.
  identity TEXT NOT NULL,                                              -- JSON.
  PRIMARY KEY (mirror, name)
);
)";

constexpr std::string_view kVersion4 = R"(
ALTER TABLE mirrors ADD COLUMN source_database_oid BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirrors ADD COLUMN source_database TEXT NOT NULL DEFAULT '';
)";

constexpr std::string_view kVersion5 = R"(
CREATE TABLE mirror_history (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), step INTEGER NOT NULL, at BIGINT NOT NULL,  -- Both in seconds.
  span_ms BIGINT NOT NULL, lag_bytes BIGINT NOT NULL, lag_ms BIGINT NOT NULL, wal_kept_bytes BIGINT NOT NULL,
  inserts BIGINT NOT NULL, updates BIGINT NOT NULL, deletes BIGINT NOT NULL, byte_count BIGINT NOT NULL,
  batches BIGINT NOT NULL, batch_ms BIGINT NOT NULL,
  PRIMARY KEY (mirror, step, at)
);
)";

constexpr std::string_view kVersion6 = R"(
INSERT INTO counters VALUES ('alert', 0);

CREATE TABLE alert_configs (
  id BIGINT PRIMARY KEY, service_type TEXT NOT NULL,
  config TEXT NOT NULL,                           -- JSON, sealed whole.
  mirrors TEXT NOT NULL                           -- JSON: names; [] = every mirror.
);

CREATE TABLE alert_causes (
  config BIGINT NOT NULL REFERENCES alert_configs (id), mirror TEXT NOT NULL, cause TEXT NOT NULL,
  message TEXT NOT NULL, hint TEXT NOT NULL, since_us BIGINT NOT NULL, told_at_us BIGINT NOT NULL, resolved_at_us BIGINT NOT NULL,
  PRIMARY KEY (config, mirror, cause)
);
)";

constexpr std::string_view kVersion7 = R"(
CREATE TABLE mirror_tags (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), tag TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (mirror, tag)
);
)";

constexpr std::string_view kVersion8 = R"(
ALTER TABLE mirror_chunks ADD COLUMN part BIGINT NOT NULL DEFAULT 0;  -- OID of the partition; 0 = the table itself.
)";

constexpr std::string_view kVersion9 = R"(
ALTER TABLE mirror_tables ADD COLUMN resync INTEGER NOT NULL DEFAULT 0;  -- enum Resync.
)";

// A table's notes tell of columns that the target keeps, which earlier versions would forget: they open it no more.
constexpr std::string_view kVersion10 = R"(
UPDATE counters SET value = value WHERE name = 'mirror';
)";

constexpr std::string_view kVersion11 = R"(
ALTER TABLE mirrors ADD COLUMN spooled_to TEXT NOT NULL DEFAULT '';
ALTER TABLE mirrors ADD COLUMN spool_shaped BIGINT NOT NULL DEFAULT 0;  -- Number of a record in the mirror's spool.
)";

constexpr std::string_view kVersion12 = R"(
ALTER TABLE mirrors ADD COLUMN receives INTEGER NOT NULL DEFAULT 0;  -- While it is paused.
)";

// By stage, µs: enum Stage.
constexpr std::string_view kVersion13 = R"(
ALTER TABLE mirror_batches ADD COLUMN receive_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN decode_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN full_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN empty_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN encode_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN apply_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN commit_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirror_batches ADD COLUMN checkpoint_us BIGINT NOT NULL DEFAULT 0;
)";

constexpr std::string_view kVersion14 = R"(
ALTER TABLE mirror_tables ADD COLUMN parked TEXT NOT NULL DEFAULT '';  -- JSON; '' = its changes are followed.
)";
constexpr std::array kMigrations = {kVersion1, kVersion2, kVersion3, kVersion4,  kVersion5,  kVersion6,
                                    kVersion7, kVersion8, kVersion9, kVersion10, kVersion11, kVersion12, kVersion13, kVersion14};

struct Entry {
  Sql name;
  std::string_view text;
};

constexpr std::array<Entry, static_cast<std::size_t>(Sql::count)> kStatements = {{
    {Sql::next_id, "UPDATE counters SET value = value + 1 WHERE name = ?1 RETURNING value"},

    {Sql::peer_by_name, "SELECT id, name, kind, spec FROM peers WHERE name = ?1"},
    {Sql::all_peers, "SELECT id, name, kind, spec FROM peers ORDER BY name"},
    {Sql::insert_peer, "INSERT INTO peers (id, name, kind, spec) VALUES (?1, ?2, ?3, ?4)"},
    {Sql::update_peer, "UPDATE peers SET kind = ?2, spec = ?3 WHERE name = ?1"},
    {Sql::delete_peer, "DELETE FROM peers WHERE name = ?1"},
    {Sql::mirrors_of_peer, "SELECT name FROM mirrors WHERE source = ?1 OR target = ?1 ORDER BY name"},

    {Sql::mirror_by_name,
     "SELECT id, uuid, name, source, target, spec, state, resume_to, reason, created_at_us, receives FROM mirrors WHERE name = "
     "?1"},
    {Sql::mirror_by_id,
     "SELECT id, uuid, name, source, target, spec, state, resume_to, reason, created_at_us, receives FROM mirrors WHERE id = ?1"},
    {Sql::all_mirrors,
     "SELECT id, uuid, name, source, target, spec, state, resume_to, reason, created_at_us, receives FROM mirrors ORDER BY name"},
    {Sql::insert_mirror,
     "INSERT INTO mirrors (id, uuid, name, source, target, spec, state, resume_to, reason, created_at_us) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    {Sql::move_mirror,
     "UPDATE mirrors SET state = ?3, reason = ?4, receives = CASE WHEN ?5 < 0 THEN receives ELSE ?5 END "
     "WHERE id = ?1 AND state = ?2"},
    {Sql::set_spec, "UPDATE mirrors SET spec = ?2 WHERE id = ?1 AND state NOT IN ('TERMINATING', 'TERMINATED')"},
    {Sql::set_resume_to, "UPDATE mirrors SET resume_to = ?2 WHERE id = ?1"},
    // Granted when it is free, the asker's own or run out. One statement, so that two askers cannot both have it.
    {Sql::lease_mirror,
     "UPDATE mirrors SET epoch = epoch + 1, owner = ?2, lease_until_us = ?4 "
     "WHERE id = ?1 AND (owner = '' OR owner = ?2 OR lease_until_us <= ?3) RETURNING epoch, uuid"},
    {Sql::release_leases, "UPDATE mirrors SET owner = '', lease_until_us = 0 WHERE owner <> ''"},
    {Sql::delete_mirror, "DELETE FROM mirrors WHERE id = ?1"},
    {Sql::delete_tables, "DELETE FROM mirror_tables WHERE mirror = ?1"},
    {Sql::delete_chunks, "DELETE FROM mirror_chunks WHERE mirror = ?1"},
    {Sql::delete_batches, "DELETE FROM mirror_batches WHERE mirror = ?1"},
    {Sql::delete_logs, "DELETE FROM mirror_logs WHERE mirror = ?1"},
    {Sql::delete_target_notes, "DELETE FROM target_notes WHERE mirror = ?1"},
    {Sql::delete_samples, "DELETE FROM mirror_history WHERE mirror = ?1"},
    {Sql::delete_tags, "DELETE FROM mirror_tags WHERE mirror = ?1"},

    // Every progress write begins with it or is one like it: it matches only under the present lease, and locks the
    // row.
    {Sql::fence, "UPDATE mirrors SET epoch = ?2 WHERE id = ?1 AND epoch = ?2"},
    {Sql::progress,
     "SELECT slot_intended, slot, slot_start, system_identifier, timeline, checkpoint, shaped_at, source_database_oid, "
     "source_database, spooled_to, spool_shaped FROM mirrors WHERE id = ?1"},
    {Sql::note_source,
     "UPDATE mirrors SET system_identifier = ?3, timeline = ?4, source_database_oid = ?5, source_database = ?6 WHERE id "
     "= ?1 AND epoch = ?2"},
    {Sql::intend_slot, "UPDATE mirrors SET slot_intended = 1 WHERE id = ?1 AND epoch = ?2"},
    {Sql::forget_slot,
     "UPDATE mirrors SET slot = '', slot_start = '', slot_intended = 2, spooled_to = '' WHERE id = ?1 AND epoch = ?2"},
    {Sql::begin_slot,
     "UPDATE mirrors SET slot = ?3, slot_start = ?4, spooled_to = '' WHERE id = ?1 AND epoch = ?2"},
    {Sql::set_shaped_at, "UPDATE mirrors SET shaped_at = ?3 WHERE id = ?1 AND epoch = ?2"},
    {Sql::store_checkpoint,
     "UPDATE mirrors SET checkpoint = CASE WHEN checkpoint < ?3 THEN ?3 ELSE checkpoint END WHERE id = ?1 AND epoch = "
     "?2"},

    {Sql::store_spooled,
     "UPDATE mirrors SET spooled_to = CASE WHEN spooled_to < ?3 THEN ?3 ELSE spooled_to END WHERE id = ?1 AND epoch = "
     "?2"},
    {Sql::set_spool_shaped, "UPDATE mirrors SET spool_shaped = ?3 WHERE id = ?1 AND epoch = ?2"},

    {Sql::all_tables,
     "SELECT oid, spec, start, planned, copied, horizon, moves, resync, parked FROM mirror_tables WHERE mirror = ?1 ORDER BY position, oid"},
    {Sql::put_table,
     "INSERT INTO mirror_tables (mirror, oid, position, spec, start) VALUES (?1, ?2, ?3, ?4, ?5) "
     "ON CONFLICT (mirror, oid) DO UPDATE SET position = excluded.position, spec = excluded.spec, start = "
     "excluded.start"},
    {Sql::put_planned_table,
     "INSERT INTO mirror_tables (mirror, oid, position, spec, start, planned) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
     "ON CONFLICT (mirror, oid) DO UPDATE SET spec = excluded.spec, start = excluded.start, planned = "
     "excluded.planned, "
     "copied = 0, horizon = ''"},
    {Sql::void_table, "UPDATE mirror_tables SET planned = 0, copied = 0, horizon = '', parked = '' WHERE mirror = ?1 AND oid = ?2"},
    {Sql::delete_table, "DELETE FROM mirror_tables WHERE mirror = ?1 AND oid = ?2"},
    {Sql::delete_table_chunks, "DELETE FROM mirror_chunks WHERE mirror = ?1 AND oid = ?2"},
    {Sql::copied_table, "UPDATE mirror_tables SET copied = 1, horizon = ?3, moves = 0 WHERE mirror = ?1 AND oid = ?2"},
    {Sql::moved_table, "UPDATE mirror_tables SET moves = moves + 1 WHERE mirror = ?1 AND oid = ?2"},
    {Sql::ask_resync, "UPDATE mirror_tables SET resync = 1 WHERE mirror = ?1 AND oid = ?2"},
    {Sql::park_table, "UPDATE mirror_tables SET parked = ?3 WHERE mirror = ?1 AND oid = ?2"},
    // In the place of the row of ?2, which is another one when the table was made anew at the source.
    {Sql::begin_resync,
     "INSERT INTO mirror_tables (mirror, oid, position, spec, start, resync) "
     "SELECT mirror, CAST(?3 AS BIGINT), position, CAST(?4 AS TEXT), CAST(?5 AS TEXT), 2 FROM mirror_tables "
     "WHERE mirror = ?1 AND oid = ?2 AND resync = 1 "
     "ON CONFLICT (mirror, oid) DO UPDATE SET spec = excluded.spec, start = excluded.start, planned = 0, copied = 0, "
     "horizon = '', moves = 0, resync = 2, parked = ''"},
    {Sql::begin_swap, "UPDATE mirror_tables SET resync = 3 WHERE mirror = ?1 AND oid = ?2 AND resync = 2"},
    {Sql::resynced_table,
     "UPDATE mirror_tables SET copied = 1, horizon = ?3, moves = 0, resync = 0 WHERE mirror = ?1 AND oid = ?2 AND resync = 3"},
    {Sql::target_notes, "SELECT name, identity FROM target_notes WHERE mirror = ?1 ORDER BY name"},
    {Sql::put_target_note,
     "INSERT INTO target_notes (mirror, name, identity) VALUES (?1, ?2, ?3) "
     "ON CONFLICT (mirror, name) DO UPDATE SET identity = excluded.identity"},
    {Sql::delete_target_note, "DELETE FROM target_notes WHERE mirror = ?1 AND name = ?2"},

    {Sql::insert_chunk,
     "INSERT INTO mirror_chunks (mirror, oid, start, number, file_node, first_block, end_block, key_range, part) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    {Sql::chunk_done,
     "UPDATE mirror_chunks SET done = 1, row_count = ?5, byte_count = ?6 "
     "WHERE mirror = ?1 AND oid = ?2 AND start = ?3 AND number = ?4"},
    {Sql::all_chunks,
     "SELECT oid, start, number, file_node, first_block, end_block, done, row_count, byte_count, key_range, part FROM mirror_chunks "
     "WHERE mirror = ?1 ORDER BY oid, number"},

    {Sql::insert_batch,
     "INSERT INTO mirror_batches SELECT CAST(?1 AS BIGINT), COALESCE(MAX(id), 0) + 1, CAST(?2 AS BIGINT), CAST(?3 AS "
     "TEXT), "
     "CAST(?4 AS TEXT), CAST(?5 AS BIGINT), CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?8 AS BIGINT), CAST(?9 AS "
     "BIGINT), "
     "CAST(?10 AS BIGINT), CAST(?11 AS BIGINT), CAST(?12 AS BIGINT), CAST(?13 AS BIGINT), CAST(?14 AS BIGINT), CAST(?15 AS "
     "BIGINT), "
     "CAST(?16 AS BIGINT), CAST(?17 AS BIGINT), CAST(?18 AS BIGINT), CAST(?19 AS BIGINT) FROM mirror_batches WHERE mirror = ?1"},
    {Sql::prune_batches,
     "DELETE FROM mirror_batches WHERE mirror = ?1 AND id <= (SELECT MAX(id) FROM mirror_batches WHERE mirror = ?1) - "
     "?2"},
    {Sql::all_batches,
     "SELECT id, at_us, first_lsn, end_lsn, inserts, updates, deletes, truncates, byte_count, waited_ms, applied_ms, "
     "receive_us, decode_us, full_us, empty_us, encode_us, apply_us, commit_us, checkpoint_us "
     "FROM mirror_batches WHERE mirror = ?1 ORDER BY id"},

    // No row when the mirror is gone.
    {Sql::insert_log,
     "INSERT INTO mirror_logs SELECT m.id, COALESCE(MAX(l.id), 0) + 1, CAST(?2 AS BIGINT), CAST(?3 AS TEXT), CAST(?4 "
     "AS TEXT), "
     "CAST(?5 AS TEXT), CAST(?6 AS TEXT) FROM mirrors m LEFT JOIN mirror_logs l ON l.mirror = m.id WHERE m.id = ?1 "
     "GROUP BY m.id"},
    {Sql::prune_logs,
     "DELETE FROM mirror_logs WHERE mirror = ?1 AND id <= (SELECT MAX(id) FROM mirror_logs WHERE mirror = ?1) - ?2"},
    {Sql::all_logs, "SELECT id, at_us, level, message, detail, hint FROM mirror_logs WHERE mirror = ?1 ORDER BY id"},

    // No row when the mirror is gone.
    {Sql::put_sample,
     "INSERT INTO mirror_history SELECT id, CAST(?2 AS INTEGER), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS "
     "BIGINT), "
     "CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?8 AS BIGINT), CAST(?9 AS BIGINT), CAST(?10 AS BIGINT), CAST(?11 AS "
     "BIGINT), "
     "CAST(?12 AS BIGINT), CAST(?13 AS BIGINT) FROM mirrors WHERE id = ?1 "
     "ON CONFLICT (mirror, step, at) DO UPDATE SET span_ms = excluded.span_ms, lag_bytes = excluded.lag_bytes, "
     "lag_ms = excluded.lag_ms, wal_kept_bytes = excluded.wal_kept_bytes, inserts = excluded.inserts, "
     "updates = excluded.updates, deletes = excluded.deletes, byte_count = excluded.byte_count, "
     "batches = excluded.batches, batch_ms = excluded.batch_ms"},
    // Of the steps that are over and come after the last that was made.
    {Sql::thin_samples,
     "INSERT INTO mirror_history SELECT mirror, CAST(?3 AS INTEGER), at / ?3 * ?3, CAST(SUM(span_ms) AS BIGINT), "
     "CAST(AVG(lag_bytes) AS BIGINT), CAST(AVG(lag_ms) AS BIGINT), CAST(AVG(wal_kept_bytes) AS BIGINT), "
     "CAST(SUM(inserts) AS BIGINT), CAST(SUM(updates) AS BIGINT), CAST(SUM(deletes) AS BIGINT), "
     "CAST(SUM(byte_count) AS BIGINT), CAST(SUM(batches) AS BIGINT), CAST(SUM(batch_ms) AS BIGINT) FROM mirror_history "
     "WHERE mirror = ?1 AND step = ?2 AND at < ?4 AND at >= (SELECT COALESCE(MAX(at) + ?3, 0) FROM mirror_history "
     "WHERE mirror = ?1 AND step = ?3) GROUP BY mirror, at / ?3"},
    {Sql::prune_samples, "DELETE FROM mirror_history WHERE mirror = ?1 AND step = ?2 AND (at <= ?3 OR at > ?4)"},
    {Sql::samples,
     "SELECT at / ?3 * ?3, CAST(SUM(span_ms) AS BIGINT), CAST(AVG(lag_bytes) AS BIGINT), CAST(AVG(lag_ms) AS BIGINT), "
     "CAST(AVG(wal_kept_bytes) AS BIGINT), CAST(SUM(inserts) AS BIGINT), CAST(SUM(updates) AS BIGINT), "
     "CAST(SUM(deletes) AS BIGINT), CAST(SUM(byte_count) AS BIGINT), CAST(SUM(batches) AS BIGINT), "
     "CAST(SUM(batch_ms) AS BIGINT) FROM mirror_history "
     "WHERE mirror = ?1 AND step = ?2 AND at >= ?4 AND at < ?5 GROUP BY at / ?3 ORDER BY at / ?3"},

    {Sql::all_alerts, "SELECT id, service_type, config, mirrors FROM alert_configs ORDER BY id"},
    {Sql::insert_alert, "INSERT INTO alert_configs (id, service_type, config, mirrors) VALUES (?1, ?2, ?3, ?4)"},
    {Sql::update_alert, "UPDATE alert_configs SET service_type = ?2, config = ?3, mirrors = ?4 WHERE id = ?1"},
    {Sql::delete_alert, "DELETE FROM alert_configs WHERE id = ?1"},
    {Sql::delete_alert_causes, "DELETE FROM alert_causes WHERE config = ?1"},
    {Sql::all_causes,
     "SELECT config, mirror, cause, message, hint, since_us, told_at_us, resolved_at_us FROM alert_causes "
     "ORDER BY config, since_us, mirror, cause"},
    {Sql::put_cause,
     "INSERT INTO alert_causes SELECT id, ?2, ?3, ?4, ?5, CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?8 AS BIGINT) "
     "FROM alert_configs WHERE id = ?1 ON CONFLICT (config, mirror, cause) DO UPDATE SET message = excluded.message, "
     "hint = excluded.hint, since_us = excluded.since_us, told_at_us = excluded.told_at_us, "
     "resolved_at_us = excluded.resolved_at_us"},
    {Sql::delete_cause, "DELETE FROM alert_causes WHERE config = ?1 AND mirror = ?2 AND cause = ?3"},

    {Sql::insert_tag, "INSERT INTO mirror_tags (mirror, tag, value) VALUES (?1, ?2, ?3)"},
    {Sql::all_tags, "SELECT tag, value FROM mirror_tags WHERE mirror = ?1 ORDER BY tag"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kStatements.size(); ++i)
    if (kStatements[i].name != static_cast<Sql>(i)) return false;
  return true;
}
static_assert(in_order(), "kStatements follows the order of enum Sql");

}  // namespace

std::string_view text_of(Sql statement) { return kStatements[static_cast<std::size_t>(statement)].text; }

std::span<const std::string_view> migrations() { return kMigrations; }

}  // namespace peerd
