#include "mapping.h"

#include <algorithm>
#include <map>
#include <set>

#include "peerd/base/option_table.h"

namespace peerd {

namespace {

/// Throws invalid_option on what is no name.
std::string key_of(const std::optional<PeerSpec>& peer, std::string_view table, const Connectors& connectors) {
  const Connector* connector = peer ? connectors.find(peer->kind) : nullptr;
  return connector && connector->table_key ? connector->table_key(*peer, table) : std::string(table);
}

std::optional<Problem> bad_name(const std::optional<PeerSpec>& peer, const std::string& field, std::string_view table,
                                const Connectors& connectors) {
  if (table.empty())
    return problem_of(ErrorCode::invalid_option, field, "a table of the mapping has no name", "write source:target");
  try {
    key_of(peer, table, connectors);
    return std::nullopt;
  } catch (const Error& error) {
    Problem problem{error.text, {}};
    problem.text.field = field;
    return problem;
  }
}

/// Peers of different names may lead to one database.
bool same_database(const Ends& ends, const Connectors& connectors) {
  if (!ends.source || !ends.target || ends.source->kind != ends.target->kind) return false;
  if (ends.source->name == ends.target->name) return true;
  const Connector* connector = connectors.find(ends.source->kind);
  if (!connector) return false;
  static const std::set<std::string_view> kWhere = {"host", "port", "database"};
  for (const Option& option : connector->options->options) {
    if (!kWhere.contains(option.name)) continue;
    const OptionTable& table = *connector->options;
    if (option_text(table, ends.source->options, option.name) != option_text(table, ends.target->options, option.name))
      return false;
  }
  return true;
}

/// What the mapping says beyond what `taken` allows: REST's field, and SQL's word of it.
std::vector<std::pair<std::string, std::string>> settings_beyond(const TableMapping& table, MappingSettings taken) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto note = [&](bool set, const std::string& field, const std::string& word) {
    if (set) settings.emplace_back(field, word);
  };
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnSetting& column = table.columns[i];
    const std::string at = "columns[" + std::to_string(i) + "].", of = " of column \"" + column.source + "\"";
    note(taken == MappingSettings::none && !column.target.empty() && column.target != column.source, at + "destination_name", "target" + of);
    note(!column.type.empty(), at + "destination_type", "type" + of);
    note(column.ordering > 0, at + "ordering", "ordering" + of);
    note(column.partitioning > 0, at + "partitioning", "partitioning" + of);
    note(column.nullable.has_value(), at + "nullable_enabled", "nullable" + of);
  }
  note(!table.engine.empty(), "engine", "engine");
  note(!table.partition_by.empty(), "partition_by_expr", "partition_by");
  return settings;
}

/// Settings that the kind of target does not take, columns that are named twice, or left out and set.
Problems check_settings(const TableMapping& table, const std::string& field, const Connector* target) {
  Problems problems;
  if (target != nullptr && target->settings != MappingSettings::all) {
    for (const auto& [name, word] : settings_beyond(table, target->settings)) {
      problems.push_back(problem_of(ErrorCode::not_supported, field + "." + name,
                                    word + " is not offered by mirrors to " + std::string(target->kind) +
                                        ", whose types and tables are as the source's",
                                    "leave it out of the mapping of " + table.source));
    }
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i].source;
    const std::string at = field + ".columns[" + std::to_string(i) + "].source_name", of = "column \"" + column +
        "\" of " + table.source;
    if (!names.insert(column).second)
      problems.push_back(problem_of(ErrorCode::invalid_option, at, of + " is set twice", "say all of it in one place"));
    if (std::ranges::find(table.exclude, column) != table.exclude.end())
      problems.push_back(problem_of(ErrorCode::invalid_option, at, of + " is excluded, and set",
          "leave out one of the two"));
  }
  return problems;
}

}  // namespace

Problem problem_of(ErrorCode code, std::string field, std::string message, std::string hint) {
  Problem problem;
  problem.text.code = code;
  problem.text.field = std::move(field);
  problem.text.message = std::move(message);
  problem.text.hint = std::move(hint);
  return problem;
}

void append(Problems& problems, Problems more) {
  for (Problem& problem : more) problems.push_back(std::move(problem));
}

