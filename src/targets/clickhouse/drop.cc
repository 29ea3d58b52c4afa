#include "clickhouse/drop.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "clickhouse/definition.h"
#include "clickhouse/marks.h"
#include "clickhouse/table_note.h"
#include "clickhouse/views_on.h"
#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

constexpr std::string_view kKind = "peerd dropped";

[[noreturn]] void refuse(const Dropped& dropped, const std::string& column, const std::string& why, const std::string& cure) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.table = dropped.table.schema.qualified();
  text.message = "column " + quote_name(column) + " of table " + quote_name(dropped.table.target_name) +
                 " at the target is to be dropped, as it was at the source, and " + why;
  text.hint = cure + "; or keep the column: ALTER MIRROR " + dropped.mirror + " SET (dropped_columns = 'keep')";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void require_free(Client& client, const Dropped& dropped, const ExistingTable& existing, const Wait& wait) {
  for (const std::string& name : dropped.names) {
    const auto column = existing.columns.find(name);
    if (column == existing.columns.end() || !(column->second.in_key || column->second.in_partition)) continue;
    refuse(dropped, name, "ClickHouse drops no column of a table's key",
           "RESYNC TABLE " + dropped.table.schema.qualified() + " OF " + dropped.mirror + " copies the table anew");
  }
  const std::set<std::string> names(dropped.names.begin(), dropped.names.end());
  if (const auto view = view_that_reads(client, dropped.table.target_name, names, Views::all, wait))
    refuse(dropped, view->column, "view " + view->name + " reads it", "run at the target: DROP VIEW " + view->name + "; then RESUME MIRROR");
}

std::string mark_of(const Dropped& dropped, const ExistingTable& existing) {
  const TableId source = dropped.table.schema.id;
  std::set<std::int16_t> numbers(dropped.numbers.begin(), dropped.numbers.end());
  for (const std::int16_t number : dropped_numbers(existing, source)) numbers.insert(number);
  std::string mark = std::string(kKind) + " " + std::to_string(source.oid);
  for (const std::int16_t number : numbers) mark += " " + std::to_string(number);
  return mark;
}

}  // namespace

void drop_columns(Client& client, StatementNames& names, const Dropped& dropped, const ExistingTable& existing, const Wait& wait) {
  require_free(client, dropped, existing, wait);
  std::vector<std::string> parts;
  for (const std::string& name : dropped.names)
    for (const std::string& one : {name, null_note(name)})
      if (existing.columns.contains(one)) parts.push_back("DROP COLUMN " + quote_name(one));
  const std::string comment = with_mark(version_comment(existing), mark_of(dropped, existing));
  if (!dropped.numbers.empty()) parts.push_back("COMMENT COLUMN " + std::string(kVersionColumn) + " " + quote_text(comment));
  if (parts.empty()) return;
  try {
    // By that name it is found and killed when its client is gone: it would drop a column of the same name that came since.
    client.execute("ALTER TABLE " + quote_name(dropped.table.target_name) + " " + join(parts, ", "), wait,
                   {{"query_id", names.next(dropped.table.schema.id)}});
  } catch (Error& error) {
    if (!error.text.origin.starts_with("CH ") || error.text.retry == Retry::later) throw;
    error.text.table = dropped.table.schema.qualified();
    error.text.hint += (error.text.hint.empty() ? "" : "; ") +
                       ("columns were dropped at the source: drop at the target what is made of them, then RESUME MIRROR; or keep them: "
                        "ALTER MIRROR " + dropped.mirror + " SET (dropped_columns = 'keep')");
    throw;
  }
}

std::vector<std::int16_t> dropped_numbers(const ExistingTable& existing, TableId source) {
  const std::string mark = mark_of_kind(version_comment(existing), kKind);
  const std::string begin = std::string(kKind) + " " + std::to_string(source.oid) + " ";
  std::vector<std::int16_t> numbers;
  if (!mark.starts_with(begin)) return numbers;
  for (std::size_t at = begin.size(); at < mark.size();) {
    std::int16_t number = 0;
    const auto [end, _] = std::from_chars(mark.data() + at, mark.data() + mark.size(), number);
    if (number > 0) numbers.push_back(number);
    at = static_cast<std::size_t>(end - mark.data()) + 1;
  }
  return numbers;
}

std::vector<std::string> gone_columns(const ExistingTable& existing, const TableLayout& layout,
                                      const std::optional<TargetIdentity>& noted) {
  std::vector<std::string> gone;
  if (!noted) return gone;
  const auto columns = noted->facts.find("columns");
  if (columns == noted->facts.end()) return gone;
  const std::set<std::string> held = held_columns(layout);
  for (const std::string& column : plain_names(columns->second))
    if (!column.empty() && existing.columns.contains(column) && !held.contains(column)) gone.push_back(column);
  return gone;
}

}  // namespace peerd::clickhouse
