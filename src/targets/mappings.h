#pragma once

#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/table.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// One of a mirror's mappings, and the source's table that it names.
struct Mapped {
  std::string schema, name;
  std::string field;  ///< Of what was asked: "table_mappings[0]".
  TableMapping mapping;
};

/// A mirror's mappings, found by the tables that they are of. Immutable.
class Mappings {
 public:
  Mappings() = default;
  explicit Mappings(const MirrorSpec& mirror);
  const Mapped* of(const MirrorTable& table) const;  ///< nullptr: it is in none. Lives as long as this.
  /// Columns that the table's mapping names and it has not, and two that would have one name at the target.
  Problems check(const MirrorTable& table) const;
  /// Of a table that is mirrored: two columns that would have one name at the target. One that the mapping names may have
  /// been dropped since.
  Problems check_apart(const MirrorTable& table) const;
  /// Throws what check_apart() finds, until an operator has cured it.
  void require_apart(const MirrorTable& table) const;
  /// The table with its columns called as at the target: as the mapping says, or else as at the source.
  MirrorTable renamed(MirrorTable table) const;

 private:
  std::vector<Mapped> mapped_;
};

/// Columns that the mapping names and the table has not.
Problems check_named(const Mapped& mapped, const TableSchema& schema);
/// Two columns that would have one name at the target.
Problems check_apart(const Mapped& mapped, const TableSchema& schema);

/// A problem with one field of the mapping: "columns[0].source_name".
Problem problem_with(const Mapped& mapped, ErrorCode code, const std::string& field, std::string message,
    std::string hint);

}  // namespace peerd
