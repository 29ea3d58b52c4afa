#pragma once

#include <string>
#include <vector>

#include "peerd/postgres/connection.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// One mapped table, its names parsed.
struct MappedTable {
  postgres::QualifiedName source;
  std::string target;
  std::vector<std::string> exclude;
};

/// What the mirror's things are called at the source, and what it maps. Constant for a mirror's incarnation.
struct SourceNames {
  std::string mirror, uuid;
  std::string slot;  ///< Holds the mirror's uuid (rules.md 35), or is what the operator named.
  std::string publication;
  bool own_slot, own_publication;  ///< Not named by the operator.
  std::vector<MappedTable> tables;
  std::vector<std::string> message_prefixes;  ///< MirrorSpec::message_prefixes().

  /// In pg_stat_activity; unique among mirrors, and known to be ours (rules.md 12). `role`: "stream", "snapshot", ….
  std::string application_name(std::string_view role) const;
  bool is_ours(std::string_view application_name) const;
  /// The comment on a publication that this mirror made: the proof, after a restart, that it may be altered and
  /// dropped.
  std::string publication_mark() const { return "made by peerd for mirror " + uuid; }
};

SourceNames source_names(const MirrorSpec& mirror, const Lease& lease);

}  // namespace peerd
