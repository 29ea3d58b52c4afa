#include "postgres/bookkeeping.h"

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "shadow.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::Result;
using Parameters = std::vector<std::optional<std::string>>;

constexpr std::string_view kTables = R"(
CREATE TABLE IF NOT EXISTS _peerd.mirrors (
  uuid text PRIMARY KEY, name text NOT NULL, epoch bigint NOT NULL);
CREATE TABLE IF NOT EXISTS _peerd.positions (
  mirror text PRIMARY KEY, position pg_lsn NOT NULL);
CREATE TABLE IF NOT EXISTS _peerd.tables (
  schema_name text, table_name text, mirror text NOT NULL, source_oid oid NOT NULL, start pg_lsn NOT NULL,
  made boolean NOT NULL, key_built boolean NOT NULL, key_name text NOT NULL, PRIMARY KEY (schema_name, table_name));
CREATE TABLE IF NOT EXISTS _peerd.chunks (
  mirror text, source_oid oid, start pg_lsn, number bigint, rows bigint NOT NULL, bytes bigint NOT NULL,
  PRIMARY KEY (mirror, source_oid, start, number));
CREATE TABLE IF NOT EXISTS _peerd.columns (
  table_oid oid, name name, number smallint NOT NULL, mirror text NOT NULL, PRIMARY KEY (table_oid, name));
CREATE TABLE IF NOT EXISTS _peerd.partitions (
  table_oid oid, partition oid, parent oid NOT NULL, leaf boolean NOT NULL, name text NOT NULL, mirror text NOT NULL,
  PRIMARY KEY (table_oid, partition));
CREATE TABLE IF NOT EXISTS _peerd.horizons (
  mirror text PRIMARY KEY, horizon pg_lsn NOT NULL);
CREATE TABLE IF NOT EXISTS _peerd.names (
  table_oid oid PRIMARY KEY, mirror text NOT NULL, names text NOT NULL);
CREATE TABLE IF NOT EXISTS _peerd.dropped (
  table_oid oid, source_oid oid, number smallint, mirror text NOT NULL, PRIMARY KEY (table_oid, source_oid, number)))";

// Any number: it keeps two mirrors from creating the schema at the same time.
constexpr std::string_view kCreateLock = "SELECT pg_advisory_xact_lock(7369852104)";

Lsn lsn_at(const Result& result, int row, int column) { return parse_lsn(result.text(row, column)).value_or(Lsn{}); }

/// What an older epoch left behind may hold its locks for as long as its client stays silent.
void end_older_backends(Connection& connection, const Site& site, const Wait& wait) {
  const Parameters name{site.options.application_name};
  const Result ended = connection.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()",
      name, wait);
  if (ended.rows() > 0) {
    log(LogLevel::warning, "ended connections that an earlier run left open at the target", {.mirror = site.mirror});
  }
}

Result claim(Connection& connection, const Site& site, const Wait& wait) {
  const Parameters claim{site.uuid, site.mirror, std::to_string(site.epoch)};
  return connection.run(
      "INSERT INTO _peerd.mirrors AS m (uuid, name, epoch) VALUES ($1, $2, $3::bigint)"
      " ON CONFLICT (uuid) DO UPDATE SET epoch = excluded.epoch, name = excluded.name WHERE m.epoch <= excluded.epoch",
      claim, wait);
}

/// What an earlier version made lacks some of them.
Result later_tables(Connection& connection, const Wait& wait) {
  return connection.run(
      "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('_peerd') AND relname IN ('columns', 'partitions', 'horizons', 'names',"
      " 'dropped')",
      wait);
}

bool is_complete(Connection& connection, const Wait& wait) {
  return later_tables(connection, wait).rows() == 5;
}

/// With IF NOT EXISTS alone it would need the right to create one although it stands.
constexpr std::string_view kSchema =
    "DO $$ BEGIN IF to_regnamespace('_peerd') IS NULL THEN CREATE SCHEMA _peerd; END IF; END $$";

}  // namespace

bool bookkeeping_exists(Connection& connection, const Wait& wait) {
  return connection.run("SELECT to_regclass('_peerd.chunks') IS NOT NULL", wait).boolean(0, 0);
}

void ensure_bookkeeping(Connection& connection, const Site& site, const Wait& wait) {
  if (is_complete(connection, wait)) return;
  const bool of_earlier_version = bookkeeping_exists(connection, wait);
  try {
    connection.run("BEGIN; " + std::string(kCreateLock), wait);
    connection.run(kSchema, wait);
    connection.run(kTables, wait);
    connection.run("COMMIT", wait);
  } catch (Error& error) {
    if (error.text.code == ErrorCode::no_privilege) {
      error.text.hint = "GRANT CREATE ON " +
                        (of_earlier_version ? "SCHEMA _peerd" : "DATABASE " + quote_identifier(site.options.database)) +
                        " TO " + quote_identifier(site.options.user);
    }
    throw;
  }
}

