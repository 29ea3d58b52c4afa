#include <algorithm>

#include "names.h"
#include "peer_declared.h"
#include "peer_move.h"
#include "peerd/base/error.h"
#include "peerd/control/control.h"

namespace peerd {

namespace {

constexpr std::chrono::seconds kConnect{15};

std::chrono::milliseconds patience(const Connector& connector, const PeerSpec& spec) {
  constexpr std::string_view kOption = "connect_timeout";
  const auto options = connector.options->options;
  if (std::none_of(options.begin(), options.end(), [&](const Option& option) { return option.name == kOption; }))
    return kConnect;
  const std::int64_t seconds = option_integer(*connector.options, spec.options, kOption);
  return seconds > 0 ? std::chrono::seconds(seconds) : kConnect;
}

void check_reach(const Connectors& connectors, const PeerSpec& spec, const Wait& wait) {
  const Connector& connector = connectors.of(spec.kind);
  throw_if_any(connector.session(spec)->check(wait.shorter(patience(connector, spec))));
}

std::vector<std::string> names_of(const std::vector<PeerSpec>& peers) {
  std::vector<std::string> names;
  for (const PeerSpec& peer : peers) names.push_back(peer.name);
  return names;
}

}  // namespace

Done PeerControl::create(std::string_view name, std::string_view kind, const RawOptions& options, Replace replace,
                         IfExists if_not_exists, Check check, const Wait& wait) {
  const PeerSpec spec = declare_peer(connectors_, name, kind, options);
  const bool there = catalog_.peer(name).has_value();
  if (there && if_not_exists == IfExists::yes && replace == Replace::no) return Done::was_there;
  // What exists is compared before anything is connected to: a repeated statement works while the server is down.
  const bool compare_only = there && replace == Replace::no;
  if (!compare_only && check == Check::yes) check_reach(connectors_, spec, wait);
  // Also without `check`: a mirror that goes on with another server is worse than one that waits for its own.
  if (there && replace == Replace::yes) check_replacement(spec, catalog_, connectors_, wait);
  return catalog_.put_peer(spec, replace) == Catalog::Put::unchanged ? Done::was_there : Done::done;
}

Done PeerControl::alter(std::string_view name, const RawOptions& set, const std::vector<std::string>& reset,
                        IfExists if_exists, const Wait& wait) {
  const std::optional<PeerSpec> there = catalog_.peer(name);
  if (!there && if_exists == IfExists::yes) return Done::was_absent;
  if (!there) throw no_such("peer", name, names_of(catalog_.peers()));
  const OptionTable& table = *connectors_.of(there->kind).options;
  RawOptions options;
  for (const auto& [option, value] : there->options) options[option] = {RawOption::Kind::text, value};
  const auto forget = [&](const std::string& spelled) {
    const Option* option = find_option(table, spelled);
    if (!option && is_group(table, spelled)) {
      std::erase_if(options, [&](const auto& entry) { return entry.first.starts_with(spelled + "."); });
      return true;
    }
    if (!option) return false;
    const bool prefix = option->name.ends_with('.');
    options.erase(prefix ? spelled : std::string(option->alias_of.empty() ? option->name : option->alias_of));
    return true;
  };
  for (const std::string& option : reset) {
    if (forget(option)) continue;
    Options none;
    Problems problems = check_options(table, {{option, RawOption{RawOption::Kind::text, ""}}}, none);
    std::erase_if(problems, [&](const Problem& problem) { return problem.text.field != option; });
    throw_if_any(problems);  // Says what was meant.
  }
  for (const auto& [option, value] : set) {
    forget(option);
    options[option] = value;
  }
  return create(name, there->kind, options, Replace::yes, IfExists::no, Check::yes, wait);
}

void PeerControl::validate(std::string_view name, std::string_view kind, const RawOptions& options, const Wait& wait) {
  check_reach(connectors_, declare_peer(connectors_, name, kind, options), wait);
}

Done PeerControl::drop(std::string_view name, IfExists if_exists) {
  try {
    catalog_.drop_peer(name);
    return Done::done;
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::not_found) throw;
  }
  if (if_exists == IfExists::yes) return Done::was_absent;
  throw no_such("peer", name, names_of(catalog_.peers()));
}

PeerSpec PeerControl::get(std::string_view name) {
  if (auto peer = catalog_.peer(name)) return std::move(*peer);
  throw no_such("peer", name, names_of(catalog_.peers()));
}

std::vector<PeerSpec> PeerControl::list() {
  std::vector<PeerSpec> peers = catalog_.peers();
  for (PeerSpec& peer : peers) {
    if (const Connector* connector = connectors_.find(peer.kind)) {
      peer.options = redacted(*connector->options, peer.options);
    } else {
      for (auto& [name, value] : peer.options) value = "********";  // Nothing says which of them are secret.
    }
  }
  return peers;
}

std::unique_ptr<PeerSession> PeerControl::session(std::string_view name) {
  const PeerSpec spec = get(name);
  return connectors_.of(spec.kind).session(spec);
}

}  // namespace peerd
