#include "clickhouse/table_note.h"

#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

/// Of a table in a database of engine Ordinary, and of a server that runs inside another process.
constexpr std::string_view kNone = "00000000-0000-0000-0000-000000000000";

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
  if (table.uuid != kNone) identity.facts["table uuid"] = table.uuid;
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

void require_standing(Client& client, const MirrorTable& table, const std::string& uuid, const Wait& wait) {
  if (uuid.empty()) return;
  const std::string found = only_cell(client.query(
      "SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = " + quote_text(table.target_name), wait));
  if (found == uuid) return;
  ErrorText text = lost_table(table.schema.qualified());
  text.message = "table " + quote_name(table.target_name) + " at the target was dropped, renamed or made again while the mirror ran";
  text.detail = "its uuid was " + uuid + (found.empty() ? "" : " and is " + found);
  throw Error(std::move(text));
}

}  // namespace peerd::clickhouse
