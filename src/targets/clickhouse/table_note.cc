#include "clickhouse/table_note.h"

#include <algorithm>

#include "clickhouse/column_trail.h"
#include "clickhouse/definition.h"
#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

/// Of a table in a database of engine Ordinary, and of a server that runs inside another process.
constexpr std::string_view kNone = "00000000-0000-0000-0000-000000000000";
constexpr std::string_view kTableUuid = "table uuid";

}  // namespace

TargetIdentity read_identity(Client& client, const Wait& wait) {
  const auto found = client.query(
      "SELECT name, engine, toString(uuid), toString(serverUUID()) FROM system.databases WHERE name = currentDatabase()", wait);
  TargetIdentity identity;
  if (found.empty()) return identity;
  identity.facts["database"] = found[0].at(0);
  // The replicas of a Replicated or Shared database have a uuid each, and any of them may answer: its tables' uuids tell.
  if (found[0].at(1) != "Atomic") return identity;
  identity.facts["database uuid"] = found[0].at(2);
  if (found[0].at(3) != kNone) identity.facts["server uuid"] = found[0].at(3);
  return identity;
}

TargetIdentity identity_of(const ExistingTable& table, bool made) {
  TargetIdentity identity{{}, made};
  if (table.uuid != kNone) identity.facts[std::string(kTableUuid)] = table.uuid;
  return identity;
}

void require_whole(const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                   std::string_view title) {
  ErrorText text = lost_table(layout.table);
  const auto lost = existing.exists ? lost_columns(existing, layout) : std::vector<std::string>();
  const std::string table = "table " + quote_name(name);
  if (!existing.exists) {
    text.message = table + " is gone at the target, with the rows that were in it";
  } else if (existing.comment != title) {
    text.message = table + " at the target is not this mirror's";
    text.detail = "its comment was \"" + std::string(title) + "\" and is \"" + existing.comment + "\"";
  } else if (!lost.empty()) {
    text.message = table + " has lost columns at the target, with the values that were in them: " + join(lost, ", ");
  } else {
    return;
  }
  throw Error(std::move(text));
}

namespace {

/// The columns are those that had these names at step `since`.
void require_columns(const std::optional<ColumnTrail>& trail, std::optional<std::uint64_t> since,
                     const std::set<std::string>& columns, const TableLayout& layout, std::string_view name) {
  if (!trail || !since) return;
  std::vector<std::string> replaced;
  for (const std::string& column : replaced_columns(*trail, *since, columns)) replaced.push_back(quote_name(column));
  if (replaced.empty()) return;
  ErrorText text = lost_table(layout.table);
  text.message = "table " + quote_name(name) + " has other columns at the target under the names of before, without the values " +
                 "that were in them: " + join(replaced, ", ");
  text.detail = "they were dropped, cleared or renamed there; system.mutations has the statements";
  throw Error(std::move(text));
}

Standing standing_of(const ExistingTable& existing, const std::optional<ColumnTrail>& trail) {
  return {existing.uuid, existing.modified, trail ? std::optional(trail->last()) : std::nullopt};
}

constexpr std::string_view kColumns = "columns", kSince = "columns since";

}  // namespace

TargetIdentity note_of(Client& client, const ExistingTable& table, const TableLayout& layout, std::string_view name, bool made,
                       const Wait& wait) {
  TargetIdentity note = identity_of(table, made);
  const auto trail = read_trail(client, name, wait);
  if (!trail) return note;
  std::vector<std::string> columns;
  for (const std::string& column : held_columns(layout)) columns.push_back(quote_name(column));
  note.facts[std::string(kColumns)] = join(columns, ", ");
  note.facts[std::string(kSince)] = std::to_string(trail->last());
  return note;
}

bool same_table(const TargetIdentity& noted, const ExistingTable& table) {
  const auto uuid = noted.facts.find(std::string(kTableUuid));
  return uuid != noted.facts.end() && uuid->second == table.uuid;
}

