#include <algorithm>

#include "mirror_check.h"
#include "peerd/control/control.h"

namespace peerd {
namespace {

/// A mirror with the tables that are meant alone, and what is known of each.
struct Meant {
  MirrorSpec spec;
  std::vector<TableId> ids;
  Problems problems;
};

Meant meant_of(const MirrorRecord& mirror, const std::vector<std::string>& asked, const MirrorProgress& progress, const Ends& ends,
               const Connectors& connectors) {
  Meant meant{mirror.spec, {}, {}};
  std::vector<std::string> keys;
  for (const std::string& table : asked) keys.push_back(source_key(ends, connectors, table));
  std::vector<bool> found(asked.size(), false);
  std::erase_if(meant.spec.tables, [&](const TableMapping& mapping) {
    const auto key = std::ranges::find(keys, source_key(ends, connectors, mapping.source));
    if (key != keys.end()) found[static_cast<std::size_t>(key - keys.begin())] = true;
    return !asked.empty() && key == keys.end();
  });
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (!found[i]) meant.problems.push_back(not_mapped(mirror.spec.tables, asked[i], "table"));
  for (const TableMapping& mapping : meant.spec.tables) {
    const auto table = std::ranges::find(progress.tables, mapping.target, &MirrorTable::target_name);
    if (table != progress.tables.end()) {
      meant.ids.push_back(table->schema.id);
    } else if (!asked.empty() || progress.tables.empty()) {
      meant.problems.push_back(problem_of(ErrorCode::wrong_state, "table", "table " + mapping.source + " was never copied yet",
                                          "the mirror copies it when it runs: SELECT state, step FROM mirrors"));
    }
  }
  return meant;
}

/// A slot is not looked at: it may be what the copy is to mend.
void ask_peers(Meant& meant, const MirrorRecord& mirror, const MirrorProgress& progress, const Ends& ends,
               const Connectors& connectors, const Wait& wait) {
  const Lease lease{mirror.id, 0, mirror.uuid};
  const auto source = connectors.of(ends.source->kind).source(*ends.source, meant.spec, lease);
  const auto target = connectors.of(ends.target->kind).target(*ends.target, meant.spec, lease);
  for (const MirrorTable& table : source->describe(wait)) {
    const auto noted = progress.target_tables.find(table.target_name);
    append(meant.problems,
           target->check_resync(table, noted == progress.target_tables.end() ? std::nullopt : std::optional(noted->second), wait));
  }
}

}  // namespace

Done MirrorControl::resync(std::string_view name, const std::vector<std::string>& tables, IfExists if_exists, const Wait& wait) {
  if (if_exists == IfExists::yes && !catalog_.mirror(name)) return Done::was_absent;
  const MirrorRecord there = record(name);
  if (there.spec.of_query())
    throw Error(ErrorCode::not_supported, "resync is only supported for mirrors of tables, and \"" + there.spec.name + "\" is one of a query",
                "DROP MIRROR, empty its target table, and CREATE MIRROR; mode = 'overwrite' copies anew in every round");
  const Ends ends{catalog_.peer(there.spec.source), catalog_.peer(there.spec.target)};
  if (!ends.source || !ends.target)
    throw Error(ErrorCode::not_found, "a peer of mirror \"" + there.spec.name + "\" is gone");
  const MirrorProgress progress = catalog_.progress(there.id);
  Meant meant = meant_of(there, tables, progress, ends, connectors_);
  throw_if_any(meant.problems);
  ask_peers(meant, there, progress, ends, connectors_, wait);
  throw_if_any(meant.problems);
  supervisor_.resync(there.id, meant.ids);
  return Done::done;
}

}  // namespace peerd
