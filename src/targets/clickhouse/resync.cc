#include "clickhouse/resync.h"

#include <algorithm>

#include "clickhouse/definition.h"
#include "clickhouse/drop.h"
#include "clickhouse/mapping_check.h"
#include "clickhouse/on_unfit.h"
#include "clickhouse/table_note.h"
#include "peerd/base/text.h"
#include "shadow.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

/// By that name it is found and killed when its client is gone: an exchange that comes late would undo the next one.
void run(const ResyncWork& work, const MirrorTable& table, const std::string& sql, const Wait& wait, Settings settings = {}) {
  settings["query_id"] = work.names.next(table.schema.id);
  work.client.execute(sql, wait, settings);
}

/// The server drops no table above 50 GB of itself.
void drop(const ResyncWork& work, const MirrorTable& table, const std::string& name, const Wait& wait) {
  run(work, table, "DROP TABLE " + quote_name(name) + " SYNC", wait, {{"max_table_size_to_drop", "0"}});
}

bool holds_null(const std::string& type) { return type.find("Nullable(") != std::string::npos; }

/// A column that nobody fills would hold the type's default as if it were the source's value.
void check_gone(const ExistingTable& existing, const TableLayout& layout, const MirrorTable& table,
                const std::optional<TargetIdentity>& noted, bool drops, Problems& problems) {
  for (const std::string& column : gone_columns(existing, layout, noted)) {
    if (noted->made || drops || holds_null(existing.columns.at(column).type)) continue;
    const std::string cure = "ALTER TABLE " + quote_name(table.target_name) + " DROP COLUMN " + quote_name(column);
    problems.push_back(unfit(table,
                             "column " + quote_name(column) + " of table " + quote_name(table.target_name) +
                                 " has no source any more, and cannot hold NULL",
                             "run at the target: " + cure, cure));
  }
}

/// A path in ZooKeeper that is not the table's own cannot be another table's as well.
void check_path(const ExistingTable& existing, const MirrorTable& table, Problems& problems) {
  if (!existing.engine.starts_with("Replicated")) return;
  const std::vector<std::string> arguments = read_definition(existing.create_query).engine_arguments;
  if (arguments.empty() || arguments.front().find("{uuid}") != std::string::npos) return;
  problems.push_back(unfit(table,
                           "table " + quote_name(table.target_name) + " is replicated under the path " + arguments.front() +
                               ", which a second table beside it cannot have",
                           "make it with a path that has {uuid} in it, or leave the path out; or DROP MIRROR, DROP TABLE and CREATE "
                           "MIRROR"));
}

/// Only a database that is replicated itself makes and exchanges tables on every replica; else the others would keep the old one,
/// and get nothing more.
void check_replicas(Client& client, const ExistingTable& existing, const MirrorTable& table, const Wait& wait, Problems& problems) {
  if (!existing.engine.starts_with("Replicated")) return;
  const auto found = client.query("SELECT toString(r.total_replicas), d.engine FROM system.replicas AS r INNER JOIN system.databases AS d"
                                  " ON d.name = r.database WHERE r.database = currentDatabase() AND r.table = " + quote_text(table.target_name),
                                  wait);
  if (found.empty() || found[0].at(0) == "1" || found[0].at(1) == "Replicated" || found[0].at(1) == "Shared") return;
  problems.push_back(unfit(table, "table " + quote_name(table.target_name) + " has " + found[0].at(0) +
                                      " replicas, and only this server's would be exchanged",
                           "put it into a database of engine Replicated; or DROP MIRROR, empty the table ON CLUSTER and CREATE MIRROR"));
}

bool fits(const ExistingTable& existing, const TableLayout& layout, const MirrorTable& table, const std::string& title) {
  return existing.exists && existing.comment == title && unfitness(existing, layout, table.target_name, title).empty();
}

}  // namespace

