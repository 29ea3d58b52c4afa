#include "clickhouse/definition.h"

#include <algorithm>
#include <span>

#include "clickhouse/tokens.h"

namespace peerd::clickhouse {
namespace {

using Tokens = std::span<const Token>;

bool is(const Token& token, Token::Kind kind, std::string_view value) {
  return token.kind == kind && token.value == value;
}
bool has_word(Tokens tokens, std::string_view word, int depth) {
  for (const Token& token : tokens)
    if (token.depth == depth && is(token, Token::Kind::word, word)) return true;
  return false;
}

/// Parts between commas of that depth.
std::vector<Tokens> parts_of(Tokens tokens, int depth) {
  std::vector<Tokens> parts;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= tokens.size(); ++i) {
    if (i < tokens.size() && !(tokens[i].depth == depth && is(tokens[i], Token::Kind::sign, ","))) continue;
    if (i > from) parts.push_back(tokens.subspan(from, i - from));
    from = i + 1;
  }
  return parts;
}

/// What lies between the parentheses that open at `open`.
Tokens inside(Tokens tokens, std::size_t open) {
  std::size_t end = open + 1;
  while (end < tokens.size() && tokens[end].depth > tokens[open].depth) ++end;
  return tokens.subspan(open + 1, end - open - 1);
}

void read_element(Tokens element, Definition& out) {
  if (element.front().kind == Token::Kind::name) {
    if (has_word(element, "TTL", element.front().depth)) out.expiring_columns.push_back(element.front().value);
  } else if (element.size() > 1 && is(element.front(), Token::Kind::word, "CONSTRAINT")) {
    out.constraints.push_back(element[1].value);
  } else if (element.size() > 1 && is(element.front(), Token::Kind::word, "PROJECTION")) {
    out.projections.push_back(element[1].value);
  }
}

Definition::Expiry read_expiry(Tokens part) {
  Definition::Expiry expiry;
  const int depth = part.front().depth;
  expiry.moves = has_word(part, "RECOMPRESS", depth) ||
                 (has_word(part, "TO", depth) && (has_word(part, "DISK", depth) || has_word(part, "VOLUME", depth)));
  expiry.groups = has_word(part, "GROUP", depth);
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool function = i + 1 < part.size() && is(part[i + 1], Token::Kind::sign, "(");
    if (part[i].kind == Token::Kind::name || (part[i].kind == Token::Kind::word && !function))
      expiry.names.insert(part[i].value);
  }
  return expiry;
}

void read_engine(Tokens rest, std::size_t at, Definition& out) {
  if (at + 3 >= rest.size() || !is(rest[at + 3], Token::Kind::sign, "(")) return;  // ENGINE = Name (
  for (const Tokens argument : parts_of(inside(rest, at + 3), 1)) {
    std::string text;
    for (const Token& token : argument) text += token.value;
    out.engine_arguments.push_back(text);
  }
}

void read_ttl(Tokens rest, std::size_t at, Definition& out) {
  std::size_t end = at + 1;
  const auto ends = [&](const Token& token) {
    return token.depth == 0 && (is(token, Token::Kind::word, "SETTINGS") || is(token, Token::Kind::word, "COMMENT"));
  };
  while (end < rest.size() && !ends(rest[end])) ++end;
  for (const Tokens part : parts_of(rest.subspan(at + 1, end - at - 1), 0)) out.expiries.push_back(read_expiry(part));
}

}  // namespace

Definition read_definition(std::string_view create_query) {
  Definition out;
  const std::vector<Token> all = tokens_of(create_query);
  const Tokens tokens(all);
  std::size_t open = 0;
  while (open < tokens.size() && !is(tokens[open], Token::Kind::sign, "(")) ++open;
  if (open == tokens.size()) return out;
  const Tokens list = inside(tokens, open);
  for (const Tokens element : parts_of(list, 1)) read_element(element, out);
  const Tokens rest = tokens.subspan(std::min(tokens.size(), open + list.size() + 2));
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i].depth != 0 || rest[i].kind != Token::Kind::word) continue;
    if (rest[i].value == "ENGINE") read_engine(rest, i, out);
    if (rest[i].value == "TTL") read_ttl(rest, i, out);
    if (rest[i].value == "SETTINGS" || rest[i].value == "COMMENT") break;
  }
  return out;
}

std::vector<std::string> plain_names(std::string_view key) {
  std::vector<std::string> names;
  const std::vector<Token> all = tokens_of(key);
  Tokens tokens(all);
  int depth = 0;
  // "(id)", "tuple(a, b)": some versions show a key of one column, or of none, so.
  for (;;) {
    const std::size_t open = !tokens.empty() && is(tokens[0], Token::Kind::word, "tuple") ? 1 : 0;
    if (open >= tokens.size() || !is(tokens[open], Token::Kind::sign, "(")) break;
    const Tokens inner = inside(tokens, open);
    if (open + inner.size() + 2 != tokens.size()) break;
    tokens = inner;
    ++depth;
  }
  for (const Tokens part : parts_of(tokens, depth)) {
    const bool plain = part.size() == 1 && (part[0].kind == Token::Kind::word || part[0].kind == Token::Kind::name);
    names.push_back(plain ? part[0].value : "");
  }
  return names;
}

}  // namespace peerd::clickhouse
