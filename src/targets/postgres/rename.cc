#include "postgres/rename.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "postgres/table_lock.h"
#include "renames.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using Parameters = std::vector<std::optional<std::string>>;

/// Of the last names that were given to the table's columns, in the same transaction. "": none were.
std::string read_mark(Connection& connection, const Found& found, const Wait& wait) {
  const Parameters of{std::to_string(found.standing.oid)};
  const auto mark = connection.run("SELECT names FROM _peerd.names WHERE table_oid = $1::oid", of, wait);
  return mark.rows() == 0 ? "" : mark.string(0, 0);
}

void write_mark(Connection& connection, const Site& site, const Found& found, const std::string& mark, const Wait& wait) {
  const Parameters row{std::to_string(found.standing.oid), site.uuid, mark};
  connection.run("INSERT INTO _peerd.names (table_oid, mirror, names) VALUES ($1::oid, $2, $3)"
                 " ON CONFLICT (table_oid) DO UPDATE SET mirror = excluded.mirror, names = excluded.names", row, wait);
}

bool is_partition(Connection& connection, const Found& found, const Wait& wait) {
  const Parameters of{std::to_string(found.standing.oid)};
  return connection.run("SELECT relispartition FROM pg_class WHERE oid = $1::oid", of, wait).boolean(0, 0);
}

/// Names that are free, or become so.
void require_free(Connection& connection, const Site& site, const MirrorTable& from, const std::vector<Renaming>& renamings,
                  const Found& found, const Wait& wait) {
  const std::string name = found.name.quoted(), where = "target table " + name;
  for (const Renaming& renaming : renamings) {
    const std::string quoted = quote_identifier(renaming.to);
    if (renaming.to == site.soft_delete || renaming.to == site.synced_at) {
      ErrorText text = taken_name(from, renaming, where, "");
      text.hint = "rename the column at the source to another name, and RESYNC TABLE " + text.table +
                  " OF the mirror; or DROP MIRROR and CREATE MIRROR with another soft_delete_col_name or synced_at_col_name";
      throw Error(std::move(text));
    }
    if (found.standing.find(renaming.to) == nullptr) continue;
    if (std::ranges::find(renamings, renaming.to, &Renaming::from) != renamings.end()) continue;
    const auto& kept = from.notes.excluded;
    if (std::ranges::find(kept, renaming.to, &CatalogNotes::Excluded::name) != kept.end())
      throw Error(kept_column(from, renaming.to, where, "ALTER TABLE " + name + " DROP COLUMN " + quoted));
    throw Error(taken_name(from, renaming, where, "ALTER TABLE " + name + " RENAME COLUMN " + quoted + " TO …"));
  }
  if (!is_partition(connection, found, wait)) return;
  ErrorText text = lost_table(from.schema.qualified());
  text.code = ErrorCode::schema_changed;
  text.message = "columns of table " + text.table + " were renamed, and " + where + " is a partition, whose columns have the names of its root";
  text.hint = "rename the columns back at the source, and RESYNC TABLE " + text.table +
              " OF the mirror; or rename them at the root of " + name + " too, DROP MIRROR and CREATE MIRROR";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void run(Connection& connection, const Site& site, const std::vector<Renaming>& renamings, const Found& found,
         const std::string& mark, const Wait& wait) {
  lock_alone(connection, site, found.name, wait);
  for (const Renaming& step : in_order(renamings)) {
    const Parameters noted{std::to_string(found.standing.oid), step.from, step.to};
    connection.run("ALTER TABLE " + found.name.quoted() + " RENAME COLUMN " + quote_identifier(step.from) + " TO " +
                       quote_identifier(step.to), wait);
    connection.run("UPDATE _peerd.columns SET name = $3 WHERE table_oid = $1::oid AND name = $2", noted, wait);
  }
  write_mark(connection, site, found, mark, wait);
}

}  // namespace

void rename_columns(Connection& connection, const Site& site, MirrorTable& from, const MirrorTable& to, Found& found,
                    const Wait& wait) {
  const std::vector<Renaming> wanted = renamings(from.schema, to.schema);
  if (wanted.empty()) return;
  require_free(connection, site, from, wanted, found, wait);
  for (const Renaming& one : wanted) std::ranges::find(from.schema.columns, one.number, &Column::number)->name = one.to;
  run(connection, site, wanted, found, names_mark(from.schema), wait);
  found = look(connection, site, to, wait);
}

void take_back_names(Connection& connection, const Site& site, const MirrorTable& from, const MirrorTable& to, const Wait& wait) {
  const Found found = look(connection, site, from, wait);
  if (!found.ours || found.standing.oid == 0 || read_mark(connection, found, wait) != names_mark(to.schema)) return;
  run(connection, site, renamings(to.schema, from.schema), found, names_mark(from.schema), wait);
}

}  // namespace peerd::pgtarget
