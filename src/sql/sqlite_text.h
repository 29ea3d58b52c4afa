#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relations.h"
#include "select_types.h"

namespace peerd::sql {

/// What the functions of a session answer.
struct SessionFacts {
  std::string version, database, user;
  std::uint32_t process = 0;
  std::function<std::optional<std::string>(const std::string&)> setting;  ///< current_setting('x').
};

/// Writes a query of Postgres's dialect in SQLite's: parameters as ?n, casts, schema prefixes, session functions,
/// quoted identifiers in brackets (which SQLite never takes for strings), and an alias for each column that Postgres
/// would name otherwise. What has no counterpart stays as it is, for SQLite to refuse.
std::string sqlite_text(std::span<const Token> tokens, const Relations& relations, const std::vector<SelectItem>& items,
                        const SessionFacts& facts);

/// Throws StatementError (54001) for a query nested too deep to be looked at.
void check_nesting(std::span<const Token> tokens);

}  // namespace peerd::sql
