#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lexer.h"

namespace peerd::sql {

/// The type of a column by its folded name; oid::kUnknown when no such column is known.
using ColumnType = std::function<std::uint32_t(const std::string&)>;

/// A type as written behind `::` or CAST … AS: how many tokens it takes and which it is.
struct WrittenType {
  std::size_t tokens = 0;
  std::uint32_t type = 0;
};
/// Throws StatementError: 42704 for a type that is not known, 0A000 for arrays.
WrittenType read_type(std::span<const Token> tokens, std::size_t at);

/// What Postgres would call the type of an expression, as far as its tokens tell; text when they do not.
std::uint32_t infer_type(std::span<const Token> expression, const ColumnType& columns);

/// One entry of a SELECT list, tokens [begin, end).
struct SelectItem {
  std::size_t begin = 0, end = 0;
  std::size_t expression_end = 0;  ///< Without its alias.
  bool named = false;              ///< It has an alias, or is a column, or a star: SQLite names it as Postgres does.
  std::string name;                ///< Its alias, or what Postgres would call it.
};
/// The entries of the outermost first SELECT; empty for VALUES.
std::vector<SelectItem> select_items(std::span<const Token> tokens);

/// What each $n is compared with, cast to or used as; oid::kUnknown where that does not tell.
std::vector<std::uint32_t> infer_parameters(std::span<const Token> tokens, const ColumnType& columns);

}  // namespace peerd::sql
