#include "renames.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {

std::vector<Renaming> in_order(std::vector<Renaming> renamings) {
  std::vector<Renaming> steps;
  while (!renamings.empty()) {
    const auto free = std::ranges::find_if(renamings, [&](const Renaming& one) {
      return std::ranges::find(renamings, one.to, &Renaming::from) == renamings.end();
    });
    if (free != renamings.end()) {
      steps.push_back(*free);
      renamings.erase(free);
      continue;
    }
    Renaming& waits = renamings.front();
    const std::string name = temporary_name(waits.number);
    steps.push_back({waits.number, waits.from, name});
    waits.from = name;
  }
  return steps;
}

std::string temporary_name(std::int16_t number) { return "_peerd_renaming_" + std::to_string(number); }

bool goes_round(const std::vector<Renaming>& renamings) {
  return !renamings.empty() && std::ranges::all_of(renamings, [&](const Renaming& one) {
    return std::ranges::find(renamings, one.from, &Renaming::to) != renamings.end();
  });
}

std::string names_mark(const TableSchema& schema) {
  std::string names;
  for (const Column& column : schema.columns) names += std::to_string(column.number) + ":" + column.name + ";";
  return "peerd names " + std::to_string(schema.id.oid) + " " + fnv1a(names);
}

std::string mapped_name(const TableSchema& schema, const Column& column) {
  if (!column.mapped.empty()) return column.mapped;
  const bool gone = std::ranges::find(schema.columns, column.name, &Column::mapped) != schema.columns.end();
  return gone ? "" : column.name;
}

ErrorText taken_name(const MirrorTable& table, const Renaming& renaming, const std::string& where, const std::string& renamed) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.table = table.schema.qualified();
  text.message = "column " + quote_identifier(renaming.from) + " of table " + text.table + " is called " +
                 quote_identifier(renaming.to) + " now, and " + where + " has another column of that name";
  text.hint = "run at the target: " + renamed + "; then RESUME MIRROR";
  text.retry = Retry::after_operator;
  return text;
}

}  // namespace peerd
