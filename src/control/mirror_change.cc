#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "mirror_check.h"
#include "names.h"
#include "patterns.h"
#include "peerd/control/control.h"

namespace peerd {
namespace {

/// Options that only say how quickly, in what portions and through what a mirror works, or what it does from now on.
constexpr std::array<std::string_view, 15> kChangeable{
    "max_batch_size", "idle_timeout_seconds", "snapshot_num_rows_per_partition", "snapshot_max_parallel_workers",
    "snapshot_num_tables_in_parallel", "spool", "spool_max_bytes", "wal_budget_bytes", "on_spool_full", "on_table_error", "dropped_columns",
    "new_tables",
    "num_rows_per_partition",
    "parallelism", "refresh_interval"};

/// The mirror as it would be asked for anew.
MirrorRequest request_of(const MirrorSpec& mirror, const MirrorChange& change) {
  MirrorRequest request{mirror.name, mirror.source, mirror.target, mirror.tables, {}};
  if (mirror.of_query()) request.query = mirror.query;
  for (const auto& [name, value] : mirror.options) request.options[name] = {RawOption::Kind::text, value};
  for (const auto& [name, value] : change.set) {
    const Option* option = find_option(mirror.option_table(), name);
    request.options[option && !option->alias_of.empty() ? std::string(option->alias_of) : name] = value;
  }
  return request;
}

bool is_changeable(const Option& option) {
  const std::string_view plain = option.alias_of.empty() ? option.name : option.alias_of;
  return std::ranges::find(kChangeable, plain) != kChangeable.end();
}

/// `more`: the options of mirrors to that kind of target.
Problems check_changeable(const MirrorChange& change, const OptionTable& options, const OptionTable* more) {
  Problems problems;
  for (const auto& [name, value] : change.set) {
    const Option* option = find_option(options, name);
    if (!option && more) option = find_option(*more, name);
    if (!option) continue;  // There is none: the check of all options says so.
    if (is_changeable(*option)) continue;
    problems.push_back(problem_of(ErrorCode::not_supported, name,
                                  "\"" + name + "\" cannot change while the mirror is there",
                                  "DROP MIRROR and CREATE MIRROR with another value"));
  }
  return problems;
}

/// The mirror's tables and patterns, as they are changed one by one.
class Tables {
 public:
  /// `waiting`: tables that patterns name and that are not mapped.
  Tables(MirrorRequest& request, std::vector<TableMapping> patterns_there, std::vector<NewTable> waiting, const Ends& ends,
         const Connectors& connectors)
      : patterns(std::move(patterns_there)), request_(request), waiting_(std::move(waiting)), ends_(ends), connectors_(connectors) {}

  void replace_patterns(const std::vector<TableMapping>& wanted) {
    patterns = wanted;
    // They come again by what the patterns name now.
    std::erase_if(request_.tables, [&](const TableMapping& mapping) {
      return mapping.by_pattern && std::ranges::none_of(patterns, [&](const TableMapping& pattern) { return names(pattern, mapping.source); });
    });
  }

  void drop(const std::string& table) {
    if (is_pattern(table)) return drop_pattern(table);
    const std::string key = source_key(table);
    const auto same = [&](const TableMapping& mapping) { return source_key(mapping.source) == key; };
    const bool mapped = std::erase_if(request_.tables, same) > 0;
    const auto waits = [&](const NewTable& waiting) { return source_key(waiting.source) == key; };
    if (mapped || std::ranges::any_of(waiting_, waits)) return leave_out(table);
    problems.push_back(not_mapped(request_.tables, table, "removed_tables"));
  }

  void add(const TableMapping& mapping) {
    if (is_pattern(mapping.source)) return add_pattern(mapping);
    const std::string key = source_key(mapping.source);
    const auto there = std::ranges::find_if(
        request_.tables, [&](const TableMapping& mapped) { return source_key(mapped.source) == key; });
    if (there == request_.tables.end()) {
      take_back(mapping.source);
      added.push_back(mapping);
      request_.tables.push_back(mapping);
      return;
    }
    TableMapping mapped = *there;
    mapped.by_pattern = mapping.by_pattern;
    if (mapped == mapping) return;
    problems.push_back(problem_of(ErrorCode::already_exists, "additional_tables",
                                  "table " + mapping.source + " is mapped already, otherwise: to " + there->target,
                                  "ALTER MIRROR … DROP TABLE " + mapping.source + " first"));
  }

