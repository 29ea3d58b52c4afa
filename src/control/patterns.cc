#include "patterns.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "mirror_check.h"
#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::string_view kField = "table_mappings";

/// As the mirror stores it, once it is there.
TableMapping mapping_by(const TableMapping& pattern, const TableName& table, const Connector* to) {
  TableMapping mapping{table.text(), target_by(pattern.target, table), {}};
  if (to != nullptr && !to->table_key) mapping.target = plain_name(mapping.target);
  mapping.by_pattern = true;
  return mapping;
}

bool sound(const TableMapping& pattern) {
  try {
    static_cast<void>(TablePattern(pattern.source)), static_cast<void>(target_by(pattern.target, {"s", "t"}));
    for (const std::string& name : pattern.except) static_cast<void>(TablePattern(name));
    return true;
  } catch (const Error&) {
    return false;  // The check says so.
  }
}

Problems check_pattern(const TableMapping& pattern) {
  Problems problems;
  const auto refuse = [&](ErrorCode code, const std::string& message, const std::string& hint) {
    problems.push_back(problem_of(code, std::string(kField), message, hint));
  };
  const auto attempt = [&](const auto& what) {
    try {
      what();
    } catch (const Error& error) {
      refuse(error.text.code, error.text.message, error.text.hint);
    }
  };
  attempt([&] { static_cast<void>(TablePattern(pattern.source)); });
  attempt([&] { static_cast<void>(target_by(pattern.target, {"s", "t"})); });
  for (const std::string& name : pattern.except) attempt([&] { static_cast<void>(TablePattern(name)); });
  if (!pattern.exclude.empty() || !pattern.columns.empty() || !pattern.engine.empty() || !pattern.partition_by.empty())
    refuse(ErrorCode::not_supported, "pattern " + pattern.source + " says how columns or tables are made, which is for one table each",
           "write a mapping of that table alone beside the pattern: it comes first");
  return problems;
}

/// The patterns that name the table. `touched`: also those that leave it out again.
std::vector<const TableMapping*> naming(const MirrorSpec& mirror, const TableName& table, bool touched) {
  std::vector<const TableMapping*> patterns;
  for (const TableMapping& pattern : mirror.patterns) {
    const Named named = named_by(pattern, table);
    if (named == Named::yes || (touched && named == Named::excepted)) patterns.push_back(&pattern);
  }
  return patterns;
}

Problem named_twice(const TableName& table, const std::vector<const TableMapping*>& patterns) {
  Problem problem = problem_of(ErrorCode::invalid_option, std::string(kField),
                               "table " + table.told() + " is named by two patterns, " + patterns[0]->source + " and " + patterns[1]->source,
                               "leave it out of one, {from: " + patterns[0]->source + ", to: " + patterns[0]->target + ", except: [" +
                                   table.text() + "]}, or write a mapping of its own");
  problem.text.table = table.told();
  return problem;
}

}  // namespace

TableName source_table(const TableMapping& mapping) {
  std::vector<std::string> names;
  try {
    for (const NamePart& part : name_parts(mapping.source)) names.push_back(join(part, "*"));
  } catch (const Error&) {
    return {"", mapping.source};
  }
  if (names.size() == 1) names.insert(names.begin(), "public");
  return {names[0], names[1]};
}

void part_patterns(MirrorSpec& spec, const Connector* to) {
  for (const TableMapping& table : spec.tables)
    if (is_pattern(table.source)) spec.patterns.push_back(table);
  std::erase_if(spec.tables, [](const TableMapping& table) { return is_pattern(table.source); });
  if (!std::ranges::all_of(spec.patterns, sound)) return;
  for (TableMapping& table : spec.tables) {
    table.by_pattern = true;
    const TableName name = source_table(table);
    const auto patterns = naming(spec, name, false);
    table.by_pattern = std::ranges::any_of(patterns, [&](const TableMapping* pattern) { return mapping_by(*pattern, name, to) == table; });
  }
}