Lsn take_over(Connection& connection, const Site& site, const Wait& wait) {
  ensure_bookkeeping(connection, site, wait);
  // Whoever else holds the fence row is at work for this mirror, of this epoch or an older one: it gets two seconds.
  connection.run("SET lock_timeout = '2s'", wait);
  bool claimed = false;
  try {
    claimed = claim(connection, site, wait).affected() == 1;
  } catch (const Error& error) {
    if (error.text.origin != "55P03") throw;
    connection.run("SET lock_timeout = '30s'", wait);
    end_older_backends(connection, site, wait);
    claimed = claim(connection, site, wait).affected() == 1;
  }
  if (!claimed) throw_fenced(site);
  connection.run("SET lock_timeout = 0", wait);
  prepare_checkpoint(connection, site, wait);
  return read_position(connection, site, wait).value_or(Lsn{});
}

void throw_fenced(const Site& site) {
  throw Error(ErrorCode::fenced,
              "another process owns mirror " + site.mirror + " at the target " + place(site.options));
}

void begin_fenced(Connection& connection, const Site& site, const Wait& wait) {
  const Result fence = connection.run("BEGIN; SELECT 1 FROM _peerd.mirrors WHERE uuid = " + quote_literal(site.uuid) +
                                          " AND epoch = " + std::to_string(site.epoch) + " FOR SHARE",
                                      wait);
  if (fence.rows() == 1) return;
  connection.run("ROLLBACK", wait);
  throw_fenced(site);
}

std::optional<Lsn> read_position(Connection& connection, const Site& site, const Wait& wait) {
  const Parameters uuid{site.uuid};
  const Result found = connection.run("SELECT position FROM _peerd.positions WHERE mirror = $1", uuid, wait);
  if (found.rows() == 0) return std::nullopt;
  return lsn_at(found, 0, 0);
}

void prepare_checkpoint(Connection& connection, const Site& site, const Wait& wait) {
  const std::string uuid = quote_literal(site.uuid);
  const std::string fence = "WITH fence AS (SELECT 1 FROM _peerd.mirrors WHERE uuid = " + uuid +
                            " AND epoch = " + std::to_string(site.epoch) +
                            " FOR SHARE)";
  const std::string move = " UPDATE _peerd.positions p SET position = $1::pg_lsn FROM fence WHERE p.mirror = " + uuid +
                           " AND p.position < $1::pg_lsn";
  connection.prepare(kCheckpoint, fence + move, wait);
  connection.prepare(kSureCheckpoint,
                     fence + ", moved AS (" + move + " RETURNING 1) SELECT 1 / count(*),"
                     " set_config('synchronous_commit', coalesce($2, current_setting('synchronous_commit')), true) FROM moved",
                     wait);
}

std::optional<Lsn> read_horizon(Connection& connection, const Site& site, const Wait& wait) {
  const Parameters uuid{site.uuid};
  const Result found = connection.run("SELECT horizon FROM _peerd.horizons WHERE mirror = $1", uuid, wait);
  if (found.rows() == 0) return std::nullopt;
  return lsn_at(found, 0, 0);
}

void write_horizon(Connection& connection, const Site& site, Lsn horizon, const Wait& wait) {
  const Parameters row{site.uuid, to_string(horizon)};
  connection.run(
      "INSERT INTO _peerd.horizons AS h (mirror, horizon) VALUES ($1, $2::pg_lsn) ON CONFLICT (mirror)"
      " DO UPDATE SET horizon = excluded.horizon WHERE h.horizon < excluded.horizon",
      row, wait);
}

bool flush_commits(Connection& connection, const Wait& wait) {
  // A transaction that has written nothing is not waited for. No decoder takes this message unless it asks for its prefix.
  return connection
      .run("SELECT current_setting('synchronous_standby_names') <> '' FROM pg_logical_emit_message(true, 'peerd', '')", wait)
      .boolean(0, 0);
}

std::optional<TableNote> read_note(Connection& connection, const postgres::QualifiedName& table, const Wait& wait) {
  const Parameters name{table.schema, table.name};
  const Result found = connection.run(
      "SELECT t.mirror, coalesce(m.name, ''), t.start, t.made, t.key_built, t.key_name FROM _peerd.tables t"
      " LEFT JOIN _peerd.mirrors m ON m.uuid = t.mirror WHERE t.schema_name = $1 AND t.table_name = $2",
      name, wait);
  if (found.rows() == 0) return std::nullopt;
  return TableNote{found.string(0, 0),  found.string(0, 1),  lsn_at(found, 0, 2),
                   found.boolean(0, 3), found.boolean(0, 4), found.string(0, 5)};
}