Problems check_resync(ResyncWork work, const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) {
  Problems problems = check_asked(work.layouts, table);
  if (!problems.empty()) return problems;
  const TableLayout layout = work.layouts.of(table);
  const std::string& title = work.layouts.title();
  const ExistingTable existing = read_table(work.client, table.target_name, wait);
  problems = check_unfit(layout, table.schema);
  if (!problems.empty()) return problems;
  if (!existing.exists) {
    problems = name_clashes(layout);
  } else if (existing.comment != title) {
    const std::string name = quote_name(table.target_name), free = name + " TO `" + table.target_name + "_old`";
    problems.push_back(unfit(table, "table " + name + " at the target is not this mirror's",
                             "run at the target: RENAME TABLE " + free + "; or drop it there", "RENAME TABLE " + free));
  } else {
    Problems misfit = unfitness(existing, layout, table.target_name, title);
    if (!noted || !noted->made) problems = std::move(misfit);
    check_gone(existing, layout, table, noted, work.layouts.drops(), problems);
    check_path(existing, table, problems);
    check_replicas(work.client, existing, table, wait, problems);
  }
  const std::string shadow = shadow_name(table.target_name);
  if (auto found = too_long(layout, work.client.access().database, shadow)) problems.push_back(std::move(*found));
  const ExistingTable standing = read_table(work.client, shadow, wait);
  if (standing.exists && standing.comment != title) {
    problems.push_back(unfit(table, "table " + quote_name(shadow) + " stands where the copy is to be made, and is not this mirror's",
                             "run at the target: DROP TABLE " + quote_name(shadow), "DROP TABLE " + quote_name(shadow)));
  }
  return problems;
}

void drop_shadow(ResyncWork work, const MirrorTable& table, const Wait& wait) {
  const std::string shadow = shadow_name(table.target_name);
  const ExistingTable standing = read_table(work.client, shadow, wait);
  if (!standing.exists || standing.comment != work.layouts.title()) return;
  kill_leftovers(work.client, work.names, table.schema.id, wait);
  drop(work, table, shadow, wait);
}

bool make_shadow(ResyncWork work, const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) {
  const TableLayout layout = work.layouts.of(table);
  const std::string& title = work.layouts.title();
  const std::string shadow = shadow_name(table.target_name);
  const ExistingTable existing = read_table(work.client, table.target_name, wait);
  const bool made = noted ? noted->made : !existing.exists;
  if (!fits(existing, layout, table, title)) {
    throw_if_any(name_clashes(layout));
    run(work, table, create_statement(layout, shadow, title, work.fsync), wait);
    return made;
  }
  run(work, table,
      "CREATE TABLE IF NOT EXISTS " + quote_name(shadow) + " AS " + quote_name(table.target_name) + " COMMENT " + quote_text(title), wait);
  std::vector<std::string> drops;
  for (const std::string& column : gone_columns(existing, layout, noted))
    if (made || work.layouts.drops()) drops.push_back("DROP COLUMN IF EXISTS " + quote_name(column));
  if (!drops.empty()) run(work, table, "ALTER TABLE " + quote_name(shadow) + " " + join(drops, ", "), wait);
  return made;
}

void exchange(ResyncWork work, const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) {
  const std::string name = shadow_name(table.target_name), &title = work.layouts.title();
  const ExistingTable existing = read_table(work.client, table.target_name, wait);
  if (!existing.exists || !same_table(shadow, existing)) {
    ErrorText lost = lost_table(table.schema.qualified());
    lost.hint = "RESYNC TABLE " + table.schema.qualified() + " OF the mirror again";
    const ExistingTable copy = read_table(work.client, name, wait);
    if (!copy.exists || !same_table(shadow, copy)) {
      lost.message = "table " + quote_name(name) + ", into which the rows were copied, is gone at the target";
      throw Error(std::move(lost));
    }
    if (existing.exists && existing.comment != title) {
      lost.message = "table " + quote_name(table.target_name) + " at the target is not this mirror's any more";
      throw Error(std::move(lost));
    }
    const std::string both = quote_name(name) + (existing.exists ? " AND " : " TO ") + quote_name(table.target_name);
    run(work, table, (existing.exists ? "EXCHANGE TABLES " : "RENAME TABLE ") + both, wait);
  }
  drop_shadow(work, table, wait);
}

}  // namespace peerd::clickhouse
