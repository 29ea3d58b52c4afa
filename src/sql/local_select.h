#pragma once

#include <memory>
#include <span>
#include <vector>

#include "peerd/control/control.h"
#include "runnable.h"
#include "sqlite_text.h"
#include "values.h"

namespace peerd::sql {

/// The type of a view's column on the wire.
std::uint32_t wire_type(View::Column::Type type);

/// Types of the columns of `views`; those in `relations` go first where names meet.
ColumnType column_types(std::span<const View> views, const Relations& relations);

/// A query of peerd's own views, or of none: an in-memory SQLite whose virtual tables are those views. Throws
/// StatementError: 42P01 with a list of the views, 42703, 42601, 42883, 0A000 for what would write.
std::unique_ptr<Runnable> make_local_select(std::vector<View> views, std::span<const Token> tokens, Relations relations,
                                            std::span<const Parameter> parameters, const SessionFacts& facts);

}  // namespace peerd::sql
