#include "postgres/firing.h"

#include "peerd/base/text.h"
#include "postgres/schema.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::QualifiedName;
using postgres::Result;
using Parameters = std::vector<std::optional<std::string>>;

// Partitions' triggers fire for the partitioned table's rows.
//
// tgenabled and ev_enabled: O = fires at an origin, R = in the replica role, A = always, D = never.
//
// A foreign key is held by internal triggers on both of its tables. Those of deferrable unique constraints are no
// trouble: they only look again whether rows are unique.
constexpr std::string_view kTriggers =
    " FROM pg_trigger t LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint AND t.tgisinternal"
    " JOIN pg_class c ON c.oid = coalesce(k.conrelid, t.tgrelid) JOIN pg_namespace n ON n.oid = c.relnamespace,"
    " (SELECT current_setting('session_replication_role') = 'replica' AS replica) s"
    " WHERE t.tgrelid IN (SELECT oid FROM own) AND (NOT t.tgisinternal OR k.contype = 'f')"
    " AND CASE WHEN k.oid IS NULL THEN NOT s.replica AND t.tgenabled = 'O'"
    "     WHEN s.replica THEN t.tgenabled IN ('A', 'R') ELSE t.tgenabled IN ('O', 'A') END";
// An UPDATE rule forbids INSERT … ON CONFLICT even where it does not fire (ev_type 2).
constexpr std::string_view kRules =
    " FROM pg_rewrite WHERE ev_class = ANY ($1::oid[]) AND ev_type <> '1' AND (ev_type = '2' OR ev_enabled = 'A'"
    " OR ev_enabled = CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)";

/// The statement that lets the role stand aside from triggers and foreign keys.
std::string replica_grant(Connection& connection, const Site& site) {
  constexpr int kParameterGrants = 150000;
  const std::string user = quote_identifier(site.options.user);
  return connection.server_version() >= kParameterGrants
             ? "GRANT SET ON PARAMETER session_replication_role TO " + user
             : "ALTER ROLE " + user + " SET session_replication_role = replica";
}

void check_triggers(Connection& connection, const Site& site, const MirrorTable& table, const Parameters& oids,
                    const QualifiedName& name, Problems& problems, const Wait& wait) {
  const Result found = connection.run(
      std::string(kWithPartitions) + " SELECT DISTINCT coalesce(k.conname, t.tgname), k.oid IS NOT NULL, format('%I.%I', n.nspname,"
                          " c.relname)" + std::string(kTriggers) + " ORDER BY 2, 3, 1",
      oids, wait);
  if (found.rows() == 0) return;
  std::vector<std::string> names, off;
  for (int row = 0; row < found.rows(); ++row) {
    const std::string what = quote_identifier(found.string(row, 0));
    const bool foreign_key = found.boolean(row, 1);
    names.push_back((foreign_key ? "foreign key " : "trigger ") + what + " of " + found.string(row, 2));
    off.push_back("ALTER TABLE " + found.string(row, 2) + (foreign_key ? " DROP CONSTRAINT " : " DISABLE TRIGGER ") +
                  what);
  }
  const std::string message = "changes of target table " + name.quoted() + " would fire " + join(names, ", ");
  if (is_replica(connection, wait)) {
    problems.push_back(unfit(table, message + ", which was enabled for the replica role",
                             "ALTER TABLE … ENABLE TRIGGER ALL makes it an ordinary one again; or " + join(off, "; "),
                             join(off, "; ")));
    return;
  }
  const std::string grant = replica_grant(connection, site);
  problems.push_back(unfit(table, message, grant + "; or " + join(off, "; "), grant));
}

void check_rules(Connection& connection, const MirrorTable& table, const QualifiedName& name,
                 const Parameters& oids, Problems& problems, const Wait& wait) {
  const Result found = connection.run("SELECT rulename" + std::string(kRules) + " ORDER BY rulename", oids, wait);
  for (int row = 0; row < found.rows(); ++row) {
    const std::string rule = quote_identifier(found.string(row, 0));
    const std::string cure = "DROP RULE " + rule + " ON " + name.quoted();
    const std::string message =
        "rule " + rule + " of target table " + name.quoted() + " stands in the way of the mirror's changes";
    problems.push_back(unfit(table, message, cure, cure));
  }
}

/// It would hide rows from the mirror; the session is set to fail instead.
void check_row_security(Connection& connection, const Site& site, const MirrorTable& table, const QualifiedName& name,
                        const Parameters& oid, Problems& problems, const Wait& wait) {
  if (!connection.run("SELECT row_security_active($1::oid)", oid, wait).boolean(0, 0)) return;
  const std::string cure = "ALTER ROLE " + quote_identifier(site.options.user) + " BYPASSRLS";
  problems.push_back(unfit(table, "row security of target table " + name.quoted() + " holds for the mirror's role",
                           cure + "; or ALTER TABLE " + name.quoted() + " DISABLE ROW LEVEL SECURITY", cure));
}

}  // namespace

Problems check_firing(Connection& connection, const Site& site, const MirrorTable& table, const QualifiedName& name,
                      std::uint32_t oid, const Wait& wait) {
  Problems problems;
  if (oid == 0) return problems;
  const Parameters one{std::to_string(oid)}, array{"{" + std::to_string(oid) + "}"};
  check_triggers(connection, site, table, array, name, problems, wait);
  check_rules(connection, table, name, array, problems, wait);
  check_row_security(connection, site, table, name, one, problems, wait);
  return problems;
}

void prepare_firing_check(Connection& connection, const Wait& wait) {
  connection.prepare(kFiringCheck,
                     std::string(kWithPartitions) + " SELECT 1 / (NOT EXISTS (SELECT" + std::string(kTriggers) +
                         ") AND NOT EXISTS (SELECT" + std::string(kRules) + "))::integer",
                     wait);
}

}  // namespace peerd::pgtarget
