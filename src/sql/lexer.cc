#include "lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

constexpr std::size_t kMostTokens = 100'000;  // Each takes many times the memory of its text.

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
bool continues_word(char c) { return starts_word(c) || is_digit(c) || c == '$'; }

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  std::vector<Token> run() {
    for (;;) {
      skip_blanks();
      begin_ = at_;
      if (at_ >= sql_.size()) {
        emit(Token::Kind::end, {});
        return std::move(tokens_);
      }
      next();
    }
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  [[noreturn]] void fail(std::string message) const { throw StatementError("42601", std::move(message), {}, begin_); }

  void emit(Token::Kind kind, std::string text) {
    if (tokens_.size() == kMostTokens) {
      throw StatementError("54001", "the statement is too long",
                           "at most " + std::to_string(kMostTokens) + " words and symbols", begin_);
    }
    tokens_.push_back({kind, std::move(text), begin_, at_});
  }

  void skip_blanks() {
    for (; at_ < sql_.size(); ++at_) {
      if (sql_.substr(at_).starts_with("--")) {
        at_ = std::min(sql_.find('\n', at_), sql_.size() - 1);
      } else if (sql_.substr(at_).starts_with("/*")) {
        skip_comment();
      } else if (std::string_view(" \t\r\n\f\v").find(sql_[at_]) == std::string_view::npos) {
        return;
      }
    }
  }

  /// Ends on the comment's last byte. Comments nest, as in Postgres.
  void skip_comment() {
    begin_ = at_;
    int depth = 0;
    for (; at_ + 1 < sql_.size(); ++at_) {
      if (sql_[at_] == '/' && sql_[at_ + 1] == '*') {
        ++depth;
        ++at_;
      } else if (sql_[at_] == '*' && sql_[at_ + 1] == '/') {
        ++at_;
        if (--depth == 0) return;
      }
    }
    fail("unterminated /* comment");
  }

  void next() {
    const char c = peek();
    if ((c == 'e' || c == 'E') && peek(1) == '\'') return escaped_text();
    if (starts_word(c)) return word();
    if (c == '"') return quoted();
    if (c == '\'') return plain_text();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '$') return dollar();
    symbol();
  }

  void word() {
    while (at_ < sql_.size() && continues_word(sql_[at_])) ++at_;
    emit(Token::Kind::word, std::string(sql_.substr(begin_, at_ - begin_)));
  }

  void quoted() {
    std::string text = until_quote('"', "unterminated quoted identifier");
    if (text.empty()) fail("zero-length delimited identifier");
    emit(Token::Kind::quoted, std::move(text));
  }

  void plain_text() { emit(Token::Kind::text, until_quote('\'', "unterminated quoted string")); }

  /// What stands between two quotes, doubled ones made single.
  std::string until_quote(char quote, const char* problem) {
    std::string text;
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] == quote) {
        if (peek(1) != quote) {
          ++at_;
          return text;
        }
        ++at_;
      }
      text += sql_[at_];
    }
    fail(problem);
  }

  void escaped_text() {
    std::string text;
    for (at_ += 2; at_ < sql_.size();) {
      const char c = sql_[at_++];
      if (c == '\\') {
        escape(text);
      } else if (c == '\'' && peek() == '\'') {
        text += sql_[at_++];
      } else if (c == '\'') {
        if (!valid_utf8(text) || text.find('\0') != std::string::npos) fail("invalid escape in string: not UTF-8");
        return emit(Token::Kind::text, std::move(text));
      } else {
        text += c;
      }
    }
    fail("unterminated quoted string");
  }

  void escape(std::string& text) {
    if (at_ >= sql_.size()) fail("unterminated quoted string");
    const char c = sql_[at_++];
    static constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
    if (const auto letter = kLetters.find(c); letter != std::string_view::npos) {
      text += kMeant[letter];
    } else if (c == 'x') {
      text += static_cast<char>(digits(16, 1, 2));
    } else if (c == 'u' || c == 'U') {
      const std::size_t length = c == 'u' ? 4 : 8;
      const std::uint32_t code = digits(16, length, length);
      if (code == 0 || code > 0x10FFFF) fail("invalid Unicode escape value");
      append_utf8(text, code);
    } else if (c >= '0' && c <= '7') {
      --at_;
      text += static_cast<char>(digits(8, 1, 3));
    } else {
      text += c;
    }
  }

  std::uint32_t digits(int base, std::size_t least, std::size_t most) {
    const char* first = sql_.data() + at_;
    const char* last = first + std::min(most, sql_.size() - at_);
    std::uint32_t value = 0;
    const auto end = std::from_chars(first, last, value, base).ptr;
    if (static_cast<std::size_t>(end - first) < least) fail("invalid escape in string");
    at_ += static_cast<std::size_t>(end - first);
    return value;
  }

  void number() {
    auto skip = [&] {
      while (is_digit(peek())) ++at_;
    };
    skip();
    if (peek() == '.' && peek(1) != '.') {
      ++at_;
      skip();
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
      at_ += 1 + sign;
      skip();
    }
    if (starts_word(peek())) fail("trailing junk after numeric literal");  // Not repeated: it may be a secret.
    emit(Token::Kind::number, std::string(sql_.substr(begin_, at_ - begin_)));
  }

  void dollar() {
    ++at_;
    if (is_digit(peek())) {
      while (is_digit(peek())) ++at_;
      return emit(Token::Kind::parameter, std::string(sql_.substr(begin_ + 1, at_ - begin_ - 1)));
    }
    while (at_ < sql_.size() && (starts_word(sql_[at_]) || is_digit(sql_[at_]))) ++at_;
    if (peek() != '$') fail("syntax error at or near \"$\"");
    ++at_;
    const auto tag = sql_.substr(begin_, at_ - begin_);
    const auto close = sql_.find(tag, at_);
    if (close == std::string_view::npos) fail("unterminated dollar-quoted string");
    std::string text(sql_.substr(at_, close - at_));
    at_ = close + tag.size();
    emit(Token::Kind::text, std::move(text));
  }

  void symbol() {
    static constexpr std::array<std::string_view, 14> kLong = {
        "->>", "!~*", "::", "<=", ">=", "<>", "!=", "||", "==", "->", "~*", "!~", "<<", ">>"};
    std::size_t length = 1;
    for (const auto candidate : kLong) {
      if (sql_.substr(at_).starts_with(candidate)) {
        length = candidate.size();
        break;
      }
    }
    at_ += length;
    emit(Token::Kind::symbol, std::string(sql_.substr(begin_, length)));
  }

  std::string_view sql_;
  std::size_t at_ = 0, begin_ = 0;
  std::vector<Token> tokens_;
};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

bool Token::is_word(std::string_view wanted) const {
  return kind == Kind::word && std::equal(text.begin(), text.end(), wanted.begin(), wanted.end(),
                                          [](char a, char b) { return upper(a) == b; });
}

std::string Token::folded() const { return kind == Kind::quoted ? text : to_lower(text); }

std::vector<Token> tokenize(std::string_view sql) { return Lexer(sql).run(); }

std::vector<std::span<const Token>> split_statements(std::span<const Token> tokens) {
  std::vector<std::span<const Token>> statements;
  std::size_t first = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].is_symbol(";") && tokens[i].kind != Token::Kind::end) continue;
    if (i > first) statements.push_back(tokens.subspan(first, i - first));
    first = i + 1;
  }
  return statements;
}

}  // namespace peerd::sql
