#pragma once

#include <optional>

#include "peerd/changes/table.h"
#include "postgres/source_names.h"

namespace peerd {

/// A publication as it stands.
struct Publication {
  bool all_operations = false;     ///< insert, update, delete and truncate are all published.
  bool via_root = false;           ///< publish_via_partition_root.
  bool generated_columns = false;  ///< publish_generated_columns (Postgres 18).
  bool made_by_us = false;
  std::vector<std::string> uncovered;  ///< Mapped tables that it does not publish; quoted.
  std::vector<std::string> filtered;   ///< Mapped tables with a row filter or a column list; quoted.
};
std::optional<Publication> read_publication(postgres::Connection& connection, const SourceNames& names,
                                            const Wait& wait);

/// What keeps `publication` from being followed, each with its cure. `may_alter`: missing tables will be added by
/// peerd.
Problems judge(const Publication& publication, const SourceNames& names);

/// How a table stands in the publication (rules.md 36): another number later means that it was out of it for a while.
struct Coverage {
  bool exists = false, covered = false;
  std::uint32_t membership = 0;  ///< pg_publication_rel.oid; 0 = by a schema or all tables.
  bool operator==(const Coverage&) const = default;
};
Coverage read_coverage(postgres::Connection& connection, const std::string& publication, const MirrorTable& table,
                       const Wait& wait);

/// Makes the publication when it is absent, adds tables to one that the mirror made; checks another's (rules.md 7).
/// It is committed on return.
void ensure_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait);
void drop_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait);

}  // namespace peerd
