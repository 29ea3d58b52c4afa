#pragma once

#include "mapping.h"
#include "peerd/control/control.h"

namespace peerd {

/// What was asked as a spec, and everything that is wrong with it as far as that shows without asking a peer.
struct Declared {
  MirrorSpec spec;
  Problems problems;
  bool askable = true;  ///< The peers are there, and can be asked about the tables.
};
/// With patterns as they stand: nobody is asked what they name.
Declared declare_mirror(const MirrorRequest& request, const Ends& ends, Catalog& catalog, const Connectors& connectors);

/// What ALTER MIRROR has to be asked for the mirror to become what is wanted; none where it cannot while it lives. By what is
/// written: a default that is left out equals one that is written.
std::optional<MirrorChange> change_between(const MirrorSpec& there, const MirrorSpec& wanted);

/// What both peers say about the spec's tables. Changes nothing there. `there`: of a mirror to which the tables are added; its
/// source then knows what is its own.
Problems preflight(const MirrorSpec& mirror, const Ends& ends, const Connectors& connectors, const Wait& wait,
                   const Lease& there = {});

/// The one spelling of a source table's name; as it is written where it is no name.
std::string source_key(const Ends& ends, const Connectors& connectors, const std::string& table);

/// That `table` is none of the mirror's source tables.
Problem not_mapped(const std::vector<TableMapping>& tables, const std::string& table, const std::string& field);

/// `public."q""q"` as public.q"q: where a table has one name, dots are a part of it and quotes are not. What is not
/// well quoted is a name as it stands.
std::string plain_name(const std::string& name);

/// Asks the source what the mirror's patterns name, and maps it. `known`: patterns that may name nothing. `there`: as
/// of preflight(). REQUIRES: declared with patterns that are sound, and peers that are there.
Problems take_named(MirrorSpec& spec, const Ends& ends, const Connectors& connectors,
                    const std::vector<TableMapping>& known, const Wait& wait, const Lease& there);

/// Throws every problem at once: those of `declared`, tables that other mirrors have, and, where they can be asked, what both
/// peers say. Changes nothing there. What its patterns name is in declared.spec afterwards.
void check_mirror(Declared& declared, const Ends& ends, Catalog& catalog, const Connectors& connectors,
                  const Wait& wait);

}  // namespace peerd
