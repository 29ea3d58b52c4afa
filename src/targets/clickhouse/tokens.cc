#include "clickhouse/tokens.h"

#include <algorithm>
#include <cctype>

namespace peerd::clickhouse {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// What is quoted from its opening quote on, escapes resolved as far as names need it. A second quote keeps it open.
std::string quoted(std::string_view text, std::size_t& at) {
  const char quote = text[at++];
  std::string out;
  for (; at < text.size(); ++at) {
    if (text[at] == quote && (at + 1 == text.size() || text[at + 1] != quote)) break;
    if ((text[at] == '\\' || text[at] == quote) && at + 1 < text.size()) ++at;
    out += text[at];
  }
  ++at;
  return out;
}

/// Behind a comment that begins at `at`; `at` where none does.
std::size_t behind_comment(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("--") || rest.starts_with("#!") || rest.starts_with("# ")) return std::min(text.find('\n', at), text.size());
  if (!rest.starts_with("/*")) return at;
  const std::size_t end = text.find("*/", at + 2);
  return end == std::string_view::npos ? text.size() : end + 2;
}

}  // namespace

std::vector<Token> tokens_of(std::string_view sql) {
  std::vector<Token> tokens;
  int depth = 0;
  for (std::size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    if (const std::size_t behind = behind_comment(sql, at); behind != at) {
      at = behind;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
    } else if (c == '\'') {
      tokens.push_back({Token::Kind::text, quoted(sql, at), depth});
    } else if (c == '`' || c == '"') {
      tokens.push_back({Token::Kind::name, quoted(sql, at), depth});
    } else if (is_word(c)) {
      const std::size_t from = at;
      while (at < sql.size() && is_word(sql[at])) ++at;
      tokens.push_back({Token::Kind::word, std::string(sql.substr(from, at - from)), depth});
    } else {
      if (c == ')') --depth;
      tokens.push_back({Token::Kind::sign, std::string(1, c), depth});
      if (c == '(') ++depth;
      ++at;
    }
  }
  return tokens;
}

}  // namespace peerd::clickhouse
