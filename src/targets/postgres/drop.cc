#include "postgres/drop.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"
#include "postgres/table_lock.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using Parameters = std::vector<std::optional<std::string>>;

std::string literals(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(quote_literal(name));
  return join(quoted, ", ");
}

std::string keep_instead(const Site& site) { return "ALTER MIRROR " + site.mirror + " SET (dropped_columns = 'keep')"; }

ErrorText in_the_way(const Site& site, const MirrorTable& table, const std::string& message, const std::string& hint) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.table = table.schema.qualified();
  text.message = message;
  text.hint = hint + ", then RESUME MIRROR; or keep the column: " + keep_instead(site);
  text.retry = Retry::after_operator;
  return text;
}

/// Indexes, constraints and statistics over such a column and over others too: Postgres would drop them with it, in silence.
void require_unshared(Connection& connection, const Site& site, const MirrorTable& table, const std::vector<std::string>& columns,
                      const Found& found, const Wait& wait) {
  const std::string names = literals(columns);
  const Parameters of{std::to_string(found.standing.oid)};
  const auto shared = connection.run(
      "WITH tables AS (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)),"
      " uses AS (SELECT d.classid, d.objid, a.attname FROM pg_depend d JOIN tables t ON t.oid = d.refobjid"
      " JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
      " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))"
      " SELECT DISTINCT pg_describe_object(u.classid, u.objid, 0), u.attname FROM uses u WHERE u.attname IN (" + names + ")"
      " AND EXISTS (SELECT FROM uses o WHERE o.classid = u.classid AND o.objid = u.objid AND o.attname NOT IN (" + names +
      ")) ORDER BY 1, 2", of, wait);
  if (shared.rows() == 0) return;
  throw Error(in_the_way(site, table,
                         shared.string(0, 0) + " is over column " + quote_identifier(shared.string(0, 1)) + " of target table " +
                             found.name.quoted() + ", which was dropped at the source, and over others too, and would go with it",
                         "drop " + shared.string(0, 0) + " at the target"));
}

/// What the server refuses, in its own words, with the cure.
[[noreturn]] void rethrow_depended_on(Error& error, const Site& site, const MirrorTable& table, const Found& found) {
  constexpr std::string_view kDependents = "2BP01", kInherited = "42P16";
  const std::string origin = error.text.origin;
  if (origin != kDependents && origin != kInherited) rethrow_with_grant(error, site, found, false);
  ErrorText text = in_the_way(site, table, error.text.message,
                              origin == kDependents ? "drop at the target what is made of the column"
                                                    : "drop the column at the table that " + found.name.quoted() + " has it from");
  text.origin = origin;
  throw Error(std::move(text));
}

void require_free(Connection& connection, const Site& site, const MirrorTable& table, const std::vector<std::string>& columns,
                  const Found& found, const Wait& wait) {
  const auto made = dependents(connection, columns, found, wait);
  if (made.empty()) return;
  const auto& [what, column] = made[0];
  throw Error(in_the_way(site, table,
                         what + " depends on column " + quote_identifier(column) + " of target table " + found.name.quoted() +
                             ", which was dropped at the source",
                         "drop " + what + " at the target"));
}

}  // namespace

std::vector<std::string> gone_columns(Connection& connection, const Site& site, const MirrorTable& table, const Found& found,
                                      const Wait& wait) {
  const Parameters of{std::to_string(found.standing.oid)};
  const auto noted = connection.run("SELECT name FROM _peerd.columns WHERE table_oid = $1::oid ORDER BY number", of, wait);
  std::vector<std::string> gone;
  for (int row = 0; row < noted.rows(); ++row) {
    const std::string name = noted.string(row, 0);
    const bool own = name == site.soft_delete || name == site.synced_at;
    const bool still = std::ranges::find(table.schema.columns, name, &Column::name) != table.schema.columns.end();
    if (!own && !still && found.standing.find(name) != nullptr) gone.push_back(name);
  }
  return gone;
}

std::vector<std::pair<std::string, std::string>> dependents(Connection& connection, const std::vector<std::string>& columns,
                                                            const Found& found, const Wait& wait) {
  if (columns.empty()) return {};
  const Parameters of{std::to_string(found.standing.oid)};
  const auto depend = connection.run(
      "SELECT DISTINCT CASE WHEN r.oid IS NULL THEN pg_describe_object(d.classid, d.objid, 0)"
      " ELSE pg_describe_object('pg_class'::regclass, r.ev_class, 0) END, a.attname FROM pg_depend d"
      " JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
      " LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
      " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid AND d.deptype = 'n' AND a.attname IN (" +
          literals(columns) + ") ORDER BY 1, 2", of, wait);
  std::vector<std::pair<std::string, std::string>> made;
  for (int row = 0; row < depend.rows(); ++row) made.emplace_back(depend.string(row, 0), depend.string(row, 1));
  return made;
}

void drop_gone(Connection& connection, const Site& site, const MirrorTable& table, const std::vector<std::string>& columns,
               Found& found, const Wait& wait) {
  std::vector<std::string> parts, standing;
  for (const std::string& name : columns) {
    const StandingColumn* const column = found.standing.find(name);
    if (column == nullptr || column->generated) continue;
    standing.push_back(name);
    parts.push_back("DROP COLUMN " + quote_identifier(name));
  }
  if (columns.empty()) return;
  connection.run("DELETE FROM _peerd.columns WHERE table_oid = " + std::to_string(found.standing.oid) + " AND name IN (" +
                     literals(columns) + ")", wait);
  if (parts.empty()) return;
  try {
    lock_alone(connection, site, found.name, wait);
    require_free(connection, site, table, standing, found, wait);
    require_unshared(connection, site, table, standing, found, wait);
    connection.run("ALTER TABLE " + found.name.quoted() + " " + join(parts, ", "), wait);
  } catch (Error& error) {
    if (error.text.origin.empty()) throw;
    rethrow_depended_on(error, site, table, found);
  }
  found.standing = inspect(connection, found.name, wait);
}

void drop_lost(Connection& connection, const Site& site, MirrorTable& from, const MirrorTable& to, Found& found, const Wait& wait) {
  std::vector<std::string> names;
  std::vector<std::int16_t> numbers;
  for (const Column& column : droppings(from.schema, to.schema)) {
    names.push_back(column.name);
    numbers.push_back(column.number);
    const Parameters row{std::to_string(found.standing.oid), std::to_string(from.schema.id.oid), std::to_string(column.number), site.uuid};
    connection.run("INSERT INTO _peerd.dropped (table_oid, source_oid, number, mirror) VALUES ($1::oid, $2::oid, $3::smallint, $4)"
                   " ON CONFLICT DO NOTHING", row, wait);
  }
  drop_gone(connection, site, from, names, found, wait);
  drop_columns(from.schema, from.notes, numbers);
}

std::vector<std::int16_t> read_dropped(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const Parameters of{postgres::parse_qualified(table.target_name).quoted(), std::to_string(table.schema.id.oid), site.uuid};
  const auto rows = connection.run("SELECT number FROM _peerd.dropped WHERE table_oid = to_regclass($1) AND source_oid = $2::oid"
                                   " AND mirror = $3", of, wait);
  std::vector<std::int16_t> numbers;
  for (int row = 0; row < rows.rows(); ++row) numbers.push_back(static_cast<std::int16_t>(rows.integer(row, 0)));
  return numbers;
}

}  // namespace peerd::pgtarget
