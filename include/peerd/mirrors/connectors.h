#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "peerd/sources/query_source.h"
#include "peerd/sources/source.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_session.h"
#include "peerd/targets/target.h"

namespace peerd {

/// names: what columns are called at the target.
enum class MappingSettings : std::uint8_t { none, names, all };

/// One kind of peer: filled in by daemon/wiring.cc, read by control (options, check) and mirrors.
/// Immutable after start-up. A kind that cannot be a source or a target leaves that function empty.
struct Connector {
  std::string_view kind;       ///< "POSTGRES": the word of CREATE PEER, upper case.
  int proto_number = 0;        ///< DBType of interface.md 2.1.
  const OptionTable* options;  ///< Names, types, defaults, secret or not, one line of docs each.
  std::function<std::unique_ptr<PeerSession>(const PeerSpec&)> session;
  std::function<std::unique_ptr<Source>(const PeerSpec&, const MirrorSpec&, const Lease&)> source;
  std::function<std::unique_ptr<Target>(const PeerSpec&, const MirrorSpec&, const Lease&)> target;
  MakeQuerySource query_source{};  ///< Of mirrors of queries.
  /// Whether the target takes their rows, in each QueryMode; a kind with one of them false says why in `no_query`.
  bool takes_append = false, takes_upsert = false, takes_overwrite = false;
  std::string_view no_query{};
  /// The one spelling of a table's name on that peer: mappings with the same one mean the same table. Throws
  /// Error(invalid_option) on what is no name. Empty: names are compared as written.
  std::function<std::string(const PeerSpec&, std::string_view table)> table_key{};
  /// Options of CREATE MIRROR that only mirrors to this kind have, beside mirror_options(); nullptr: none.
  const OptionTable* mirror_options = nullptr;
  /// What a mapping may say of how columns and the table are made there. Details are for the target's preflight.
  MappingSettings settings = MappingSettings::none;
  /// Of tables that are made there: a mapping that names it asks for nothing. "": tables have no engines.
  std::string_view engine{};
};

class Connectors {
 public:
  explicit Connectors(std::vector<Connector> connectors) : connectors_(std::move(connectors)) {}
  const Connector& of(std::string_view kind) const;  ///< Throws invalid_option with a suggestion.
  const Connector* find(std::string_view kind) const noexcept;
  const std::vector<Connector>& all() const noexcept { return connectors_; }

 private:
  std::vector<Connector> connectors_;
};

}  // namespace peerd