  std::vector<TableMapping> added, patterns;
  Problems problems;

 private:
  std::string source_key(const std::string& table) const { return peerd::source_key(ends_, connectors_, table); }

  static bool names(const TableMapping& pattern, const std::string& table) {
    return named_by(pattern, source_table({table, "", {}})) == Named::yes;
  }
  /// Of the patterns that name it, for good: what an operator has taken out does not come back by itself.
  void leave_out(const std::string& table) {
    for (TableMapping& pattern : patterns)
      if (names(pattern, table)) pattern.except.push_back(source_table({table, "", {}}).text());
  }
  /// Who adds it by name wants it.
  void take_back(const std::string& table) {
    const TableName name = source_table({table, "", {}});
    for (TableMapping& pattern : patterns)
      std::erase_if(pattern.except, [&](const std::string& left) { return !is_pattern(left) && source_table({left, "", {}}) == name; });
  }
  void drop_pattern(const std::string& source) {
    const auto pattern = std::ranges::find(patterns, source, &TableMapping::source);
    if (pattern == patterns.end()) {
      problems.push_back(not_mapped(patterns, source, "removed_tables"));
      return;
    }
    std::erase_if(request_.tables, [&](const TableMapping& mapping) { return mapping.by_pattern && names(*pattern, mapping.source); });
    patterns.erase(pattern);
  }
  void add_pattern(const TableMapping& mapping) {
    const auto there = std::ranges::find(patterns, mapping.source, &TableMapping::source);
    if (there == patterns.end()) {
      patterns.push_back(mapping);
    } else if (!(*there == mapping)) {
      problems.push_back(problem_of(ErrorCode::already_exists, "additional_tables", "pattern " + mapping.source + " is there already, otherwise",
                                    "ALTER MIRROR … DROP TABLE " + mapping.source + " first, which takes its tables out"));
    }
  }

