#include "peer_declared.h"

#include "names.h"
#include "peerd/base/text.h"
#include "peerd/specs/peerdb_options.h"

namespace peerd {

PeerSpec declare_peer(const Connectors& connectors, std::string_view name, std::string_view kind, const RawOptions& options) {
  const Connector& connector = connectors.of(to_upper(kind));
  PeerSpec spec{std::string(name), std::string(connector.kind), {}};
  Problems problems = check_name("peer", name);
  RawOptions raw = options;
  for (Problem& problem : take_peerdb_options(*connector.options, peerdb_peer_options(connector.kind), raw))
    problems.push_back(std::move(problem));
  for (Problem& problem : check_options(*connector.options, raw, spec.options))
    problems.push_back(std::move(problem));
  throw_if_any(problems);
  return spec;
}

}  // namespace peerd
