#include "clickhouse/layouts.h"

namespace peerd::clickhouse {

TableLayout Layouts::of(const TableSchema& schema) const {
  Lock lock(mutex_);
  const auto loose = loose_.find(schema.id);
  if (loose == loose_.end() || loose->second.empty())
    return table_layout(schema, soft_delete_col_name_, synced_at_col_name_);
  TableSchema looser = schema;
  for (Column& column : looser.columns) column.nullable = column.nullable || loose->second.contains(column.name);
  return table_layout(looser, soft_delete_col_name_, synced_at_col_name_);
}

void Layouts::loosen(TableId table, std::set<std::string> columns) {
  Lock lock(mutex_);
  loose_[table].merge(columns);
}

void Layouts::know(TableId table, Standing standing) {
  Lock lock(mutex_);
  standings_[table] = std::move(standing);
}

std::optional<Standing> Layouts::standing(TableId table) const {
  Lock lock(mutex_);
  const auto found = standings_.find(table);
  return found == standings_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace peerd::clickhouse