Problems check_patterns(const MirrorSpec& mirror) {
  constexpr std::array<std::string_view, 3> kWords{"ask", "add", "ignore"};
  Problems problems;
  const std::string word = mirror.text("new_tables");
  if (std::ranges::find(kWords, word) == kWords.end()) {
    const std::string_view meant = closest(word, kWords);
    problems.push_back(problem_of(ErrorCode::invalid_option, "new_tables", "new_tables is 'ask', 'add' or 'ignore', not '" + word + "'",
                                  meant.empty() ? "leave it out: it is 'ask' then" : "did you mean '" + std::string(meant) + "'?"));
  } else if (mirror.patterns.empty() && word != kWords.front()) {
    problems.push_back(problem_of(ErrorCode::invalid_option, "new_tables", "new_tables = '" + word + "' needs a mapping by pattern, and there is none",
                                  "map by a pattern, such as public.*:public.*; or new_tables = 'ask'"));
  } else if (word == "add" && !mirror.boolean("do_initial_copy")) {
    problems.push_back(problem_of(ErrorCode::not_supported, "new_tables",
                                  "new_tables = 'add' needs copies: rows that a new table has before it is added would be missing",
                                  "do_initial_copy = true; or new_tables = 'ask'"));
  }
  std::set<std::string> sources;
  for (const TableMapping& pattern : mirror.patterns) {
    append(problems, check_pattern(pattern));
    if (!sources.insert(pattern.source).second)
      problems.push_back(problem_of(ErrorCode::invalid_option, std::string(kField), "duplicate pattern " + pattern.source, "name each once"));
  }
  for (const TableMapping& table : mirror.tables) {
    if (table.except.empty()) continue;
    problems.push_back(problem_of(ErrorCode::invalid_option, std::string(kField), "except is for patterns, and " + table.source + " is one table",
                                  "leave it out; exclude is for columns"));
  }
  return problems;
}

Expansion expand(const MirrorSpec& mirror, Source& source, const Connector* to, const Wait& wait) {
  std::vector<TablePattern> patterns;
  for (const TableMapping& pattern : mirror.patterns) patterns.emplace_back(pattern.source);
  std::set<TableName> mapped;
  for (const TableMapping& table : mirror.tables) mapped.insert(source_table(table));
  const auto is_ours = [&](const TableName& whole) { return mapped.contains(whole) || !naming(mirror, whole, true).empty(); };
  Expansion expansion;
  std::set<const TableMapping*> used;
  for (const NamedTable& table : source.tables_like(patterns, std::vector<TableName>(mapped.begin(), mapped.end()), wait)) {
    const auto by = naming(mirror, table.name, false);
    used.insert(by.begin(), by.end());
    if (by.empty() || mapped.contains(table.name)) continue;
    if (std::ranges::any_of(table.wholes, is_ours)) continue;  // Its rows are the whole's, or are to be left out with it.
    if (by.size() > 1) expansion.problems.push_back(named_twice(table.name, by));
    else expansion.found.push_back({mapping_by(*by.front(), table.name, to), table.mark});
  }
  for (const TableMapping& pattern : mirror.patterns)
    if (!used.contains(&pattern)) expansion.unmatched.push_back(pattern.source);
  return expansion;
}

Problems take_found(MirrorSpec& mirror, const Expansion& expansion, const std::vector<TableMapping>& known) {
  Problems problems = expansion.problems;
  for (const std::string& pattern : expansion.unmatched) {
    if (std::ranges::find(known, pattern, &TableMapping::source) != known.end()) continue;
    problems.push_back(problem_of(ErrorCode::not_found, std::string(kField), "pattern " + pattern + " names no table at the source",
                                  "upper and lower case count; tables of extensions, temporary ones, views and foreign tables are not named by patterns"));
  }
  for (const Expansion::Found& found : expansion.found) mirror.tables.push_back(found.mapping);
  return problems;
}

void tell_except(Problems& problems, const MirrorSpec& mirror) {
  std::map<std::string, const TableMapping*> brought;
  for (const TableMapping& table : mirror.tables)
    if (table.by_pattern) brought.emplace(source_table(table).told(), &table);
  for (Problem& problem : problems) {
    const auto found = brought.find(problem.text.table);
    if (found == brought.end() || problem.text.hint.find("except") != std::string::npos) continue;
    const auto patterns = naming(mirror, source_table(*found->second), false);
    if (patterns.empty()) continue;
    problem.text.hint += (problem.text.hint.empty() ? "" : "; ") + ("or leave it out: {from: " + patterns.front()->source + ", to: " +
                         patterns.front()->target + ", except: [" + found->second->source + "]}");
  }
}

}  // namespace peerd
