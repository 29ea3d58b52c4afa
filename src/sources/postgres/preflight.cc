#include "postgres/preflight.h"

#include <set>

#include "peerd/base/text.h"
#include "postgres/describe.h"
#include "postgres/identity.h"
#include "postgres/money.h"
#include "postgres/partitions.h"
#include "postgres/publication.h"
#include "postgres/slot.h"

namespace peerd {
namespace {

ErrorText unfit(std::string message, std::string hint = {}, ErrorCode code = ErrorCode::source_unfit) {
  ErrorText text;
  text.code = code;
  text.message = std::move(message);
  text.hint = std::move(hint);
  return text;
}

ErrorText unfit_table(const MappedTable& table, const std::string& what, std::string hint = {},
                      ErrorCode code = ErrorCode::source_unfit) {
  ErrorText text = unfit("table " + table.source.schema + "." + table.source.name + " " + what, std::move(hint), code);
  text.table = table.source.schema + "." + table.source.name;
  return text;
}

constexpr std::string_view kNameStandbys = "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (name, ...)'";

constexpr std::string_view kServer =
    "SELECT current_setting('wal_level'), pg_is_in_recovery(), current_setting('synchronous_standby_names'),"
    " current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots),"
    " current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication),"
    " r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname IN ('rds_replication',"
    "   'azure_pg_admin', 'cloudsqlsuperuser') AND pg_has_role(current_user, m.oid, 'member')),"
    " current_user, current_database(), has_database_privilege(current_database(), 'CREATE'),"
    " EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1), current_setting('max_replication_slots')::int,"
    " current_setting('max_wal_senders')::int"
    " FROM pg_roles r WHERE r.rolname = current_user";

/// `has_slot`: tables come to a mirror that is there.
void check_capacity(const postgres::Result& server, bool has_slot, Problems& problems) {
  if (!has_slot && server.integer(0, 3) < 1) {
    const std::string more = std::to_string(server.integer(0, 10) + 10);
    problems.push_back(
        {unfit("all replication slots of the source are taken", "max_replication_slots; takes effect at a restart"),
         "ALTER SYSTEM SET max_replication_slots = " + more});
  }
  if (server.integer(0, 4) < 1) {
    const std::string more = std::to_string(server.integer(0, 11) + 10);
    problems.push_back({unfit("all WAL senders of the source are taken", "max_wal_senders; takes effect at a restart"),
                        "ALTER SYSTEM SET max_wal_senders = " + more});
  }
}

/// Tables without a key start with a slot of their own, beside the mirror's, which is there already if its publication is.
void check_room_for_snapshot(const postgres::Result& server, const std::vector<TableStanding>& tables, bool has_slot, Problems& problems) {
  const auto needs = [](const TableStanding& table) { return table.exists && table.keyless(); };
  const auto table = std::ranges::find_if(tables, needs);
  const std::int64_t wanted = has_slot ? 1 : 2;
  if (table == tables.end()) return;
  const auto check = [&](int column, int most, const char* what, const std::string& setting) {
    if (server.integer(0, column) < 1 || server.integer(0, column) >= wanted) return;  // None at all: that is told already.
    ErrorText text = unfit("table " + table->schema + "." + table->name + " has no key, and its copy needs one more of the source's " + what,
                           setting + "; takes effect at a restart");
    text.table = table->schema + "." + table->name;
    problems.push_back({std::move(text), "ALTER SYSTEM SET " + setting + " = " + std::to_string(server.integer(0, most) + 10)});
  };
  check(3, 10, "replication slots", "max_replication_slots");
  check(4, 11, "WAL senders", "max_wal_senders");
}

void check_server(const postgres::Result& server, int version, const SourceNames& names, Problems& problems) {
  if (version < 120000) problems.push_back({unfit("the source is older than Postgres 12", "upgrade the source"), ""});
  if (server.boolean(0, 1)) {
    problems.push_back(
        {unfit("the source is a standby, of which nothing exact can be copied: positions and messages need a primary",
               "give the primary's host in the peer; or several, host = 'a,b', of which the primary is taken"), ""});
  }
  if (server.text(0, 0) != "logical") {
    problems.push_back({unfit("wal_level is " + server.string(0, 0) + "; logical is needed",
                              "takes effect at a restart of the source"),
                        "ALTER SYSTEM SET wal_level = logical"});
  }
  check_capacity(server, names.own_slot && server.boolean(0, 9), problems);
  if (!server.boolean(0, 5)) {
    problems.push_back({unfit("role " + server.string(0, 6) + " may not replicate", {}, ErrorCode::no_privilege),
                        "ALTER ROLE " + quote_identifier(server.string(0, 6)) + " REPLICATION"});
  }
  if (matches_synchronous_standby(server.text(0, 2), names.application_name("stream"))) {
    problems.push_back({unfit("synchronous_standby_names would make this mirror a synchronous standby: paused, it "
                              "would hang every commit",
                              "name the standbys that are meant in place of *"),
                        std::string(kNameStandbys)});
  }
}

/// Its publication would be younger than it, which pgoutput never follows (rules.md 7), and whose it is nobody knows.
void check_slot_name(const SourceNames& names, Problems& problems) {
  ErrorText text = unfit("replication slot \"" + names.slot + "\" exists already",
                         "give a name that is free: the mirror makes its slot; or drop that one if nobody needs it",
                         ErrorCode::already_exists);
  text.field = "replication_slot_name";
  problems.push_back({std::move(text), "SELECT pg_drop_replication_slot(" + quote_literal(names.slot) + ")"});
}

void check_kind(const CatalogTable& found, const MappedTable& table, Problems& problems) {
  const auto refuse = [&](const char* what, const char* hint) {
    problems.push_back({unfit_table(table, what, hint, ErrorCode::not_supported), ""});
  };
  if (found.kind == 'f')
    refuse("is a foreign table, which is not yet followed", "map it from the server that holds its rows");
  if (found.kind == 'v' || found.kind == 'm') refuse("is a view, which is not yet followed", "map the tables under it");
  if (found.kind == 'S' || found.kind == 'i' || found.kind == 'c') refuse("is not a table", "map a table");
  if ((found.kind == 'r' || found.kind == 'p') && found.persistence == 'u') {
    problems.push_back({unfit_table(table, "is unlogged: its changes are not in the WAL"),
                        "ALTER TABLE " + table.source.quoted() + " SET LOGGED"});
  }
  if (found.persistence == 't') refuse("is temporary", "map a permanent table");
  constexpr std::uint32_t kFirstOfUsers = 16384;
  if (found.schema.id.oid < kFirstOfUsers) refuse("is the server's own, which no publication takes", "map a table of yours");
}

/// Before anything is published: what publishing would break at the source, whatever follows it, is the application's loss.
void check_key(const CatalogTable& found, const TableStanding& standing, int version, const MappedTable& table,
               Problems& problems) {
  if (const auto broken = broken_identity(standing, version)) {
    problems.push_back({unfit_table(table, broken->what, broken->hint), broken->cure_sql});
  } else if (found.schema.columns.empty() && found.unsent_key_column.empty()) {
    problems.push_back({unfit_table(table, "has no columns that could be mirrored, and no primary key",
                                    "leave the table out, or exclude fewer of its columns"), ""});
  } else if (!found.unsent_key_column.empty()) {
    problems.push_back(
        {unfit_table(table, "has key column " + found.unsent_key_column + ", which is excluded or generated",
                     "take it out of the mapping's exclude, or choose another replica identity index"),
         ""});
  }
}

void check_privileges(postgres::Connection& connection, const CatalogTable& found, const MappedTable& table,
                      bool publication_stands, const Wait& wait, Problems& problems) {
  const std::string oid = std::to_string(found.schema.id.oid);
  const postgres::Result may = connection.run(
      "SELECT has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid),"
      " pg_has_role(current_user, c.relowner, 'USAGE'), current_user, pg_get_userbyid(c.relowner)"
      " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
      {{oid}}, wait);
  if (may.rows() == 0) return;
  const std::string role = quote_identifier(may.string(0, 4));
  if (!may.boolean(0, 0)) {
    problems.push_back(
        {unfit_table(table, "is in a schema that role " + role + " may not use", {}, ErrorCode::no_privilege),
         "GRANT USAGE ON SCHEMA " + quote_identifier(table.source.schema) + " TO " + role});
  }
  if (!may.boolean(0, 1)) {
    problems.push_back({unfit_table(table, "may not be read by role " + role, {}, ErrorCode::no_privilege),
                        "GRANT SELECT ON " + table.source.quoted() + " TO " + role});
  }
  if (may.boolean(0, 2)) {
    problems.push_back(
        {unfit_table(table, "hides rows from role " + role + " by row security", {}, ErrorCode::no_privilege),
         "ALTER ROLE " + role + " BYPASSRLS"});
  }
  if (!publication_stands && !may.boolean(0, 3)) {
    problems.push_back(
        {unfit_table(table, "cannot be published by role " + role + ", which does not own it",
                     "or have its owner make a publication, and give publication_name", ErrorCode::no_privilege),
         "GRANT " + quote_identifier(may.string(0, 5)) + " TO " + role});
  }
}

/// A copy reads each partition by itself, for which the rights on the whole table do not count.
void check_partitions(postgres::Connection& connection, const CatalogTable& found, const MappedTable& table, const Wait& wait,
                      Problems& problems) {
  const std::string role = quote_identifier(connection.run("SELECT current_user", wait).string(0, 0));
  auto partitions = read_partitions(connection, {&found.schema.id, 1}, wait);
  for (const LookedPartition& part : partitions[found.schema.id.oid]) {
    if (const UnfitPartition bad = unfit(found.schema, part); !bad.what.empty())
      problems.push_back({unfit_table(table, bad.what), bad.cure_sql});
    if (!part.readable) {
      problems.push_back({unfit_table(table, "has partition " + part.note.name + ", which may not be read by role " + role, {},
                                      ErrorCode::no_privilege),
                          "GRANT SELECT ON " + part.quoted + " TO " + role});
    }
    if (part.hides_rows) {
      problems.push_back({unfit_table(table, "has partition " + part.note.name + ", which hides rows from role " + role +
                                                 " by row security", {}, ErrorCode::no_privilege),
                          "ALTER ROLE " + role + " BYPASSRLS"});
    }
  }
}

/// Of a mirror that is there, to which tables are added: the whole or a part of one that it has already.
void check_published(postgres::Connection& connection, const SourceNames& names, std::size_t i, std::uint32_t oid, const Wait& wait,
                     Problems& problems) {
  const postgres::Result found = connection.run(
      "SELECT n.nspname || '.' || c.relname FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid"
      " JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE p.pubname = $1 AND c.oid <> $2::oid AND (c.oid IN (SELECT relid FROM pg_partition_tree($2::oid))"
      "   OR c.oid IN (SELECT relid FROM pg_partition_ancestors($2::oid)))",
      {{names.publication, std::to_string(oid)}}, wait);
  for (int row = 0; row < found.rows(); ++row) {
    problems.push_back({unfit_table(names.tables[i], "is a part of table " + found.string(row, 0) + ", or its whole, and the mirror has that one already",
                                    "take the other out of the mirror first, or make a second mirror", ErrorCode::not_supported), ""});
  }
}

/// With the whole mapped, changes of a part come as the whole's.
void check_overlaps(postgres::Connection& connection, const SourceNames& names, const std::vector<std::uint32_t>& oids,
                    const Wait& wait, Problems& problems) {
  for (std::size_t i = 0; i < oids.size(); ++i) {
    const postgres::Result above =
        connection.run("SELECT relid::oid::bigint FROM pg_partition_ancestors($1::oid)", {{std::to_string(oids[i])}}, wait);
    for (int row = 0; row < above.rows(); ++row) {
      const auto whole = std::ranges::find(oids, static_cast<std::uint32_t>(above.integer(row, 0)));
      if (oids[i] == 0 || whole == oids.end() || *whole == oids[i]) continue;
      const postgres::QualifiedName& name = names.tables[static_cast<std::size_t>(whole - oids.begin())].source;
      problems.push_back({unfit_table(names.tables[i], "is a partition of " + name.schema + "." + name.name +
                                                           ", which is mapped too and brings its rows",
                                      "map one of the two, or make a second mirror", ErrorCode::not_supported), ""});
    }
  }
}

void check_table(postgres::Connection& connection, const MappedTable& table, const TableStanding& standing,
                 bool publication_stands, const Wait& wait, Problems& problems) {
  const std::optional<CatalogTable> found = read_table(connection, table, wait);
  if (!found) {
    problems.push_back({unfit_table(table, "does not exist at the source",
                                    "names are taken as typed: upper and lower case count", ErrorCode::not_found),
                        ""});
    return;
  }
  check_kind(*found, table, problems);
  const bool holds_rows = found->kind == 'r' || found->kind == 'p';
  if (holds_rows && standing.exists) check_key(*found, standing, connection.server_version(), table, problems);
  for (const std::string& column : found->missing_excludes) {
    problems.push_back({unfit_table(table, "has no column \"" + column + "\" to exclude", "check the mapping's exclude",
                                    ErrorCode::invalid_option),
                        ""});
  }
  check_privileges(connection, *found, table, publication_stands, wait, problems);
  if (found->kind == 'p' && connection.server_version() < 130000) {
    problems.push_back({unfit_table(table, "is partitioned, which can be followed from Postgres 13 on",
                                    "map its partitions one by one", ErrorCode::not_supported), ""});
  }
  if (found->kind == 'p') check_partitions(connection, *found, table, wait, problems);
  for (Problem& problem : money_unfit(connection, found->schema, wait)) problems.push_back(std::move(problem));
}

}  // namespace

std::optional<Problem> messages_unfit(int server_version) {
  if (server_version >= 140000) return std::nullopt;
  ErrorText text = unfit("Postgres " + std::to_string(server_version / 10000) + " does not send logical messages to subscribers",
                         "leave logical_messages out, or upgrade the source to Postgres 14", ErrorCode::not_supported);
  text.field = "logical_messages";
  return Problem{std::move(text), ""};
}

bool matches_synchronous_standby(std::string_view setting, std::string_view application_name) {
  // "a, b", "2 (a, b)", "FIRST 2 (a, b)", "ANY 1 (a, *)": the list is what stands in the parentheses, if there are any.
  const std::size_t open = setting.find('(');
  if (open != std::string_view::npos) setting = setting.substr(open + 1, setting.find(')') - open - 1);
  for (std::string name : split(setting, ',')) {
    std::erase(name, '"');
    const std::size_t begin = name.find_first_not_of(" \t");
    if (begin == std::string::npos) continue;
    name = name.substr(begin, name.find_last_not_of(" \t") - begin + 1);
    if (name == "*" || to_lower(name) == to_lower(application_name)) return true;
  }
  return false;
}

void note_standby(postgres::Connection& connection, const SourceNames& names, SlotStatus& status, const Wait& wait) {
  const postgres::Result setting = connection.run("SELECT current_setting('synchronous_standby_names')", wait);
  if (!matches_synchronous_standby(setting.text(0, 0), names.application_name("stream"))) return;
  // The mirror goes on: without it the commits that wait for it would hang.
  status.concern = "synchronous_standby_names of the source makes this mirror a synchronous standby: commits there wait for "
                   "it, and hang while it is paused";
  status.concern_cure = std::string(kNameStandbys) + "; SELECT pg_reload_conf()";
}

Problems preflight_source(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  Problems problems;
  const postgres::Result server = connection.run(kServer, {{names.slot}}, wait);
  check_server(server, connection.server_version(), names, problems);
  if (!names.message_prefixes.empty()) {
    if (auto problem = messages_unfit(connection.server_version())) problems.push_back(std::move(*problem));
  }
  if (!names.own_slot && server.boolean(0, 9)) check_slot_name(names, problems);
  const std::optional<Publication> publication = read_publication(connection, names, wait);
  if (!publication && !names.own_publication) problems.push_back(absent(names));
  if (!publication && names.own_publication && !server.boolean(0, 8)) {
    const std::string role = quote_identifier(server.string(0, 6));
    problems.push_back({unfit("role " + role + " may not make a publication", "or make one and give publication_name",
                              ErrorCode::no_privilege),
                        "GRANT CREATE ON DATABASE " + quote_identifier(server.string(0, 7)) + " TO " + role});
  }
  const std::size_t before = problems.size();
  std::set<std::string> mapped;
  const std::vector<std::uint32_t> oids = oids_of(connection, names.tables, wait);
  const std::vector<TableStanding> standings = read_standings(connection, names.publication, oids, wait);
  for (std::size_t i = 0; i < names.tables.size(); ++i) {
    const MappedTable& table = names.tables[i];
    if (!mapped.insert(table.source.quoted()).second) {
      problems.push_back(
          {unfit_table(table, "is mapped twice", "make a second mirror for the other target", ErrorCode::not_supported),
           ""});
      continue;
    }
    check_table(connection, table, standings[i], publication || !names.own_publication, wait, problems);
  }
  check_room_for_snapshot(server, standings, publication && publication->made_by_us, problems);
  check_overlaps(connection, names, oids, wait, problems);
  for (std::size_t i = 0; publication && publication->made_by_us && i < oids.size(); ++i)
    if (oids[i] != 0) check_published(connection, names, i, oids[i], wait, problems);
  // A table that does not exist is not covered either: said once.
  if (publication && problems.size() == before) {
    for (Problem& problem : judge(*publication, names)) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace peerd
