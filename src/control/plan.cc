#include "peerd/control/plan.h"

#include <algorithm>
#include <array>
#include <set>

#include "mirror_check.h"
#include "peer_declared.h"
#include "peerd/base/problems_error.h"
#include "peerd/base/text.h"
#include "peerd/catalog/differences.h"

namespace peerd {
namespace {

using Action = PlannedChange::Action;
using Kind = PlannedChange::Kind;

/// Where a peer's secrets go to.
constexpr std::array<std::string_view, 3> kAddress{"host", "port", "servers"};

/// What a problem is about stands before its words: a file holds many peers and mirrors.
void add(Problems& problems, const std::string& of, const Error& error) {
  const auto* many = dynamic_cast<const ProblemsError*>(&error);
  for (Problem problem : many ? many->problems : Problems{{error.text, {}}}) {
    problem.text.message = of + ": " + problem.text.message;
    problems.push_back(std::move(problem));
  }
}

class Planner {
 public:
  Planner(const Declaration& declared, Catalog& catalog, const Connectors& connectors)
      : declared_(declared), catalog_(catalog), connectors_(connectors) {}
  std::vector<PlannedChange> run();

 private:
  void plan_peer(const Declaration::Peer& peer);
  void plan_mirror(const MirrorRequest& mirror);
  void prune();
  std::optional<PeerSpec> peer_of(const std::string& name);
  void once(std::set<std::string>& names, const std::string& what, const std::string& name);

