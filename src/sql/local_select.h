#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lexer.h"
#include "peerd/control/control.h"
#include "runnable.h"
#include "session_facts.h"
#include "values.h"

namespace peerd::sql {

/// A query of peerd's own views, or of none. It is answered as Postgres would answer it over tables of those rows, in
/// UTC and under the collation "C"; what is not known here is an error. Throws StatementError: 42P01 with a list of the
/// views, 42703, 42601, 42883, 0A000.
std::unique_ptr<Runnable> make_local_select(const std::vector<View>& views, std::span<const Token> tokens,
                                            std::span<const Parameter> parameters, const SessionFacts& facts);

/// The types that the query's parameters have: those told, and for the open ones those of their use; text for the rest.
std::vector<std::uint32_t> parameter_types(const std::vector<View>& views, std::span<const Token> tokens,
                                           std::vector<std::uint32_t> told, const SessionFacts& facts);

}  // namespace peerd::sql
