#pragma once

#include <string>
#include <vector>

#include "mapping.h"
#include "peerd/sources/source.h"
#include "peerd/specs/table_pattern.h"

// Mappings by pattern: what of a source's tables they name, and as what (docs/adr/0019).
namespace peerd {

/// The name that a mapping gives a source's table, its quotes taken off.
TableName source_table(const TableMapping& mapping);

/// Takes the patterns out of spec.tables into spec.patterns, and marks the mappings that say what a pattern says. `to`:
/// the target's kind, or nullptr.
void part_patterns(MirrorSpec& spec, const Connector* to);

/// What is wrong with patterns, and with new_tables, by themselves.
Problems check_patterns(const MirrorSpec& mirror);

/// What the patterns name and the mirror does not map.
struct Expansion {
  struct Found {
    TableMapping mapping;
    std::string mark;  ///< NamedTable::mark.
  };
  std::vector<Found> found;
  Problems problems;                     ///< Tables that two patterns name, by ErrorText::table.
  std::vector<std::string> unmatched;    ///< Patterns that name nothing at all.
};
/// REQUIRES: check_patterns() found nothing.
Expansion expand(const MirrorSpec& mirror, Source& source, const Connector* to, const Wait& wait);

/// Adds what it found to the mirror; a pattern that names nothing is a problem, unless it is one of `known`.
Problems take_found(MirrorSpec& mirror, const Expansion& expansion, const std::vector<TableMapping>& known);

/// Says of problems with tables that came by a pattern how to leave them out.
void tell_except(Problems& problems, const MirrorSpec& mirror);

}  // namespace peerd
