#include "clickhouse/own_values.h"

#include <algorithm>

#include "clickhouse/literal.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

/// A condition that holds for rows whose value in the column is not `missing`; none: NULL.
std::string differs(const TableLayout& layout, std::size_t i, const std::string& type, const std::optional<std::string>& missing) {
  const std::string name = quote_name(layout.names[i]);
  const bool nulls = !layout.types[i].array && type.find("Nullable(") != std::string::npos;
  if (!missing) return nulls ? "isNotNull(" + name + ")" : "1";
  return (nulls ? "isNull(" + name + ") OR " : "") + name + " != " + literal(layout, i, *missing);
}

}  // namespace

void refuse_own_values(Client& client, const MirrorTable& from, const MirrorTable& to, const TableLayout& layout,
                       const ExistingTable& existing, const Wait& wait) {
  const std::string table = quote_name(to.target_name);
  for (const std::string& gained : peerd::lost_columns(to.schema, from.schema)) {
    const auto column = std::ranges::find(to.schema.columns, gained, &Column::name);
    const auto i = static_cast<std::size_t>(column - to.schema.columns.begin());
    const auto found = existing.columns.find(layout.names[i]);
    if (found == existing.columns.end() || found->second.comment.starts_with(kAddedByMirror)) continue;
    const auto rows = client.query("SELECT 1 FROM " + table + " FINAL WHERE " + quote_name(layout.deleted_column) + " = 0 AND (" +
                                       differs(layout, i, found->second.type, column->missing_value) + ") LIMIT 1", wait);
    if (rows.empty()) continue;
    const std::string alter = "ALTER TABLE " + table, name = quote_name(layout.names[i]);
    throw Error(own_values(to, gained, "table " + table, alter + " DROP COLUMN " + name + ", or " + alter + " RENAME COLUMN " + name + " TO …"));
  }
}

}  // namespace peerd::clickhouse