  const Declaration& declared_;
  Catalog& catalog_;
  const Connectors& connectors_;
  std::vector<PeerSpec> specs_;  // Of the declared peers.
  std::set<std::string> peers_, mirrors_;
  Problems problems_;
  std::vector<PlannedChange> peer_changes_, mirror_drops_, mirror_changes_, peer_drops_;
};

void Planner::once(std::set<std::string>& names, const std::string& what, const std::string& name) {
  if (names.insert(name).second) return;
  const Error twice(ErrorCode::invalid_option, "it is declared twice", "leave one of the two out");
  add(problems_, what + " \"" + name + "\"", twice);
}

void Planner::plan_peer(const Declaration::Peer& peer) {
  once(peers_, "peer", peer.name);
  PlannedChange change{Kind::peer, peer.name, Action::create};
  try {
    const PeerSpec spec = declare_peer(connectors_, peer.name, peer.kind, with_kept(peer, catalog_, connectors_));
    specs_.push_back(spec);
    if (const auto there = catalog_.peer(peer.name)) {
      change.differs = differences(*there, spec, connectors_.of(spec.kind).options);
      change.action = change.differs.empty() ? Action::none : Action::update;
    }
  } catch (const Error& error) {
    add(problems_, "peer \"" + peer.name + "\"", error);
  }
  peer_changes_.push_back(std::move(change));
}

/// As it is declared, or else as it is there.
std::optional<PeerSpec> Planner::peer_of(const std::string& name) {
  const auto declared = std::ranges::find(specs_, name, &PeerSpec::name);
  if (declared != specs_.end()) return *declared;
  return catalog_.peer(name);
}

void Planner::plan_mirror(const MirrorRequest& mirror) {
  once(mirrors_, "mirror", mirror.name);
  const Ends ends{peer_of(mirror.source), peer_of(mirror.target)};
  PlannedChange change{Kind::mirror, mirror.name, Action::create};
  try {
    const Declared declared = declare_mirror(mirror, ends, catalog_, connectors_);
    throw_if_any(declared.problems);
    if (const auto there = catalog_.mirror(mirror.name)) {
      change.differs = differences(there->spec, declared.spec);
      const bool can = change_between(there->spec, declared.spec).has_value();
      change.action = change.differs.empty() ? Action::none : can ? Action::update : Action::impossible;
      if (change.action == Action::impossible) change.hint = "DROP MIRROR " + mirror.name + " first, then apply again";
    }
  } catch (const Error& error) {
    add(problems_, "mirror \"" + mirror.name + "\"", error);
  }
  mirror_changes_.push_back(std::move(change));
}

void Planner::prune() {
  for (const MirrorRecord& record : catalog_.mirrors())
    if (!mirrors_.contains(record.spec.name)) mirror_drops_.push_back({Kind::mirror, record.spec.name, Action::drop});
  for (const PeerSpec& peer : catalog_.peers()) {
    if (peers_.contains(peer.name)) continue;
    const auto user = std::ranges::find_if(declared_.mirrors, [&](const MirrorRequest& mirror) {
      return mirror.source == peer.name || mirror.target == peer.name;
    });
    if (user == declared_.mirrors.end()) {
      peer_drops_.push_back({Kind::peer, peer.name, Action::drop});
    } else {
      const std::string used = "it is to be dropped, and mirror \"" + user->name + "\" uses it";
      add(problems_, "peer \"" + peer.name + "\"", Error(ErrorCode::invalid_option, used, "declare the peer"));
    }
  }
}

std::vector<PlannedChange> Planner::run() {
  for (const Declaration::Peer& peer : declared_.peers) plan_peer(peer);
  for (const MirrorRequest& mirror : declared_.mirrors) plan_mirror(mirror);
  if (declared_.prune) prune();
  throw_if_any(problems_);
  // A mirror may take over the target table of one that is dropped, or that lets it go.
  std::stable_partition(mirror_changes_.begin(), mirror_changes_.end(),
                        [](const PlannedChange& change) { return change.action != Action::create; });
  std::vector<PlannedChange> changes = std::move(peer_changes_);
  for (auto* more : {&mirror_drops_, &mirror_changes_, &peer_drops_})
    std::ranges::move(*more, std::back_inserter(changes));
  return changes;
}

}  // namespace

std::string_view to_string(PlannedChange::Action action) {
  static constexpr std::array<std::string_view, 5> kWords{"none", "create", "update", "drop", "impossible"};
  return kWords.at(static_cast<std::size_t>(action));
}

std::string_view to_string(PlannedChange::Kind kind) { return kind == Kind::peer ? "peer" : "mirror"; }

std::vector<PlannedChange> plan_changes(const Declaration& declared, Catalog& catalog, const Connectors& connectors) {
  return Planner(declared, catalog, connectors).run();
}

RawOptions with_kept(const Declaration::Peer& declared, Catalog& catalog, const Connectors& connectors) {
  RawOptions options = declared.options;
  if (declared.keep.empty()) return options;
  const auto refuse = [](const std::string& field, const std::string& message, const std::string& hint = {}) {
    throw Error(ErrorText{.code = ErrorCode::invalid_option,
                          .message = message,
                          .hint = hint.empty() ? "give the secret itself, as ${env:NAME} or ${file:PATH}" : hint,
                          .field = field});
  };
  const std::string& first = declared.keep.front();
  const auto there = catalog.peer(declared.name);
  if (!there) refuse(first, "\"" + first + "\" is to be kept, and there is no such peer yet");
  const OptionTable& table = *connectors.of(there->kind).options;
  for (const std::string_view name : kAddress) {
    if (!find_option(table, name)) continue;
    const auto asked = options.find(name);
    const std::string now = option_text(table, there->options, name);
    const std::string then = asked == options.end() ? option_text(table, {}, name) : asked->second.text;
    if (then != now) refuse(first, "a secret is not kept where \"" + std::string(name) + "\" changes");
  }
  for (const std::string& name : declared.keep) {
    const Option* option = find_option(table, name);
    const bool secret = option && option->secret == Secret::yes;
    if (!secret) refuse(name, "\"" + name + "\" is no secret of a " + there->kind + " peer", "give its value");
    if (options.contains(name)) refuse(name, "\"" + name + "\" is both kept and given", "leave one of the two out");
    const auto kept = there->options.find(option->name);
    if (kept == there->options.end()) refuse(name, "\"" + name + "\" is to be kept, and the peer has none");
    options.emplace(name, RawOption{RawOption::Kind::text, kept->second});
  }
  return options;
}

}  // namespace peerd
