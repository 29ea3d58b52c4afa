#include "sqlite_text.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "peerd/base/text.h"
#include "statement_error.h"
#include "token_cursor.h"
#include "values.h"

namespace peerd::sql {
namespace {

constexpr int kDeepest = 100;
constexpr std::size_t kMostTokens = 20'000;

std::string bracketed(const std::string& name) {
  return name.find(']') == std::string::npos ? "[" + name + "]" : quote_identifier(name);
}

std::string now_text() {
  using namespace std::chrono;
  std::string text = format_utc(duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
  std::replace(text.begin(), text.end(), 'T', ' ');
  std::replace(text.begin(), text.end(), 'Z', '+');
  return text + "00";
}

/// Postgres's names of functions that SQLite knows by another.
std::string_view function_name(std::string_view name) {
  static const std::map<std::string_view, std::string_view> kNames = {{"string_agg", "group_concat"},
                                                                      {"greatest", "max"},
                                                                      {"least", "min"},
                                                                      {"char_length", "length"},
                                                                      {"strpos", "instr"},
                                                                      {"bool_and", "min"},
                                                                      {"bool_or", "max"},
                                                                      {"btrim", "trim"},
                                                                      {"every", "min"},
                                                                      {"chr", "char"}};
  const auto found = kNames.find(name);
  return found == kNames.end() ? name : found->second;
}

class Writer {
 public:
  Writer(std::span<const Token> tokens, const Relations& relations, const SessionFacts& facts)
      : tokens_(tokens), facts_(facts), opens_(tokens.size(), 0) {
    for (const auto& relation : relations.all) relations_[relation.begin] = &relation;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].is_symbol("::")) note_cast(i);
    }
  }

  std::string run(const std::vector<SelectItem>& items) {
    std::map<std::size_t, const SelectItem*> aliases;
    for (const auto& item : items) {
      if (!item.named) aliases[item.end] = &item;
    }
    for (std::size_t i = 0; i < tokens_.size();) {
      alias_before(aliases, i);
      for (int n = 0; n < opens_[i]; ++n) out_ += " CAST(";
      i = write(i);
    }
    alias_before(aliases, tokens_.size());
    return std::move(out_);
  }

 private:
  struct Cast {
    std::size_t end;   ///< Behind the type.
    std::string type;  ///< SQLite's; "" when the value stays as it is.
  };

  void put(std::string_view text) {
    out_ += ' ';
    out_ += text;
  }

  void alias_before(const std::map<std::size_t, const SelectItem*>& aliases, std::size_t i) {
    if (const auto alias = aliases.find(i); alias != aliases.end()) put("AS " + bracketed(alias->second->name));
  }

  bool is(std::size_t i, std::string_view symbol) const { return i < tokens_.size() && tokens_[i].is_symbol(symbol); }

  /// Where the operand that ends before `end` begins: a literal, a column with its table, a call, a parenthesis, a
  /// cast.
  std::size_t operand_begin(std::size_t end) const {
    std::size_t i = end - 1;
    if (is(i, ")")) {
      int depth = 0;
      for (;; --i) {
        if (is(i, ")")) ++depth;
        if (is(i, "(") && --depth == 0) break;
        if (i == 0) return 0;
      }
      static const std::set<std::string> kNoFunctions = {"and",  "or",   "not",  "in", "select", "where",
                                                         "when", "then", "else", "by", "on"};
      if (i == 0 || !tokens_[i - 1].is_name() || kNoFunctions.contains(tokens_[i - 1].folded())) return i;
      --i;
    }
    while (i >= 2 && is(i - 1, ".") && tokens_[i - 2].is_name()) i -= 2;
    return i;
  }

  void note_cast(std::size_t at) {
    if (at == 0) throw StatementError("42601", "syntax error at or near \"::\"", {}, tokens_[at].begin);
    const auto type = read_type(tokens_, at + 1);
    std::size_t begin = operand_begin(at);
    for (const auto& [op, cast] : casts_) {  // x::text::int: the operand is the cast before.
      if (cast.end == at) begin = cast_begin_[op];
    }
    cast_begin_[at] = begin;
    std::string sqlite_type;
    if (is_integer(type.type)) sqlite_type = "INTEGER";
    if (type.type == oid::kFloat8 || type.type == oid::kNumeric) sqlite_type = "REAL";
    if (type.type == oid::kText || type.type == oid::kVarchar || type.type == oid::kName) sqlite_type = "TEXT";
    if (type.type == oid::kBool && tokens_[begin].kind == Token::Kind::text && begin + 1 == at) {
      truths_[begin] = std::get<std::int64_t>(to_sqlite({oid::kBool, tokens_[begin].text})) != 0;
    }
    if (!sqlite_type.empty()) ++opens_[begin];
    casts_[at] = {at + 1 + type.tokens, std::move(sqlite_type)};
  }

