#include "mirror_check.h"

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

#include "names.h"
#include "patterns.h"
#include "query_check.h"
#include "peerd/base/problems_error.h"
#include "peerd/base/text.h"
#include "peerd/specs/peerdb_options.h"

namespace peerd {

namespace {

std::vector<std::string> peer_names(Catalog& catalog) {
  std::vector<std::string> names;
  for (const PeerSpec& peer : catalog.peers()) names.push_back(peer.name);
  return names;
}

/// That the peer exists and that its kind can be this end. `field` is REST's name of it.
Problems check_end(const std::optional<PeerSpec>& peer, const std::string& name, const std::string& end,
                   const std::string& field, bool can, Catalog& catalog) {
  if (!peer) {
    Problem problem{no_such("peer", name, peer_names(catalog)).text, {}};
    problem.text.field = field;
    return {problem};
  }
  if (can) return {};
  return {problem_of(ErrorCode::not_supported, field, "a " + peer->kind + " peer cannot be a " + end,
                     "peer \"" + name + "\" can only stand on the other side: FROM <source> TO <target>")};
}

/// The columns that peerd adds at a target need names that are told apart there, whatever it makes of letters' case.
Problems check_own_columns(const Options& options) {
  const auto name = [&](const char* option) { return to_lower(option_text(mirror_options(), options, option)); };
  const std::string deleted = name("soft_delete_col_name");
  if (deleted.empty() || deleted != name("synced_at_col_name")) return {};
  return {problem_of(ErrorCode::invalid_option, "synced_at_col_name",
                     "soft_delete_col_name and synced_at_col_name name the same column",
                     "give the two columns different names")};
}

/// Between two Postgres servers PeerDB's system PG is what peerd does: types stay what they are.
bool is_native_system(const RawOptions& raw, const Connector* to) {
  const auto system = raw.find("system");
  return system != raw.end() && to_lower(system->second.text) == "pg" && to && to->kind == "POSTGRES";
}

/// `all`: the words as the message lists them; the first is the default.
Problems check_word(const Options& options, const std::string& option, std::span<const std::string_view> words, const std::string& all) {
  const std::string word = option_text(mirror_options(), options, option);
  if (std::ranges::find(words, word) != words.end()) return {};
  const std::string_view meant = closest(word, words);
  return {problem_of(ErrorCode::invalid_option, option, option + " is " + all + ", not '" + word + "'",
                     meant.empty() ? "leave it out: it is '" + std::string(words.front()) + "' then"
                                   : "did you mean '" + std::string(meant) + "'?")};
}

Problems check_spool(const Options& options) {
  constexpr std::array<std::string_view, 3> kSpool{"off", "when_needed", "always"};
  constexpr std::array<std::string_view, 2> kFull{"wait", "drop_slot"};
  Problems problems = check_word(options, "spool", kSpool, "'off', 'when_needed' or 'always'");
  append(problems, check_word(options, "on_spool_full", kFull, "'wait' or 'drop_slot'"));
  if (problems.empty() && option_text(mirror_options(), options, "spool") == "off" &&
      option_text(mirror_options(), options, "on_spool_full") == "drop_slot")
    problems.push_back(problem_of(ErrorCode::invalid_option, "on_spool_full", "on_spool_full = 'drop_slot' needs a spool, and spool = 'off'",
                                  "spool = 'when_needed' or 'always'; or on_spool_full = 'wait'"));
  return problems;
}

Problems check_table_error(const Options& options) {
  constexpr std::array<std::string_view, 2> kWords{"stop", "park"};
  return check_word(options, "on_table_error", kWords, "'stop' or 'park'");
}

/// What was sent to a topic stays there, whatever columns it has.
Problems check_dropped_columns(const Options& options, const Connector* to) {
  constexpr std::array<std::string_view, 2> kWords{"keep", "drop"};
  Problems problems = check_word(options, "dropped_columns", kWords, "'keep' or 'drop'");
  if (problems.empty() && to && to->kind == "KAFKA" && option_text(mirror_options(), options, "dropped_columns") == "drop")
    problems.push_back(problem_of(ErrorCode::invalid_option, "dropped_columns",
                                  "dropped_columns = 'drop' needs a target whose columns can be dropped, and this mirror goes to KAFKA",
                                  "leave it out: messages come without a dropped column anyway, and those of before stay as they were sent"));
  return problems;
}

/// By the common table and that of the target's kind; an option of another kind is told as such.
Problems check_mirror_options(RawOptions raw, const MirrorSpec& spec, const Connector* to, const Connectors& connectors, Options& options) {
  std::vector<Option> all(spec.option_table().options.begin(), spec.option_table().options.end());
  if (to && to->mirror_options) all.insert(all.end(), to->mirror_options->options.begin(), to->mirror_options->options.end());
  const OptionTable table{spec.option_table().what, all};
  if (is_native_system(raw, to)) raw.erase("system");
  Problems problems = take_peerdb_options(table, spec.of_query() ? peerdb_query_options() : peerdb_mirror_options(), raw);
  for (const Connector& other : connectors.all()) {
    if (!to || &other == to || !other.mirror_options) continue;
    std::erase_if(raw, [&](const auto& entry) {
      const std::string& name = entry.first;
      if (find_option(table, name) || !find_option(*other.mirror_options, name)) return false;
      problems.push_back(problem_of(ErrorCode::invalid_option, name,
                                    "option \"" + name + "\" belongs to mirrors to " + std::string(other.kind) +
                                        ", this one goes to " + std::string(to->kind),
                                    "leave " + name + " out"));
      return true;
    });
  }
  append(problems, check_options(table, raw, options));
  if (spec.of_query()) return problems;
  append(problems, check_own_columns(options));
  append(problems, check_spool(options));
  append(problems, check_table_error(options));
  append(problems, check_dropped_columns(options, to));
  return problems;
}

}  // namespace

std::string plain_name(const std::string& name) {
  std::string plain;
  for (std::size_t at = 0; at < name.size();) {
    if (name[at] != '"') {
      const std::size_t dot = std::min(name.find('.', at), name.size());
      if (name.find('"', at) < dot) return name;
      plain += name.substr(at, dot - at);
      at = dot;
    } else {
      for (++at;; ++at) {
        if (at >= name.size()) return name;
        if (name[at] == '"' && name.substr(at, 2) != "\"\"") break;
        if (name[at] == '"') ++at;
        plain += name[at];
      }
      ++at;
    }
    if (at < name.size() && name[at] != '.') return name;
    if (at < name.size()) plain += name[at++];
  }
  return plain;
}

namespace {

void append(Problems& problems, const Error& error) {
  const auto* many = dynamic_cast<const ProblemsError*>(&error);
  if (many) append(problems, Problems(many->problems));
  if (!many) problems.push_back({error.text, {}});
}

/// By another address the target may be the source's own database: what is written there would come in the stream again, for ever.
template <typename AnySource>
void check_apart(AnySource& source, Target& target, const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors,
                 const Wait& wait, Problems& problems) {
  const Connector* const connector = ends.source->kind == ends.target->kind ? connectors.find(ends.source->kind) : nullptr;
  if (connector == nullptr || !connector->table_key || !problems.empty()) return;
  const auto facts = target.identity(wait).facts;
  const SourceIdentity identity = source.identity(wait);
  const auto is = [&](const char* fact, const std::string& value) { return facts.contains(fact) && facts.at(fact) == value; };
  if (!is("system identifier", std::to_string(identity.system_identifier)) || !is("database oid", std::to_string(identity.database_oid))) return;
  for (std::size_t i = 0; i < mirror.tables.size(); ++i) {
    const TableMapping& table = mirror.tables[i];
    if (table.source.empty() || connector->table_key(*ends.source, table.source) != connector->table_key(*ends.target, table.target)) continue;
    problems.push_back(problem_of(ErrorCode::invalid_option, "table_mappings[" + std::to_string(i) + "]",
                                  "table " + table.source + " cannot be mirrored into itself: peers \"" + mirror.source + "\" and \"" +
                                      mirror.target + "\" lead to one database",
                                  "choose another target table, or a peer that leads to another database"));
  }
}

}  // namespace

Declared declare_mirror(const MirrorRequest& request, const Ends& ends, Catalog& catalog, const Connectors& connectors) {
  Declared declared{{request.name, request.source, request.target, request.tables, {}}, {}, true};
  MirrorSpec& spec = declared.spec;
  Problems& problems = declared.problems;
  if (request.query) spec.query = request.query->empty() ? " " : *request.query;
  const Connector* from = ends.source ? connectors.find(ends.source->kind) : nullptr;
  const Connector* to = ends.target ? connectors.find(ends.target->kind) : nullptr;
  if (to && !to->table_key && !spec.of_query()) {
    for (TableMapping& table : spec.tables)
      if (!is_pattern(table.source)) table.target = plain_name(table.target);
  }
  if (!spec.of_query()) part_patterns(spec, to);
  for (TableMapping& table : spec.tables)
    if (to && !to->engine.empty() && to_lower(table.engine) == to_lower(to->engine)) table.engine.clear();
  problems = check_name("mirror", request.name);
  append(problems, check_end(ends.source, request.source, "source", "source_name",
                             from && (spec.of_query() ? static_cast<bool>(from->query_source) : static_cast<bool>(from->source)), catalog));
  append(problems, check_end(ends.target, request.target, "target", "destination_name", to && to->target, catalog));
  append(problems, check_mirror_options(request.options, spec, to, connectors, spec.options));
  if (spec.of_query()) declare_query(declared, to);
  const bool clear = !spec.of_query() || problems.empty();
  Problems mapping = check_mapping(spec, ends, connectors);
  if (!spec.of_query()) append(mapping, check_patterns(spec));
  declared.askable = clear && mapping.empty() && from && from->source && to && to->target;
  append(problems, mapping);
  return declared;
}

namespace {

/// Of both ends, which are asked in one way each whatever the mirror copies.
template <typename AnySource>
Problems ask_ends(AnySource& source, Target& target, const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors,
                  const Wait& wait) {
  Problems problems;
  std::vector<MirrorTable> tables;
  try {
    problems = source.preflight(wait);
    if constexpr (std::is_base_of_v<QuerySource, AnySource>) tables.push_back(source.describe(wait));
    else tables = source.describe(wait);
  } catch (const Error& error) {
    // describe() stumbles over what preflight() has told already, and says less.
    if (problems.empty()) append(problems, error);
  }
  try {
    append(problems, target.preflight(tables, wait));
    check_apart(source, target, mirror, ends, connectors, wait, problems);
  } catch (const Error& error) {
    append(problems, error);
  }
  return problems;
}

}  // namespace

Problems preflight(const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors, const Wait& wait,
                   const Lease& there) {
  if (mirror.of_query()) {
    const auto query = connectors.of(ends.source->kind).query_source(*ends.source, mirror, there);
    const auto to = connectors.of(ends.target->kind).target(*ends.target, mirror, Lease{});
    return ask_ends(*query, *to, mirror, ends, connectors, wait);
  }
  const auto source = connectors.of(ends.source->kind).source(*ends.source, mirror, there);
  const auto target = connectors.of(ends.target->kind).target(*ends.target, mirror, Lease{});
  return ask_ends(*source, *target, mirror, ends, connectors, wait);
}

std::string source_key(const Ends& ends, const Connectors& connectors, const std::string& table) {
  const Connector* connector = connectors.find(ends.source->kind);
  try {
    return connector && connector->table_key ? connector->table_key(*ends.source, table) : table;
  } catch (const Error&) {
    return table;  // The mapping's check says so.
  }
}

Problem not_mapped(const std::vector<TableMapping>& tables, const std::string& table, const std::string& field) {
  std::vector<std::string_view> names;
  for (const TableMapping& mapping : tables) names.push_back(mapping.source);
  const std::string_view meant = closest(table, names);
  return problem_of(ErrorCode::invalid_option, field, "table " + table + " is not one of the mirror's",
                    meant.empty() ? "SELECT source FROM mirror_tables lists them" : "did you mean " + std::string(meant) + "?");
}

Problems take_named(MirrorSpec& spec, const Ends& ends, const Connectors& connectors, const std::vector<TableMapping>& known,
                    const Wait& wait, const Lease& there) {
  if (spec.patterns.empty()) return {};
  Problems problems;
  try {
    const auto source = connectors.of(ends.source->kind).source(*ends.source, spec, there);
    problems = take_found(spec, expand(spec, *source, connectors.find(ends.target->kind), wait), known);
  } catch (const Error& error) {
    append(problems, error);
  }
  // Names that clash show only now.
  if (problems.empty()) append(problems, check_mapping(spec, ends, connectors));
  return problems;
}

void check_mirror(Declared& declared, const Ends& ends, Catalog& catalog, const Connectors& connectors, const Wait& wait) {
  Problems problems = declared.problems;
  if (declared.askable) append(problems, take_named(declared.spec, ends, connectors, {}, wait, {}));
  if (declared.askable && problems.size() == declared.problems.size()) {
    append(problems, check_free(declared.spec, ends, catalog.mirrors(), connectors));
    append(problems, check_cycles(declared.spec, ends, catalog, connectors));
    append(problems, preflight(declared.spec, ends, connectors, wait));
    tell_except(problems, declared.spec);
  }
  throw_if_any(problems);
}

}  // namespace peerd
