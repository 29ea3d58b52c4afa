#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peerd::clickhouse {

struct Token {
  enum class Kind { word, name, text, sign } kind;
  std::string value;  ///< Of what is quoted without its quotes.
  int depth;          ///< Parentheses around it; those of its own kind count for neither.
};

/// ClickHouse's SQL in pieces, a server's own and a person's: words, quoted names, quoted texts, and signs one by one. Comments
/// are left out.
std::vector<Token> tokens_of(std::string_view sql);

}  // namespace peerd::clickhouse
