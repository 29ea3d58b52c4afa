#include "relations.h"

#include <algorithm>

#include "token_cursor.h"

namespace peerd::sql {
namespace {

/// What is known about one level of parentheses.
struct Level {
  bool select = false;  ///< SELECT was seen here, so FROM begins a list of tables (not that of EXTRACT or SUBSTRING).
  bool from = false;    ///< In that list.
  bool expect = false;  ///< A table's name may come next.
};

bool one_of(const Token& token, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](auto word) { return token.is_word(word); });
}

/// `name [(columns)] AS [[NOT] MATERIALIZED] (` behind WITH, RECURSIVE or a comma.
bool defines_with_name(std::span<const Token> tokens, std::size_t at) {
  if (at == 0 || !tokens[at].is_name()) return false;
  if (!one_of(tokens[at - 1], {"WITH", "RECURSIVE"}) && !tokens[at - 1].is_symbol(",")) return false;
  std::size_t next = at + 1;
  if (next < tokens.size() && tokens[next].is_symbol("(")) next = closing(tokens, next) + 1;
  if (next >= tokens.size() || !tokens[next].is_word("AS")) return false;
  ++next;
  while (next < tokens.size() && one_of(tokens[next], {"NOT", "MATERIALIZED"})) ++next;
  return next < tokens.size() && tokens[next].is_symbol("(");
}

Relation read_relation(std::span<const Token> tokens, std::size_t begin) {
  Relation relation{begin, begin + 1, {tokens[begin].folded()}, false};
  while (relation.end + 1 < tokens.size() && tokens[relation.end].is_symbol(".") &&
         tokens[relation.end + 1].is_name()) {
    relation.parts.push_back(tokens[relation.end + 1].folded());
    relation.end += 2;
  }
  relation.function = relation.end < tokens.size() && tokens[relation.end].is_symbol("(");
  return relation;
}

class Scan {
 public:
  explicit Scan(std::span<const Token> tokens) : tokens_(tokens) {}

  Relations run() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (defines_with_name(tokens_, i)) found_.with_names.insert(tokens_[i].folded());
      if (tokens_[i].kind == Token::Kind::symbol) {
        symbol(tokens_[i]);
      } else if (!keyword(i) && levels_.back().expect && tokens_[i].is_name()) {
        levels_.back().expect = false;
        found_.all.push_back(read_relation(tokens_, i));
        i = found_.all.back().end - 1;
      }
    }
    return std::move(found_);
  }

 private:
  void symbol(const Token& token) {
    Level& level = levels_.back();
    if (token.is_symbol("(")) {
      const Level inner{false, level.expect, level.expect};
      level.expect = false;
      levels_.push_back(inner);
    } else if (token.is_symbol(")")) {
      if (levels_.size() > 1) levels_.pop_back();
    } else if (token.is_symbol(",") && level.from) {
      level.expect = true;
    }
  }

  /// True when the word is a keyword that matters here.
  bool keyword(std::size_t i) {
    const Token& token = tokens_[i];
    Level& level = levels_.back();
    if (token.is_word("SELECT")) {
      level = {true, false, false};
    } else if (token.is_word("FROM")) {
      if (level.select && !tokens_[i - 1].is_word("DISTINCT")) level.from = level.expect = true;
    } else if (token.is_word("JOIN") || (token.is_word("TABLE") && i == 0)) {
      level.from = level.expect = true;
    } else if (one_of(token, {"VALUES", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "UNION", "INTERSECT",
                              "EXCEPT", "WINDOW", "FETCH", "FOR", "WITH"})) {
      level.from = level.expect = false;
    } else {
      return one_of(token, {"LATERAL", "ONLY"});
    }
    return true;
  }

  std::span<const Token> tokens_;
  std::vector<Level> levels_{Level{}};
  Relations found_;
};

}  // namespace

std::size_t closing(std::span<const Token> tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].is_symbol("(")) ++depth;
    if (tokens[i].is_symbol(")") && --depth == 0) return i;
  }
  return tokens.size();
}

Relations find_relations(std::span<const Token> tokens) { return Scan(tokens).run(); }

const Token* find_write(std::span<const Token> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool begins = i > 0 && (tokens[i - 1].is_symbol("(") || tokens[i - 1].is_symbol(")"));
    if (begins && one_of(tokens[i], {"INSERT", "UPDATE", "DELETE", "MERGE"})) return &tokens[i];
    const bool member = i > 0 && tokens[i - 1].is_symbol(".");
    if (!member && tokens[i].is_word("INTO")) return &tokens[i];
    if (tokens[i].is_word("FOR") && i + 1 < tokens.size() && one_of(tokens[i + 1], {"UPDATE", "SHARE", "NO", "KEY"})) {
      return &tokens[i];
    }
  }
  return nullptr;
}

std::size_t highest_parameter(std::span<const Token> tokens) {
  std::size_t highest = 0;
  for (const auto& token : tokens) {
    if (token.kind == Token::Kind::parameter) highest = std::max(highest, parameter_number(token));
  }
  return highest;
}

}  // namespace peerd::sql