Problems check_mapping(const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors) {
  Problems problems;
  if (mirror.tables.empty() && mirror.patterns.empty()) {
    problems.push_back(problem_of(ErrorCode::invalid_option, "table_mappings", "the mirror has no tables",
                                  "name at least one: WITH TABLE MAPPING (public.t:public.t)"));
  }
  std::set<std::string> sources, targets;
  const Connector* target_kind = ends.target ? connectors.find(ends.target->kind) : nullptr;
  const bool one_database = same_database(ends, connectors);
  for (std::size_t i = 0; i < mirror.tables.size(); ++i) {
    const TableMapping& table = mirror.tables[i];
    const std::string field = "table_mappings[" + std::to_string(i) + "]";
    const bool sourceless = mirror.of_query() && table.source.empty();
    const auto bad_source = sourceless ? std::nullopt : bad_name(ends.source, mirror.of_query() ? "watermark_table_name" : field, table.source, connectors);
    const auto bad_target = bad_name(ends.target, mirror.of_query() ? "destination_table_name" : field, table.target, connectors);
    append(problems, check_settings(table, field, target_kind));
    constexpr std::string_view kReserved = "_peerd_resync_";
    if (const auto last = table.target.rfind('.'); table.target.substr(last == table.target.npos ? 0 : last + 1).starts_with(kReserved)) {
      problems.push_back(problem_of(ErrorCode::invalid_option, field,
                                    "target table " + table.target + " has a name that peerd keeps for copies of RESYNC",
                                    "choose a name that does not begin with " + std::string(kReserved)));
    }
    if (bad_source) problems.push_back(*bad_source);
    if (bad_target) problems.push_back(*bad_target);
    if (bad_source || bad_target || sourceless) continue;
    const std::string source = key_of(ends.source, table.source, connectors),
                      target = key_of(ends.target, table.target, connectors);
    if (!sources.insert(source).second)
      problems.push_back(problem_of(ErrorCode::invalid_option, field, "duplicate source table " + table.source,
                                    "name each source table once"));
    if (!targets.insert(target).second)
      problems.push_back(problem_of(ErrorCode::invalid_option, field, "duplicate target table " + table.target,
                                    "give each source table a target table of its own"));
    if (one_database && source == target)
      problems.push_back(problem_of(ErrorCode::invalid_option, field,
                                    "table " + table.source + " cannot be mirrored into itself",
                                    "choose another target table, or a peer that leads to another database"));
  }
  return problems;
}

Problems check_free(const MirrorSpec& mirror, const Ends& ends, const std::vector<MirrorRecord>& others,
                    const Connectors& connectors) {
  std::map<std::string, std::string> owners;  // Target table -> mirror.
  for (const MirrorRecord& other : others) {
    if (other.spec.name == mirror.name || other.spec.target != mirror.target) continue;
    for (const TableMapping& table : other.spec.tables)
      owners[key_of(ends.target, table.target, connectors)] = other.spec.name;
  }
  Problems problems;
  for (std::size_t i = 0; i < mirror.tables.size(); ++i) {
    const std::string& target = mirror.tables[i].target;
    const auto owner = owners.find(key_of(ends.target, target, connectors));
    if (owner == owners.end()) continue;
    problems.push_back(problem_of(
        ErrorCode::already_exists, "table_mappings[" + std::to_string(i) + "]",
        "target table " + target + " of peer \"" + mirror.target + "\" belongs to mirror \"" + owner->second + "\"",
        "choose another target table, or drop that mirror first"));
  }
  return problems;
}

namespace {

/// A table of a server, by where its peer leads. "": it cannot be told.
std::string place_of(const std::optional<PeerSpec>& peer, const std::string& table, const Connectors& connectors) {
  const Connector* connector = peer ? connectors.find(peer->kind) : nullptr;
  if (connector == nullptr) return {};
  std::string place(connector->kind);
  for (const std::string_view name : {"host", "port", "database"})
    if (find_option(*connector->options, name)) place += "\n" + option_text(*connector->options, peer->options, name);
  try {
    return place + "\n" + key_of(peer, table, connectors);
  } catch (const Error&) {
    return {};  // The mapping's check says so.
  }
}

}  // namespace

Problems check_cycles(const MirrorSpec& mirror, const Ends& ends, Catalog& catalog, const Connectors& connectors) {
  std::multimap<std::string, std::pair<std::string, std::string>> ways;  // From a table to the mirror and the table that it fills.
  const auto add = [&](const MirrorSpec& spec, const Ends& between) {
    for (const TableMapping& table : spec.tables)
      ways.emplace(place_of(between.source, table.source, connectors), std::pair(spec.name, place_of(between.target, table.target, connectors)));
  };
  std::map<std::string, std::optional<PeerSpec>> peers;  // Each is read and unsealed once, however many mirrors it has.
  const auto peer_of = [&](const std::string& name) {
    const auto known = peers.find(name);
    return known != peers.end() ? known->second : peers.emplace(name, catalog.peer(name)).first->second;
  };
  for (const MirrorRecord& other : catalog.mirrors()) add(other.spec, {peer_of(other.spec.source), peer_of(other.spec.target)});
  add(mirror, ends);
  Problems problems;
  for (std::size_t i = 0; i < mirror.tables.size(); ++i) {
    const std::string from = place_of(ends.source, mirror.tables[i].source, connectors);
    std::set<std::string> seen;
    std::vector<std::string> next{place_of(ends.target, mirror.tables[i].target, connectors)};
    while (!next.empty() && !from.empty()) {
      const std::string at = next.back();
      next.pop_back();
      if (at.empty() || !seen.insert(at).second) continue;
      for (auto [way, end] = ways.equal_range(at); way != end; ++way) {
        next.push_back(way->second.second);
        if (way->second.second != from) continue;
        problems.push_back(problem_of(ErrorCode::not_supported, "table_mappings[" + std::to_string(i) + "]",
                                      "mirror \"" + way->second.first + "\" brings the rows of table " + mirror.tables[i].target +
                                          " to table " + mirror.tables[i].source + ", from where they would come again, for ever",
                                      "mirror in one direction alone: another target table, or drop that mirror first"));
        next.clear();
        break;
      }
    }
  }
  return problems;
}

}  // namespace peerd