Standing require_noted(Client& client, const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                       const TargetIdentity& noted, const Wait& wait) {
  require_same(noted, identity_of(existing, noted.made), "table " + quote_name(name), lost_table(layout.table));
  const auto trail = read_trail(client, name, wait);
  const auto since = noted.facts.find(std::string(kSince)), columns = noted.facts.find(std::string(kColumns));
  if (since != noted.facts.end() && columns != noted.facts.end()) {
    // Columns that came later were not noted: what had their names before them is no loss.
    std::set<std::string> still;
    const std::set<std::string> held = held_columns(layout);
    for (const std::string& column : plain_names(columns->second))
      if (held.contains(column)) still.insert(column);
    require_columns(trail, std::stoull(since->second), still, layout, name);
  }
  return standing_of(existing, trail);
}

void require_standing(Client& client, const MirrorTable& table, Layouts& layouts, const Wait& wait) {
  const auto known = layouts.standing(table.schema.id);
  if (!known) return;
  const auto found = client.query("SELECT toString(uuid), " + std::string(kModified) +
                                      " FROM system.tables WHERE database = currentDatabase() AND name = " + quote_text(table.target_name),
                                  wait);
  const TableLayout layout = layouts.of(table);
  const std::string uuid = found.empty() ? "" : found[0].at(0);
  if (uuid != known->uuid) {
    ErrorText text = lost_table(layout.table);
    text.message = "table " + quote_name(table.target_name) + " at the target was dropped, renamed or made again while the mirror ran";
    text.detail = "its uuid was " + known->uuid + (uuid.empty() ? "" : " and is " + uuid);
    throw Error(std::move(text));
  }
  if (found[0].at(1) == known->modified && known->modified != kLately) return;
  const ExistingTable existing = read_table(client, table.target_name, wait);
  require_whole(existing, layout, table.target_name, layouts.title());
  const auto trail = read_trail(client, table.target_name, wait);
  require_columns(trail, known->trail, held_columns(layout), layout, table.target_name);
  throw_if_any(unfitness(existing, layout, table.target_name, layouts.title(), Looked::meanwhile));
  layouts.know(table.schema.id, standing_of(existing, trail));
}

void stand_anew(Client& client, const MirrorTable& table, Layouts& layouts, const Wait& wait) {
  if (!layouts.standing(table.schema.id)) return;
  const ExistingTable existing = read_table(client, table.target_name, wait);
  layouts.know(table.schema.id, standing_of(existing, read_trail(client, table.target_name, wait)));
}

namespace {

/// Materialized views that read the table: what is inserted passes through them, too.
std::vector<std::string> views_on(Client& client, std::string_view name, const Wait& wait) {
  std::vector<std::string> views;
  for (const auto& row : client.query("SELECT database, name FROM system.tables ARRAY JOIN dependencies_database AS database,"
                                      " dependencies_table AS name WHERE system.tables.database = currentDatabase()"
                                      " AND system.tables.name = " + quote_text(name) + " ORDER BY ALL", wait))
    views.push_back(quote_name(row.at(0)) + "." + quote_name(row.at(1)));
  return views;
}

}  // namespace

void explain(Client& client, const MirrorTable& table, const Layouts& layouts, const Error& error, const Wait& wait) {
  const ErrorCode code = error.text.code;
  if (error.text.origin.empty() || error.text.retry == Retry::later || code == ErrorCode::too_busy ||
      code == ErrorCode::unreachable || code == ErrorCode::bad_password || code == ErrorCode::no_privilege)
    return;
  std::vector<std::string> views;
  try {
    const ExistingTable existing = read_table(client, table.target_name, wait);
    const TableLayout layout = layouts.of(table);
    require_whole(existing, layout, table.target_name, layouts.title());
    throw_if_any(unfitness(existing, layout, table.target_name, layouts.title()));
    if (error.text.message.find("view") != std::string::npos) views = views_on(client, table.target_name, wait);
  } catch (const Error& more) {
    if (more.text.origin.empty()) throw;
    return;  // A server's word again: the one that came first is the one to be told.
  }
  if (views.empty()) return;
  Error told(error.text);
  if (told.text.code == ErrorCode::peer_error) told.text.code = ErrorCode::bad_value;
  told.text.message += ": a materialized view on table " + quote_name(table.target_name) + " does not take its rows (" +
                       join(views, ", ") + ")";
  told.text.hint = "put right at the target what the view needs, or DROP VIEW " + views[0] +
                   (views.size() > 1 ? " or another of them" : "") + ", and RESUME MIRROR";
  throw told;
}

}  // namespace peerd::clickhouse
