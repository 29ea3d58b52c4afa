#include "clickhouse/layouts.h"

#include "clickhouse/on_unfit.h"

namespace peerd::clickhouse {

Layouts::Layouts(const MirrorSpec& mirror, std::string title)
    : soft_delete_col_name_(mirror.of_query() ? "" : mirror.text("soft_delete_col_name")),
      synced_at_col_name_(mirror.text("synced_at_col_name")),
      title_(std::move(title)),
      query_(mirror.query_mode()),
      on_unfit_(on_unfit_of(mirror)),
      drops_(mirror.drops_columns()),
      mappings_(mirror) {}

namespace {

void take_types(TableSchema& schema, const std::map<std::int16_t, Column>& types) {
  for (Column& column : schema.columns) {
    const auto now = types.find(column.number);
    if (now == types.end()) continue;
    column.type_oid = now->second.type_oid;
    column.type_modifier = now->second.type_modifier;
    column.type_name = now->second.type_name;
    column.base = now->second.base;
  }
}

}  // namespace

TableLayout Layouts::of(const MirrorTable& table) const {
  const Mapped* found = mapped(table);
  const auto layout_of = [&](const TableSchema& schema) {
    const TableMapping* mapping = found == nullptr ? nullptr : &found->mapping;
    TableLayout layout = table_layout(schema, soft_delete_col_name_, synced_at_col_name_, mapping);
    prepare_unfit(layout, schema, on_unfit_);
    layout.appends = query_ && query_ != QueryMode::upsert;
    return layout;
  };
  Lock lock(mutex_);
  const auto types = types_.find(table.schema.id);
  TableSchema looser = table.schema;
  if (types != types_.end()) take_types(looser, types->second);
  TableLayout layout = layout_of(looser);
  const auto loose = loose_.find(table.schema.id);
  if (loose == loose_.end() || loose->second.empty()) return layout;
  for (std::size_t i = 0; i < looser.columns.size(); ++i)
    looser.columns[i].nullable = looser.columns[i].nullable || loose->second.contains(layout.names[i]);
  return layout_of(looser);
}

void Layouts::loosen(TableId table, std::set<std::string> columns) {
  Lock lock(mutex_);
  loose_[table].merge(columns);
}

void Layouts::forget_loose(TableId table) {
  Lock lock(mutex_);
  loose_.erase(table);
}

void Layouts::retype(TableId table, const std::vector<Column>& columns) {
  Lock lock(mutex_);
  for (const Column& column : columns) types_[table].insert_or_assign(column.number, column);
}

void Layouts::forget_types(TableId table) {
  Lock lock(mutex_);
  types_.erase(table);
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
