#include "postgres/alter.h"

#include <algorithm>
#include <set>

#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"
#include "peerd/postgres/types.h"
#include "postgres/drop.h"
#include "postgres/ownership.h"
#include "postgres/parts.h"
#include "postgres/rename.h"
#include "postgres/table_lock.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;

std::set<std::string> noted_columns(Connection& connection, const Found& found, const Wait& wait) {
  const auto rows = connection.run("SELECT name FROM _peerd.columns WHERE table_oid = " + std::to_string(found.standing.oid), wait);
  std::set<std::string> names;
  for (int row = 0; row < rows.rows(); ++row) names.insert(rows.string(row, 0));
  return names;
}

/// A column that was dropped at the source stays where it is, and is its operator's from now on: rows come without it.
void let_go(Connection& connection, const Site& site, const std::vector<std::string>& columns, Found& found, const Wait& wait) {
  std::string names, change;
  for (const std::string& name : columns) {
    names += (names.empty() ? "" : ", ") + quote_literal(name);
    const StandingColumn* const column = found.standing.find(name);
    if (column != nullptr && column->not_null && !column->has_default)
      change += (change.empty() ? "" : ", ") + ("ALTER COLUMN " + quote_identifier(name)) + " DROP NOT NULL";
  }
  if (names.empty()) return;
  const std::string oid = std::to_string(found.standing.oid);
  connection.run("DELETE FROM _peerd.columns WHERE table_oid = " + oid + " AND name IN (" + names + ")", wait);
  if (change.empty()) return;
  try {
    const std::string where = where_columns_are_added(connection, found.name, wait);
    lock_alone(connection, site, postgres::parse_qualified(where), wait);
    connection.run("ALTER TABLE " + where + " " + change, wait);
  } catch (Error& error) {
    rethrow_with_grant(error, site, found, false);
  }
  found.standing = inspect(connection, found.name, wait);
}

/// The name is held by the values of another column, which was dropped at the source.
void refuse_kept(Connection& connection, const MirrorTable& from, const MirrorTable& to, const Found& found,
                 const Wait& wait) {
  for (const std::string& name : lost_columns(to.schema, from.schema)) {
    const auto& kept = from.notes.excluded;
    if (std::ranges::find(kept, name, &CatalogNotes::Excluded::name) == kept.end()) continue;
    if (found.standing.find(name) == nullptr) continue;
    const std::string known = "SELECT 1 FROM _peerd.columns WHERE table_oid = " + std::to_string(found.standing.oid) +
                              " AND name = " + quote_literal(name);
    if (connection.run(known, wait).rows() > 0) continue;  // Added in an attempt of before.
    throw Error(kept_column(to, name, "target table " + found.name.quoted(),
                            "ALTER TABLE " + found.name.quoted() + " DROP COLUMN " + quote_identifier(name)));
  }
}

/// A column that the source gains may stand already, added by the operator. What is in it passes for the source's from now on, and
/// has to be what older rows show there.
void refuse_own_values(Connection& connection, const MirrorTable& from, const MirrorTable& to, const Found& found,
                       const Wait& wait) {
  for (const std::string& name : lost_columns(to.schema, from.schema)) {
    const StandingColumn* const column = found.standing.find(name);
    if (column == nullptr || noted_columns(connection, found, wait).contains(name)) continue;
    const auto& gained = *std::ranges::find(to.schema.columns, name, &Column::name);
    const std::string shown = gained.missing_value ? quote_literal(*gained.missing_value) + "::" + column->type + "::text" : "NULL";
    const std::string quoted = quote_identifier(name);
    const auto other = connection.run("SELECT EXISTS (SELECT FROM " + found.standing.rows_of(found.name) + " WHERE " + quoted +
                                          "::text IS DISTINCT FROM " + shown + ")", wait);
    if (!other.boolean(0, 0)) continue;
    const std::string alter = "ALTER TABLE " + found.name.quoted();
    throw Error(own_values(to, name, "target table " + found.name.quoted(), alter + " DROP COLUMN " + quoted + ", or " + alter +
                                         " RENAME COLUMN " + quoted + " TO …"));
  }
}