  /// Writes what begins at `i`; returns where to go on.
  std::size_t write(std::size_t i) {
    const Token& token = tokens_[i];
    if (const auto relation = relations_.find(i); relation != relations_.end() && !relation->second->function) {
      put(bracketed(relation->second->parts.back()));
      return relation->second->end;
    }
    switch (token.kind) {
      case Token::Kind::word:
        return write_word(i);
      case Token::Kind::quoted:
        put(bracketed(token.text));
        break;
      case Token::Kind::parameter:
        put("?" + token.text);
        break;
      case Token::Kind::number:
        put(token.text);
        break;
      case Token::Kind::text:
        if (const auto truth = truths_.find(i); truth != truths_.end()) {
          put(truth->second ? "TRUE" : "FALSE");
        } else {
          put(quote_literal(token.text));
        }
        break;
      default:
        if (const auto cast = casts_.find(i); cast != casts_.end()) {
          if (!cast->second.type.empty()) put("AS " + cast->second.type + ")");
          return cast->second.end;
        }
        put(token.text);
    }
    return i + 1;
  }

  std::size_t write_word(std::size_t i) {
    const std::string word = to_lower(tokens_[i].text);
    const bool member = i > 0 && is(i - 1, ".") && !(i > 1 && tokens_[i - 2].is_word("PG_CATALOG"));
    const bool prefix = word == "public" || word == "pg_catalog";
    if (!member && prefix && is(i + 1, ".")) return i + 2;
    const bool alias = i > 0 && tokens_[i - 1].is_word("AS");
    if (!member && !alias) {
      if (const auto value = session_value(word, i)) {
        put(value->first);
        return value->second;
      }
      static const std::set<std::string> kTypes = {"timestamp", "timestamptz", "date", "text", "varchar"};
      if (i + 1 < tokens_.size() && tokens_[i + 1].kind == Token::Kind::text && kTypes.contains(word)) return i + 1;
      if (word == "ilike") return put("LIKE"), i + 1;
      if (word == "table" && i == 0) return put("SELECT * FROM"), i + 1;
      if (is(i + 1, "(")) return put(function_name(word)), i + 1;
    }
    put(word);
    return i + 1;
  }

  /// The literal for a function of the session, and where to go on.
  std::optional<std::pair<std::string, std::size_t>> session_value(const std::string& word, std::size_t i) const {
    static const std::set<std::string> kBare = {"current_user",    "session_user",   "current_role",     "user",
                                                "current_catalog", "current_schema", "current_timestamp"};
    const bool call = is(i + 1, "(") && is(i + 2, ")");
    if (!call && word == "current_setting" && is(i + 1, "(")) return setting_value(i);
    if (!call && (!kBare.contains(word) || is(i + 1, "("))) return std::nullopt;
    const auto value = [&]() -> std::optional<std::string> {
      if (word == "version") return quote_literal(facts_.version);
      if (word == "current_database" || word == "current_catalog") return quote_literal(facts_.database);
      if (word == "current_schema") return "'public'";
      if (word == "current_user" || word == "session_user" || word == "current_role" || word == "user") {
        return quote_literal(facts_.user);
      }
      if (word == "pg_backend_pid") return std::to_string(facts_.process);
      if (word == "pg_is_in_recovery") return "FALSE";
      if (word == "pg_advisory_unlock_all") return "''";
      if (word == "current_timestamp" || word == "now" || word == "clock_timestamp" || word == "statement_timestamp" ||
          word == "transaction_timestamp") {
        return quote_literal(now_text());
      }
      return std::nullopt;
    }();
    if (!value) return std::nullopt;
    return std::pair(*value, call ? i + 3 : i + 1);
  }

  std::optional<std::pair<std::string, std::size_t>> setting_value(std::size_t i) const {
    if (i + 3 >= tokens_.size() || tokens_[i + 2].kind != Token::Kind::text) return std::nullopt;
    const std::size_t close = closing(tokens_, i + 1);
    const auto value = facts_.setting(to_lower(tokens_[i + 2].text));
    if (!value && close == i + 3) {
      throw StatementError("42704", "unrecognized configuration parameter \"" + tokens_[i + 2].text + "\"", {},
                           tokens_[i + 2].begin);
    }
    return std::pair(value ? quote_literal(*value) : std::string("NULL"), std::min(close + 1, tokens_.size()));
  }

  std::span<const Token> tokens_;
  const SessionFacts& facts_;
  std::map<std::size_t, const Relation*> relations_;
  std::vector<int> opens_;             ///< Casts whose operand begins at a token.
  std::map<std::size_t, Cast> casts_;  ///< By the token of `::`.
  std::map<std::size_t, std::size_t> cast_begin_;
  std::map<std::size_t, bool> truths_;  ///< 'f'::bool by its literal.
  std::string out_;
};

}  // namespace

void check_nesting(std::span<const Token> tokens) {
  int depth = 0, casts = 0;
  for (const auto& token : tokens) {
    if (token.is_symbol("(") || token.is_word("CASE")) ++depth;
    if (token.is_symbol(")") || token.is_word("END")) depth = std::max(0, depth - 1);
    if (token.is_symbol("::")) ++casts;
    if (depth > kDeepest || casts > kDeepest || tokens.size() > kMostTokens) {
      throw StatementError("54001", "the query is too complex", "nest it less deep", token.begin);
    }
  }
}

std::string sqlite_text(std::span<const Token> tokens, const Relations& relations, const std::vector<SelectItem>& items,
                        const SessionFacts& facts) {
  return Writer(tokens, relations, facts).run(items);
}

}  // namespace peerd::sql
