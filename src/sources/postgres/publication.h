#pragma once

#include <optional>

#include "postgres/source_names.h"
#include "postgres/standing.h"

namespace peerd {

/// A publication as it stands, for a mirror that is to be made.
struct Publication {
  PublicationStanding standing;
  bool made_by_us = false;
  std::vector<std::string> uncovered;  ///< Mapped tables that it does not publish; quoted.
  std::vector<std::string> filtered;   ///< Mapped tables with a row filter or a column list; quoted.
};
std::optional<Publication> read_publication(postgres::Connection& connection, const SourceNames& names,
                                            const Wait& wait);

/// What keeps `publication` from being followed, each with its cure.
Problems judge(const Publication& publication, const SourceNames& names);

/// Makes the publication when it is absent, adds tables to one that the mirror made; checks another's (rules.md 7).
/// It is committed on return.
void ensure_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait);
void drop_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait);

}  // namespace peerd
