#include "peerd/specs/query_template.h"

#include <algorithm>

#include "peerd/base/error.h"

namespace peerd {
namespace {

constexpr std::string_view kStart = "{{.start}}", kEnd = "{{.end}}";

[[noreturn]] void refuse(std::string message, std::string hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = std::move(message), .hint = std::move(hint), .field = "query"});
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// Behind what is quoted from `at` on by `quote`, which stands for itself when it is doubled.
std::size_t behind_quotes(std::string_view text, std::size_t at, char quote, bool escapes) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (escapes && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (i + 1 == text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  refuse(quote == '"' ? "a quoted name in the query does not end" : "a quoted text in the query does not end", "close the quotes");
}

std::size_t behind_comment(std::string_view text, std::size_t at) {
  int depth = 0;
  for (std::size_t i = at; i + 1 < text.size(); ++i) {
    const std::string_view two = text.substr(i, 2);
    if (two == "/*") ++depth, ++i;
    else if (two == "*/" && (++i, --depth) == 0) return i + 1;
  }
  refuse("a comment in the query does not end", "close it with */");
}

/// Behind $tag$ … $tag$; `at` itself where there is no such quote.
std::size_t behind_dollars(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && is_word(text[end])) ++end;
  const bool number = end > at + 1 && text[at + 1] >= '0' && text[at + 1] <= '9';
  if (end == text.size() || text[end] != '$' || number || (at > 0 && is_word(text[at - 1]))) return at;
  const std::string_view tag = text.substr(at, end - at + 1);
  const std::size_t close = text.find(tag, end + 1);
  if (close == std::string_view::npos) refuse("a text between dollars in the query does not end", "close it with the same tag");
  return close + tag.size();
}

/// Behind what is quoted or a comment from `at` on; `at` where nothing is.
std::size_t behind_silent(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == '\'') {
    const bool escapes = at > 0 && (text[at - 1] == 'e' || text[at - 1] == 'E') && (at == 1 || !is_word(text[at - 2]));
    return behind_quotes(text, at, c, escapes);
  }
  if (c == '"') return behind_quotes(text, at, c, false);
  if (c == '$') return behind_dollars(text, at);
  if (text.substr(at, 2) == "--") return std::min(text.find('\n', at), text.size());
  if (text.substr(at, 2) == "/*") return behind_comment(text, at);
  return at;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string_view trimmed(std::string_view query) {
  const std::size_t last = query.find_last_not_of(" \t\r\n;");
  return last == std::string_view::npos ? std::string_view() : query.substr(0, last + 1);
}

}  // namespace

QueryTemplate::QueryTemplate(std::string_view query) {
  const std::string_view text = trimmed(query);
  if (text.empty()) refuse("the query is empty", "FOR $$SELECT … FROM schema.table WHERE w BETWEEN {{.start}} AND {{.end}}$$");
  int depth = 0;
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t behind = behind_silent(text, at); behind != at) {
      at = behind;
      continue;
    }
    const std::string_view rest = text.substr(at);
    const bool start = rest.starts_with(kStart), end = rest.starts_with(kEnd);
    if (start || end) {
      pieces_.push_back({Kind::text, std::string(text.substr(from, at - from))});
      pieces_.push_back({start ? Kind::start : Kind::end, std::string(start ? kStart : kEnd)});
      has_start_ |= start;
      has_end_ |= end;
      from = at += pieces_.back().text.size();
      continue;
    }
    if (rest.starts_with("{{")) refuse("the query has a placeholder that is not known", "use {{.start}} and {{.end}}");
    if (text[at] == ';') refuse("the query is more than one statement", "give one SELECT");
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    if (depth < 0) refuse("the query closes a parenthesis that it has not opened", "");
    ++at;
  }
  if (depth != 0) refuse("the query does not close a parenthesis", "");
  pieces_.push_back({Kind::text, std::string(text.substr(from))});
}

std::string QueryTemplate::with(std::string_view start, std::string_view end) const {
  std::string out;
  for (const Piece& piece : pieces_) out += piece.kind == Kind::text ? piece.text : piece.kind == Kind::start ? start : end;
  return out;
}

std::size_t QueryTemplate::place_of(std::size_t position, std::string_view start, std::string_view end) const {
  std::size_t place = 1;
  for (const Piece& piece : pieces_) {
    const std::size_t put = characters(piece.kind == Kind::text ? std::string_view(piece.text) : piece.kind == Kind::start ? start : end);
    if (position <= put) return piece.kind == Kind::text ? place + position - 1 : place;
    position -= put;
    place += characters(piece.text);
  }
  return place;
}

}  // namespace peerd
