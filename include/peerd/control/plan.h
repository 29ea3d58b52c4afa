#pragma once

#include <string>
#include <vector>

#include "peerd/control/control.h"

namespace peerd {

/// What operators want to be there, as a file says it.
struct Declaration {
  struct Peer {
    std::string name, kind;
    RawOptions options;
    std::vector<std::string> keep;  ///< Secrets that stay what they are: options that `options` does not give.
  };
  std::vector<Peer> peers;
  std::vector<MirrorRequest> mirrors;
  bool prune = false;  ///< What is there and not declared is dropped.
};

/// One step from what is there to what is declared.
struct PlannedChange {
  enum class Action {
    none,       ///< It is there as declared: a default left out equals one that is written.
    create,
    update,     ///< Of a mirror: tables come and go, or its pace changes, while it lives.
    drop,
    impossible  ///< It is there, and cannot become what is declared: drop it first.
  };
  enum class Kind { peer, mirror };
  Kind kind;
  std::string name;
  Action action;
  std::string differs{};  ///< In words, never a secret's value.
  std::string hint{};     ///< Of what is impossible.
};
std::string_view to_string(PlannedChange::Action action);
std::string_view to_string(PlannedChange::Kind kind);

/// The steps in an order that works: peers before the mirrors that need them, mirrors that go or lose tables before those
/// that come, drops of mirrors before those of peers.
/// Asks no server and changes nothing. Throws every problem of the declaration at once.
std::vector<PlannedChange> plan_changes(const Declaration& declared, Catalog& catalog, const Connectors& connectors);

/// The options with those of `keep` as the peer of that name has them. Throws Error(invalid_option) when there is
/// none, when it has no such secret, or when the peer would lead to another host: a secret goes nowhere but where it
/// was meant for.
RawOptions with_kept(const Declaration::Peer& declared, Catalog& catalog, const Connectors& connectors);

}  // namespace peerd
