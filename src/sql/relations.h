#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "lexer.h"

namespace peerd::sql {

/// A table's name in a FROM list: tokens [begin, end), dots included.
struct Relation {
  std::size_t begin = 0, end = 0;
  std::vector<std::string> parts;  ///< Folded.
  bool function = false;           ///< A function called in FROM.
};

struct Relations {
  std::vector<Relation> all;
  std::set<std::string> with_names;  ///< What WITH defines.
};

/// Every table that a query reads, wherever in it. Reads tokens, not grammar: what is no query gives some answer too.
Relations find_relations(std::span<const Token> tokens);

/// The token that closes the parenthesis opened at `open`, or the number of tokens.
std::size_t closing(std::span<const Token> tokens, std::size_t open);

/// Whether a query would write, lock or make something; the token that says so, or nullptr.
const Token* find_write(std::span<const Token> tokens);

/// The highest $n, 0 when there is none.
std::size_t highest_parameter(std::span<const Token> tokens);

}  // namespace peerd::sql
