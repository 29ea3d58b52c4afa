#pragma once

#include <optional>

#include "peerd/base/error.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// What no statement of the mirror could do later: said before anything is created, and before anything is copied. The
/// first one found: a column of the source with the name of one of peerd's own, more columns than a table can have, a
/// key that cannot be built at a standing table, or would merge rows there, or is deferrable, a table that does not outlast a crash. Changes nothing.
std::optional<Problem> beyond_limits(postgres::Connection& connection, const Site& site, const MirrorTable& table,
                                     const postgres::QualifiedName& name, const Standing& standing, const Wait& wait);

/// Of a table without a key: what the operator keeps beside the source's columns would be lost with each change, as
/// rows can only be removed and inserted there.
std::optional<Problem> resets_own_columns(const Site& site, const MirrorTable& table,
                                          const postgres::QualifiedName& name, const Standing& standing);

/// A table, or a partition of it, whose rows go with a crash of the server, or with a session, while the mirror's position stays.
std::optional<Problem> not_durable(postgres::Connection& connection, const MirrorTable& table, const postgres::QualifiedName& name,
                                   const Standing& standing, const Wait& wait);

}  // namespace peerd::pgtarget