  MirrorRequest& request_;
  const std::vector<NewTable> waiting_;
  const Ends& ends_;
  const Connectors& connectors_;
};

/// A table that was dropped from the mirror a moment ago has still to be let go.
Problems check_let_go(const std::vector<TableMapping>& added, const MirrorProgress& progress) {
  Problems problems;
  for (const TableMapping& mapping : added) {
    const auto still = std::ranges::find(progress.tables, mapping.target, &MirrorTable::target_name);
    if (still == progress.tables.end()) continue;
    problems.push_back(problem_of(ErrorCode::wrong_state, "additional_tables",
                                  "target table " + mapping.target + " is still being taken out of the mirror",
                                  "wait for it, or RESUME MIRROR when it is paused or failed, then add it again"));
  }
  return problems;
}

/// What stays must mean what it meant: a mapping is read as another one where an earlier peerd has stored it otherwise.
void require_read_alike(const MirrorSpec& there, const MirrorRequest& request, const Ends& ends, Catalog& catalog, const Connectors& connectors) {
  const Declared plain = declare_mirror(request, ends, catalog, connectors);
  for (const TableMapping& mapping : there.tables) {
    if (std::ranges::find(request.tables, mapping) == request.tables.end()) continue;  // It is dropped.
    const auto same = [&](TableMapping read) {
      read.by_pattern = mapping.by_pattern;
      return read == mapping;
    };
    if (std::ranges::none_of(plain.spec.tables, same))
      throw Error(ErrorCode::internal, "the mapping of " + mapping.source + " would be read as another one");
  }
}

/// How a table came stays known.
/// One that an operator adds by name is his from then on.
void keep_marks(const MirrorSpec& there, const std::vector<TableMapping>& named, MirrorSpec& into) {
  for (TableMapping& mapping : into.tables) {
    const auto before = std::ranges::find(there.tables, mapping.source, &TableMapping::source);
    const auto is_it = [&](const TableMapping& one) { return source_table(one) == source_table(mapping); };
    if (before != there.tables.end()) mapping.came_later = before->came_later && std::ranges::none_of(named, is_it);
  }
}

/// One that was not there, or that leaves less out.
bool brings_patterns(const MirrorSpec& there, const MirrorSpec& wanted) {
  return std::ranges::any_of(wanted.patterns, [&](const TableMapping& pattern) {
    const auto before = std::ranges::find(there.patterns, pattern.source, &TableMapping::source);
    if (before == there.patterns.end()) return true;
    return !std::ranges::all_of(before->except, [&](const std::string& left) {
      if (std::ranges::find(pattern.except, left) != pattern.except.end()) return true;
      const TableName name = source_table({left, "", {}});
      return !is_pattern(left) && std::ranges::any_of(wanted.tables, [&](const TableMapping& table) { return source_table(table) == name; });
    });
  });
}

/// Those of `tables` that `in` does not have just so.
std::vector<TableMapping> missing(const std::vector<TableMapping>& tables, const std::vector<TableMapping>& in) {
  std::vector<TableMapping> found;
  std::ranges::copy_if(tables, std::back_inserter(found),
                       [&](const TableMapping& mapping) { return std::ranges::find(in, mapping) == in.end(); });
  return found;
}

/// False: one of the options that differ stays what it is.
bool add_options(const OptionTable& table, const Options& there, const Options& wanted, RawOptions& set) {
  std::set<std::string> names;
  for (const Options* options : {&there, &wanted})
    for (const auto& [name, value] : *options) names.insert(name);
  for (const std::string& name : names) {
    const auto before = there.find(name), after = wanted.find(name);
    const Option* const option = find_option(table, name);
    if (option == nullptr) {  // Of mirrors to one kind of target.
      if (before == there.end() || after == wanted.end() || before->second != after->second) return false;
      continue;
    }
    const std::string text = option_text(table, wanted, option->name);
    if (option_text(table, there, option->name) == text) continue;
    if (!is_changeable(*option)) return false;
    set[std::string(option->name)] = {RawOption::Kind::text, text};
  }
  return true;
}

/// Whether patterns can become others while the mirror lives: what one of the same name brings goes where it went.
bool can_become(const std::vector<TableMapping>& there, const std::vector<TableMapping>& wanted) {
  for (const TableMapping& before : there)
    for (const TableMapping& after : wanted)
      if (before.source == after.source && before.target != after.target) return false;
  return true;
}

}  // namespace

std::optional<MirrorChange> change_between(const MirrorSpec& there, const MirrorSpec& wanted) {
  if (there.source != wanted.source || there.target != wanted.target) return std::nullopt;
  if (there.query != wanted.query) return std::nullopt;
  MirrorChange change;
  if (!add_options(there.option_table(), there.options, wanted.options, change.set)) return std::nullopt;
  change.add = missing(wanted.tables, there.tables);
  if (there.patterns != wanted.patterns) {
    if (!can_become(there.patterns, wanted.patterns)) return std::nullopt;
    change.patterns = wanted.patterns;
  }
  for (const TableMapping& gone : missing(there.tables, wanted.tables)) {
    // A table that is mapped otherwise would have to leave before it can come.
    const auto in_its_place = [&](const TableMapping& mapping) {
      return mapping.source == gone.source || mapping.target == gone.target;
    };
    if (std::ranges::any_of(change.add, in_its_place)) return std::nullopt;
    if (!gone.by_pattern) change.drop.push_back(gone.source);  // What patterns bring is not declared.
  }
  return change;
}

Done MirrorControl::replace(const MirrorRequest& request, const Wait& wait) {
  const std::optional<MirrorRecord> there = catalog_.mirror(request.name);
  const bool goes = there && (there->state == MirrorState::terminating || there->state == MirrorState::terminated);
  if (!there || goes) return create(request, IfExists::no, wait);
  const Ends ends{catalog_.peer(request.source), catalog_.peer(request.target)};
  const Declared declared = declare_mirror(request, ends, catalog_, connectors_);
  throw_if_any(declared.problems);
  const std::optional<MirrorChange> update = change_between(there->spec, declared.spec);
  // What differs is told there.
  if (!update) return create(request, IfExists::no, wait);
  if (update->add.empty() && update->drop.empty() && update->set.empty() && !update->patterns) return Done::was_there;
  return change(request.name, *update, IfExists::no, wait);
}

Done MirrorControl::change(std::string_view name, const MirrorChange& change, IfExists if_exists, const Wait& wait) {
  if (if_exists == IfExists::yes && !catalog_.mirror(name)) return Done::was_absent;
  const MirrorRecord there = record(name);
  const Ends ends{catalog_.peer(there.spec.source), catalog_.peer(there.spec.target)};
  if (!ends.source || !ends.target)
    throw Error(ErrorCode::not_found, "a peer of mirror \"" + there.spec.name + "\" is gone");
  if (there.spec.of_query() && (!change.add.empty() || !change.drop.empty()))
    throw Error(problem_of(ErrorCode::not_supported, "additional_tables", "mirror \"" + there.spec.name + "\" is one of a query, and has no tables to add or drop",
                           "ALTER MIRROR … SET takes num_rows_per_partition, parallelism and refresh_interval").text);
  MirrorRequest request = request_of(there.spec, change);
  Tables tables(request, there.spec.patterns, status_of(there).new_tables, ends, connectors_);
  if (change.patterns) tables.replace_patterns(*change.patterns);
  for (const std::string& table : change.drop) tables.drop(table);
  for (const TableMapping& mapping : change.add) tables.add(mapping);
  require_read_alike(there.spec, request, ends, catalog_, connectors_);
  request.tables.insert(request.tables.end(), tables.patterns.begin(), tables.patterns.end());
  Declared declared = declare_mirror(request, ends, catalog_, connectors_);
  keep_marks(there.spec, change.add, declared.spec);
  const bool patterns_come = brings_patterns(there.spec, declared.spec);
  if (patterns_come && declared.askable && tables.problems.empty()) {
    const std::size_t before = declared.spec.tables.size();
    append(declared.problems, take_named(declared.spec, ends, connectors_, there.spec.patterns, wait, Lease{there.id, 0, there.uuid}));
    tables.added.insert(tables.added.end(), declared.spec.tables.begin() + static_cast<std::ptrdiff_t>(before), declared.spec.tables.end());
  }
  Problems problems = check_changeable(change, there.spec.option_table(), connectors_.of(ends.target->kind).mirror_options);
  append(problems, tables.problems);
  append(problems, declared.problems);
  const auto marked_alike = [](const TableMapping& a, const TableMapping& b) { return a.came_later == b.came_later; };
  if (declared.spec == there.spec && std::ranges::equal(declared.spec.tables, there.spec.tables, marked_alike)) {
    throw_if_any(problems);
    return Done::was_there;
  }
  const bool pauses = there.state == MirrorState::paused || there.state == MirrorState::pausing;
  if (there.receives && pauses && !declared.spec.of_query() && declared.spec.text("spool") == "off")
    problems.push_back(problem_of(ErrorCode::wrong_state, "spool",
                                  "mirror \"" + there.spec.name + "\" is paused and receives into its spool",
                                  "RESUME MIRROR " + there.spec.name + ", or PAUSE MIRROR " + there.spec.name +
                                      " without receive, then turn the spool off"));
  // The target's name as it is stored, without what only SQL's quotes say.
  MirrorSpec fresh = declared.spec;
  std::erase_if(fresh.tables, [&](const TableMapping& mapping) {
    return std::ranges::find(tables.added, mapping.source, &TableMapping::source) == tables.added.end();
  });
  if (problems.empty() || declared.askable) append(problems, check_added(there, fresh, ends, declared.askable, wait));
  throw_if_any(problems);
  store_change(there, declared.spec, ends);
  return Done::done;
}

/// What stands against more tables: `fresh` has these alone.
Problems MirrorControl::check_added(const MirrorRecord& there, MirrorSpec fresh, const Ends& ends, bool askable, const Wait& wait) {
  Problems problems = check_let_go(fresh.tables, catalog_.progress(there.id));
  if (!askable || fresh.tables.empty()) return problems;
  fresh.options.erase("replication_slot_name");  // It is there, and the mirror's own.
  append(problems, check_free(fresh, ends, catalog_.mirrors(), connectors_));
  append(problems, check_cycles(fresh, ends, catalog_, connectors_));
  append(problems, preflight(fresh, ends, connectors_, wait, Lease{there.id, 0, there.uuid}));
  tell_except(problems, fresh);
  return problems;
}

void MirrorControl::store_change(const MirrorRecord& there, const MirrorSpec& spec, const Ends& ends) {
  Lock lock(creating_);
  throw_if_any(check_free(spec, ends, catalog_.mirrors(), connectors_));
  const MirrorRecord now = record(there.spec.name);
  if (now.id != there.id || !(now.spec == there.spec))
    throw Error(ErrorCode::wrong_state, "mirror \"" + there.spec.name + "\" was changed by somebody else meanwhile",
                "try again");
  supervisor_.change(now, spec);
}

}  // namespace peerd
