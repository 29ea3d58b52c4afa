#pragma once

#include <optional>

#include "postgres/source_names.h"
#include "postgres/standing.h"

namespace peerd {

/// A publication as it stands, for a mirror that is to be made.
struct Publication {
  PublicationStanding standing;
  bool made_by_us = false;
  std::vector<std::string> told_otherwise;  ///< "publishes … s.t": why a mapped table's changes come as another's.
  std::vector<std::string> uncovered;  ///< Mapped tables that it does not publish; quoted.
  std::vector<std::string> filtered;   ///< Mapped tables with a row filter or a column list; quoted.
};
std::optional<Publication> read_publication(postgres::Connection& connection, const SourceNames& names,
                                            const Wait& wait);

/// What keeps `publication` from being followed, each with its cure.
Problems judge(const Publication& publication, const SourceNames& names);

/// That the publication which the operator named is not there: a typo must not make one. The cure makes it.
Problem absent(const SourceNames& names);

/// Makes the mirror's own publication when it is absent, adds tables to it and takes those out that are not mapped; checks
/// another's, which must be there (rules.md 7).
/// It is committed on return.
void ensure_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait);
void drop_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait);

}  // namespace peerd
