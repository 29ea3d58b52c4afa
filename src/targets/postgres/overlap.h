#pragma once

#include <optional>
#include <span>

#include "peerd/base/error.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// A partition and its whole are two tables with the same rows: what empties one takes the other's. Names the first of `others` that
/// is a part of the table or its whole; none given: of the tables that mirrors write to, as _peerd notes them, which must stand then.
std::optional<Problem> shares_rows(postgres::Connection& connection, const MirrorTable& table, const postgres::QualifiedName& name,
                                   const Standing& standing, std::span<const postgres::QualifiedName> others, const Wait& wait);

}  // namespace peerd::pgtarget