bool is_text(std::uint32_t oid) {
  return oid == postgres::kTextOid || oid == postgres::kVarcharOid || oid == postgres::kBpcharOid;
}

/// Columns that do not take what the source's do since their type there, or their NOT NULL, is another.
std::string changes(const MirrorTable& from, const MirrorTable& to, const Found& found) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < to.schema.columns.size(); ++i) {
    const Column& now = to.schema.columns[i];
    const auto before = std::ranges::find(from.schema.columns, now.number, &Column::number);
    const StandingColumn* const column = found.standing.find(now.name);
    if (now.number == 0 || before == from.schema.columns.end() || column == nullptr || column->generated) continue;
    const std::string alter = "ALTER COLUMN " + quote_identifier(now.name);
    const bool other = before->type_oid != now.type_oid || before->type_modifier != now.type_modifier;
    if (other && !takes(*column, now, found.types[i]))
      parts.push_back(alter + " TYPE " + found.types[i].name + (is_text(found.types[i].oid) ? " " + column->collation : ""));
    if (!before->nullable && now.nullable && !now.in_key && column->not_null) parts.push_back(alter + " DROP NOT NULL");
  }
  return join(parts, ", ");
}

/// Once more is a no-op, also after a crash: the columns take it then.
void change_columns(Connection& connection, const Site& site, const MirrorTable& from, const MirrorTable& to, Found& found,
                    const Wait& wait) {
  const std::string change = changes(from, to, found);
  if (change.empty()) return;
  const std::string where = where_columns_are_added(connection, found.name, wait);
  try {
    lock_alone(connection, site, postgres::parse_qualified(where), wait);
    connection.run("ALTER TABLE " + where + " " + change, wait);
  } catch (Error& error) {
    constexpr std::string_view kDependedOn = "0A000";
    if (error.text.origin == kDependedOn && error.text.hint.empty())
      error.text.hint = "drop at the target what is made of the column, and RESUME MIRROR: it runs ALTER TABLE " + where + " " + change;
    rethrow_with_grant(error, site, found, false);
  }
  found = look(connection, site, to, wait);
}

}  // namespace

void alter_table(Connection& connection, const Site& site, const MirrorTable& before, const MirrorTable& to,
                 const Wait& wait) {
  Found found = look(connection, site, to, wait);
  require_whole(found, before);
  require_parts(connection, before, found.standing.oid, wait);
  MirrorTable from = before;
  if (site.drops) drop_lost(connection, site, from, to, found, wait);
  try {
    rename_columns(connection, site, from, to, found, wait);
  } catch (Error& error) {
    rethrow_with_grant(error, site, found, false);
  }
  change_columns(connection, site, from, to, found, wait);
  refuse_kept(connection, from, to, found, wait);
  refuse_own_values(connection, from, to, found, wait);
  let_go(connection, site, lost_columns(from.schema, to.schema), found, wait);
  if (const auto refused = refusal(connection, site, to, found, wait)) throw Error(refused->text);
  widen(connection, site, to, found, wait);
  learn_parts(connection, site, to, found.standing.oid, wait);
}

void alter_again(Connection& connection, const Site& site, const MirrorTable& table, Found& found, const Wait& wait) {
  const std::set<std::string> noted = noted_columns(connection, found, wait);
  if (noted.empty()) return;  // An earlier version noted nothing.
  const auto& columns = table.schema.columns;
  const bool absent = std::ranges::any_of(columns, [&](const Column& column) {
    return found.standing.find(column.name) == nullptr && !noted.contains(column.name);
  });
  std::vector<std::string> gone;
  for (const CatalogNotes::Excluded& column : table.notes.excluded) {
    const bool there = std::ranges::find(columns, column.name, &Column::name) != columns.end();
    if (!there && noted.contains(column.name) && column.name != site.soft_delete && column.name != site.synced_at)
      gone.push_back(column.name);
  }
  if (site.drops) drop_gone(connection, site, table, gone, found, wait);
  else let_go(connection, site, gone, found, wait);
  if (!absent) return;
  widen(connection, site, table, found, wait);
  learn_parts(connection, site, table, found.standing.oid, wait);
  found = look(connection, site, table, wait);
}

}  // namespace peerd::pgtarget