void write_note(Connection& connection, const Site& site, const postgres::QualifiedName& name, TableId id,
                const TableNote& note, const Wait& wait) {
  const Parameters row{name.schema,
                       name.name,
                       site.uuid,
                       std::to_string(id.oid),
                       to_string(note.start),
                       note.made ? "true" : "false",
                       note.key_built ? "true" : "false",
                       note.key_name};
  connection.run(
      "INSERT INTO _peerd.tables (schema_name, table_name, mirror, source_oid, start, made, key_built, key_name)"
      " VALUES ($1, $2, $3, $4::oid, $5::pg_lsn, $6::boolean, $7::boolean, $8) ON CONFLICT (schema_name, table_name)"
      " DO UPDATE SET mirror = excluded.mirror, source_oid = excluded.source_oid, start = excluded.start,"
      " made = excluded.made, key_built = excluded.key_built, key_name = excluded.key_name",
      row, wait);
}

void erase_note(Connection& connection, const postgres::QualifiedName& name, const Wait& wait) {
  const Parameters row{name.schema, name.name};
  connection.run("DELETE FROM _peerd.tables WHERE schema_name = $1 AND table_name = $2", row, wait);
}

std::optional<CopyCounts> read_chunk(Connection& connection, const Site& site, const Chunk& chunk, const Wait& wait) {
  const Parameters key{site.uuid, std::to_string(chunk.table.oid), to_string(chunk.start),
                       std::to_string(chunk.number)};
  const Result found = connection.run(
      "SELECT rows, bytes FROM _peerd.chunks"
      " WHERE mirror = $1 AND source_oid = $2::oid AND start = $3::pg_lsn AND number = $4::bigint",
      key, wait);
  if (found.rows() == 0) return std::nullopt;
  return CopyCounts{static_cast<std::uint64_t>(found.integer(0, 0)), static_cast<std::uint64_t>(found.integer(0, 1))};
}

void write_chunk(Connection& connection, const Site& site, const Chunk& chunk, const CopyCounts& counts,
                 const Wait& wait) {
  const Parameters row{site.uuid,
                       std::to_string(chunk.table.oid),
                       to_string(chunk.start),
                       std::to_string(chunk.number),
                       std::to_string(counts.rows),
                       std::to_string(counts.bytes)};
  connection.run(
      "INSERT INTO _peerd.chunks (mirror, source_oid, start, number, rows, bytes)"
      " VALUES ($1, $2::oid, $3::pg_lsn, $4::bigint, $5::bigint, $6::bigint)",
      row, wait);
}

void erase_chunks(Connection& connection, const Site& site, TableId table, const Wait& wait) {
  const Parameters key{site.uuid, std::to_string(table.oid)};
  connection.run("DELETE FROM _peerd.chunks WHERE mirror = $1 AND source_oid = $2::oid", key, wait);
}

void erase_chunks_before(Connection& connection, const Site& site, const Chunk& chunk, const Wait& wait) {
  const Parameters key{site.uuid, std::to_string(chunk.table.oid), to_string(chunk.start)};
  connection.run("DELETE FROM _peerd.chunks WHERE mirror = $1 AND source_oid = $2::oid AND start < $3::pg_lsn", key, wait);
}

void forget_table(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const postgres::QualifiedName name = postgres::parse_qualified(table.target_name);
  const Parameters own{site.uuid, name.quoted()};
  for (const std::string_view notes : {"columns", "partitions", "names", "dropped"}) {
    connection.run("DELETE FROM _peerd." + std::string(notes) + " WHERE mirror = $1 AND table_oid = to_regclass($2)", own,
                   wait);
  }
  erase_chunks(connection, site, table.schema.id, wait);
  const Parameters row{site.uuid, name.schema, name.name};
  connection.run("DELETE FROM _peerd.tables WHERE mirror = $1 AND schema_name = $2 AND table_name = $3", row, wait);
}

void forget_mirror(Connection& connection, const Site& site, const Wait& wait) {
  const std::string uuid = quote_literal(site.uuid);
  const Result newer = connection.run(
      "SELECT 1 FROM _peerd.mirrors WHERE uuid = " + uuid + " AND epoch > " + std::to_string(site.epoch), wait);
  if (newer.rows() > 0) throw_fenced(site);
  std::string parts;
  const Parameters own{site.uuid};
  const Result tables = connection.run("SELECT schema_name, table_name FROM _peerd.tables WHERE mirror = $1", own, wait);
  for (int row = 0; row < tables.rows(); ++row) {
    // What a RESYNC had begun to copy is nobody's.
    const postgres::QualifiedName table{tables.string(row, 0), tables.string(row, 1)};
    if (is_shadow_name(table.name)) parts += "; DROP TABLE IF EXISTS " + table.quoted();
  }
  const Result later = later_tables(connection, wait);
  for (int row = 0; row < later.rows(); ++row)
    parts += "; DELETE FROM _peerd." + later.string(row, 0) + " WHERE mirror = " + uuid;
  connection.run("BEGIN; DELETE FROM _peerd.chunks WHERE mirror = " + uuid + parts +
                     "; DELETE FROM _peerd.tables WHERE mirror = " + uuid +
                     "; DELETE FROM _peerd.positions WHERE mirror = " + uuid +
                     "; DELETE FROM _peerd.mirrors WHERE uuid = " + uuid + "; COMMIT",
                 wait);
}

}  // namespace peerd::pgtarget
