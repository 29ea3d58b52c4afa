#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "mirror_check.h"
#include "names.h"
#include "peerd/control/control.h"

namespace peerd {
namespace {

/// Options that only say how quickly, in what portions and through what a mirror works, or what it does from now on.
constexpr std::array<std::string_view, 14> kChangeable{
    "max_batch_size", "idle_timeout_seconds", "snapshot_num_rows_per_partition", "snapshot_max_parallel_workers",
    "snapshot_num_tables_in_parallel", "spool", "spool_max_bytes", "wal_budget_bytes", "on_spool_full", "on_table_error", "dropped_columns",
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

class Tables {
 public:
  Tables(MirrorRequest& request, const Ends& ends, const Connectors& connectors)
      : request_(request), ends_(ends), connectors_(connectors) {}

  void drop(const std::string& table) {
    const std::string key = source_key(table);
    const auto same = [&](const TableMapping& mapping) { return source_key(mapping.source) == key; };
    if (std::erase_if(request_.tables, same) > 0) return;
    problems.push_back(not_mapped(request_.tables, table, "removed_tables"));
  }

  void add(const TableMapping& mapping) {
    const std::string key = source_key(mapping.source);
    const auto there = std::ranges::find_if(
        request_.tables, [&](const TableMapping& mapped) { return source_key(mapped.source) == key; });
    if (there == request_.tables.end()) {
      added.push_back(mapping);
      request_.tables.push_back(mapping);
    } else if (!(*there == mapping)) {
      problems.push_back(problem_of(ErrorCode::already_exists, "additional_tables",
                                    "table " + mapping.source + " is mapped already, otherwise: to " + there->target,
                                    "ALTER MIRROR … DROP TABLE " + mapping.source + " first"));
    }
  }

  std::vector<TableMapping> added;
  Problems problems;

 private:
  std::string source_key(const std::string& table) const { return peerd::source_key(ends_, connectors_, table); }
  MirrorRequest& request_;
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

}  // namespace

std::optional<MirrorChange> change_between(const MirrorSpec& there, const MirrorSpec& wanted) {
  if (there.source != wanted.source || there.target != wanted.target) return std::nullopt;
  if (there.query != wanted.query) return std::nullopt;
  MirrorChange change;
  if (!add_options(there.option_table(), there.options, wanted.options, change.set)) return std::nullopt;
  change.add = missing(wanted.tables, there.tables);
  for (const TableMapping& gone : missing(there.tables, wanted.tables)) {
    // A table that is mapped otherwise would have to leave before it can come.
    const auto in_its_place = [&](const TableMapping& mapping) {
      return mapping.source == gone.source || mapping.target == gone.target;
    };
    if (std::ranges::any_of(change.add, in_its_place)) return std::nullopt;
    change.drop.push_back(gone.source);
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
  if (update->add.empty() && update->drop.empty() && update->set.empty()) return Done::was_there;
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
  Tables tables(request, ends, connectors_);
  for (const std::string& table : change.drop) tables.drop(table);
  for (const TableMapping& mapping : change.add) tables.add(mapping);
  const Declared declared = declare_mirror(request, ends, catalog_, connectors_);
  for (const TableMapping& mapping : there.spec.tables) {
    if (std::ranges::find(request.tables, mapping) == request.tables.end()) continue;  // It is dropped.
    if (std::ranges::find(declared.spec.tables, mapping) == declared.spec.tables.end())
      throw Error(ErrorCode::internal, "the mapping of " + mapping.source + " would be read as another one");
  }
  Problems problems = check_changeable(change, there.spec.option_table(), connectors_.of(ends.target->kind).mirror_options);
  append(problems, tables.problems);
  append(problems, declared.problems);
  if (declared.spec == there.spec) {
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
  append(problems, check_let_go(fresh.tables, catalog_.progress(there.id)));
  if (declared.askable && !fresh.tables.empty()) {
    fresh.options.erase("replication_slot_name");  // It is there, and the mirror's own.
    append(problems, check_free(fresh, ends, catalog_.mirrors(), connectors_));
    append(problems, check_cycles(fresh, ends, catalog_, connectors_));
    append(problems, preflight(fresh, ends, connectors_, wait, Lease{there.id, 0, there.uuid}));
  }
  throw_if_any(problems);
  Lock lock(creating_);
  throw_if_any(check_free(declared.spec, ends, catalog_.mirrors(), connectors_));
  const MirrorRecord now = record(name);
  if (now.id != there.id || !(now.spec == there.spec))
    throw Error(ErrorCode::wrong_state, "mirror \"" + there.spec.name + "\" was changed by somebody else meanwhile",
                "try again");
  supervisor_.change(now, declared.spec);
  return Done::done;
}

}  // namespace peerd
