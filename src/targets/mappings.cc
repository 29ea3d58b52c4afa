#include "mappings.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "peerd/base/text.h"
#include "peerd/postgres/connection.h"
#include "renames.h"

namespace peerd {
namespace {

using Names = std::map<std::string, std::string>;  ///< At the target, by those of the source; only those that differ.

Names names_of(const TableMapping& mapping, const TableSchema& schema) {
  Names names;
  for (const ColumnSetting& column : mapping.columns)
    if (!column.target.empty() && column.target != column.source) names[column.source] = column.target;
  for (const Column& column : schema.columns) {
    const std::string known = mapped_name(schema, column);
    if (known == column.name) continue;
    const auto setting = std::ranges::find(mapping.columns, known, &ColumnSetting::source);
    names.erase(column.name);
    if (setting != mapping.columns.end() && !setting->target.empty() && setting->target != column.name)
      names[column.name] = setting->target;
  }
  return names;
}

/// Renames what the rule reads. False where an expression or a condition reads it, whose words are the source's.
bool rename(UniqueRule& rule, const Names& names) {
  const auto read = [&](const std::string& column) { return names.contains(column); };
  if (std::ranges::none_of(rule.columns, read)) return true;
  if (!rule.condition.empty()) return false;
  for (UniqueRule::Part& part : rule.parts) {
    const auto plain = std::ranges::find_if(rule.columns,
        [&](const auto& column) { return part.text == quote_identifier(column); });
    if (plain == rule.columns.end()) return false;
    if (const auto found = names.find(*plain); found != names.end()) part.text = quote_identifier(found->second);
  }
  for (std::string& column : rule.columns)
    if (const auto found = names.find(column); found != names.end()) column = found->second;
  return true;
}

}  // namespace

Mappings::Mappings(const MirrorSpec& mirror) {
  for (const TableMapping& mapping : mirror.tables) {
    const auto source = mapping.source.empty() ? postgres::QualifiedName{} : postgres::parse_qualified(mapping.source);
    mapped_.push_back({source.schema, source.name, "table_mappings[" + std::to_string(mapped_.size()) + "]", mapping});
  }
}

const Mapped* Mappings::of(const MirrorTable& table) const {
  for (const Mapped& one : mapped_)
    if (one.schema == table.schema.schema && one.name == table.schema.name) return &one;
  for (const Mapped& one : mapped_)
    if (one.mapping.target == table.target_name) return &one;
  return nullptr;
}

Problems Mappings::check(const MirrorTable& table) const {
  const Mapped* mapped = of(table);
  if (mapped == nullptr) return {};
  Problems problems = check_named(*mapped, table.schema);
  std::ranges::move(peerd::check_apart(*mapped, table.schema), std::back_inserter(problems));
  return problems;
}

Problems Mappings::check_apart(const MirrorTable& table) const {
  const Mapped* mapped = of(table);
  return mapped == nullptr ? Problems() : peerd::check_apart(*mapped, table.schema);
}

void Mappings::require_apart(const MirrorTable& table) const {
  const Problems problems = check_apart(table);
  if (problems.empty()) return;
  ErrorText text = problems[0].text;
  text.code = ErrorCode::schema_changed;
  text.retry = Retry::after_operator;
  text.hint = "drop the column that was added, at the source, and RESUME MIRROR; or DROP MIRROR and CREATE MIRROR with other names";
  throw Error(std::move(text));
}

MirrorTable Mappings::renamed(MirrorTable table) const {
  const Mapped* mapped = of(table);
  const Names names = mapped == nullptr ? Names() : names_of(mapped->mapping, table.schema);
  if (names.empty()) return table;
  std::set<std::string> source;
  for (const Column& column : table.schema.columns) source.insert(column.name);
  for (Column& column : table.schema.columns)
    if (const auto found = names.find(column.name); found != names.end()) column.name = found->second;
  for (CatalogNotes::Excluded& column : table.notes.excluded)
    if (const auto found = names.find(column.name); found != names.end()) column.name = found->second;
  // An excluded column's name may be another column's at the target: a rule of it says nothing of that one.
  std::erase_if(table.unique, [&](const UniqueRule& rule) {
    return std::ranges::any_of(rule.columns, [&](const std::string& name) { return !source.contains(name); });
  });
  // One that goes is compared with nothing: a target that keeps rows apart by the same is refused as stricter.
  std::erase_if(table.unique, [&](UniqueRule& rule) { return !rename(rule, names); });
  return table;
}

Problem problem_with(const Mapped& mapped, ErrorCode code, const std::string& field, std::string message,
    std::string hint) {
  Problem problem;
  problem.text.code = code;
  problem.text.field = mapped.field + "." + field;
  problem.text.table = mapped.schema + "." + mapped.name;
  problem.text.message = std::move(message);
  problem.text.hint = std::move(hint);
  return problem;
}

Problems check_named(const Mapped& mapped, const TableSchema& schema) {
  Problems problems;
  const std::string table = "table " + schema.qualified();
  std::vector<std::string_view> known;
  for (const Column& column : schema.columns) known.emplace_back(column.name);
  for (std::size_t i = 0; i < mapped.mapping.columns.size(); ++i) {
    const std::string& column = mapped.mapping.columns[i].source;
    if (std::ranges::find(known, column) != known.end()) continue;
    const std::string_view meant = closest(column, known);
    problems.push_back(problem_with(mapped, ErrorCode::invalid_option, "columns[" + std::to_string(i) + "].source_name",
                                    table + " has no column \"" + column + "\"",
                                    meant.empty() ? "leave it out of columns" : "did you mean " + std::string(meant) +
                                        "?"));
  }
  return problems;
}

Problems check_apart(const Mapped& mapped, const TableSchema& schema) {
  Problems problems;
  const std::string table = "table " + schema.qualified();
  const Names names = names_of(mapped.mapping, schema);
  std::set<std::string> seen;
  for (const Column& column : schema.columns) {
    const auto found = names.find(column.name);
    const std::string& name = found == names.end() ? column.name : found->second;
    if (seen.insert(name).second) continue;
    problems.push_back(problem_with(mapped, ErrorCode::invalid_option, "columns",
                                    "two columns of " + table + " are called \"" + name + "\" at the target",
                                    "give them different names"));
  }
  return problems;
}

}  // namespace peerd
