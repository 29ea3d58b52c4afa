#include "peer_select.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>

#include "peerd/base/text.h"
#include "statement_error.h"
#include "token_cursor.h"

namespace peerd::sql {
namespace {

bool is_peer_relation(const Relation& relation, const std::string& peer) {
  return relation.parts.size() >= 3 && relation.parts[0] == peer;
}

bool is_number(const Parameter& parameter) {
  return is_integer(parameter.type) || parameter.type == oid::kFloat4 || parameter.type == oid::kFloat8 ||
         parameter.type == oid::kNumeric;
}

/// A decimal number from end to end: digits, a point, an exponent. Nothing else may stand in a statement unquoted.
bool is_plain_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const char* last = text.data() + text.size();
  const auto result = std::from_chars(text.data(), last, value);
  return !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '.') &&
         result.ptr == last && result.ec != std::errc::invalid_argument;
}

/// ClickHouse reads backslashes in strings as escapes, and takes no string for a number everywhere.
std::string clickhouse_literal(const Parameter& parameter) {
  if (is_number(parameter) && is_plain_number(*parameter.text)) return "(" + *parameter.text + ")";
  std::string text = "'";
  for (const char c : *parameter.text) {
    if (c == '\\' || c == '\'') text += '\\';
    text += c;
  }
  return text + "'";
}

/// Always a quoted string, never what the client sent as it is. What type it has is for the peer to find out, as it
/// does for a parameter of no type; a type that the client told other than text goes with it as a cast.
std::string postgres_literal(const Parameter& parameter) {
  const std::string text = quote_literal(*parameter.text);
  const bool told = parameter.type != oid::kUnknown && parameter.type != oid::kUnknownText &&
                    parameter.type != oid::kText && parameter.type != oid::kVarchar && is_known_type(parameter.type);
  return told ? "(" + text + "::" + std::string(type_name(parameter.type)) + ")" : text;
}

std::string literal(const Parameter& parameter, std::string_view kind) {
  if (!parameter.text) return "NULL";
  if (kind == "POSTGRES") return postgres_literal(parameter);
  if (kind == "CLICKHOUSE") return clickhouse_literal(parameter);
  throw not_supported("parameters for a " + std::string(kind) + " peer are not supported");
}

/// Passes a peer's rows on, or keeps only the columns' names.
class Forward final : public RowSink {
 public:
  Forward(ResultWriter* writer, std::vector<ResultColumn>& columns) : writer_(writer), columns_(columns) {}

  void columns(std::span<const std::string> names) override {
    columns_.clear();
    for (const auto& name : names) columns_.push_back({name, oid::kText});
    if (writer_ && !columns_.empty()) writer_->columns(columns_);
  }
  void row(Cells cells) override {
    ++rows_;
    if (writer_) writer_->row(cells);
  }
  std::uint64_t rows() const { return rows_; }

 private:
  ResultWriter* writer_;
  std::vector<ResultColumn>& columns_;
  std::uint64_t rows_ = 0;
};

/// A query of a peer lasts as long as its reader takes. All of them together leave two operators to the statements on mirrors
/// and views, which must be answered whatever is being read.
class PeerTurn {
 public:
  PeerTurn() {
    if (running_.fetch_add(1) < kMost) return;
    running_.fetch_sub(1);
    throw StatementError("53300", "too many queries of peers are running at once (" + std::to_string(kMost) + ")",
                         "try again when one of them has ended");
  }
  ~PeerTurn() { running_.fetch_sub(1); }
  PeerTurn(const PeerTurn&) = delete;
  PeerTurn& operator=(const PeerTurn&) = delete;

 private:
  static constexpr int kMost = 6;
  static inline std::atomic<int> running_{0};
};

constexpr const char* kReadOnlyTransaction = "25006";
constexpr const char* kOnlyReads = "what is asked of a peer only reads: SELECT, WITH, VALUES, SHOW";

/// Ends a query once its columns are known.
class Names final : public RowSink {
 public:
  struct Known {};
  explicit Names(std::vector<ResultColumn>& columns) : columns_(columns) {}
  void columns(std::span<const std::string> names) override {
    for (const auto& name : names) columns_.push_back({name, oid::kText});
    throw Known();
  }
  void row(Cells) override {}

 private:
  std::vector<ResultColumn>& columns_;
};

class PeerSelect final : public Runnable {
 public:
  enum class Text { query, statement };
  PeerSelect(PeerControl& peers, const std::string& peer, std::string text, Text kind)
      : peers_(peers), peer_(peer), session_(peers.session(peer)), text_(std::move(text)), kind_(kind) {}

  std::vector<ResultColumn> columns(const Wait& wait) override {
    if (!columns_.empty()) return columns_;
    if (kind_ == Text::query) {
      Forward sink(nullptr, columns_);
      session_->query("SELECT * FROM (" + text_ + "\n) AS peerd_describe LIMIT 0", sink, wait);
      return columns_;
    }
    try {
      Names sink(columns_);
      peers_.session(peer_)->query(text_, sink, wait);  // One of its own: it is left in mid answer.
    } catch (const Names::Known&) {
    }
    return columns_;
  }

  std::optional<std::string> run(ResultWriter& writer, std::uint64_t most, const Wait& wait) override {
    if (most != 0) {
      throw not_supported("rows of a peer cannot be fetched in portions",
                          "fetch all rows at once (fetch size 0), or add LIMIT");
    }
    const PeerTurn turn;
    Forward sink(&writer, columns_);
    try {
      session_->query(text_, sink, wait);
    } catch (Error& error) {
      if (error.text.origin == kReadOnlyTransaction) error.text.hint = kOnlyReads;
      throw;
    }
    if (columns_.empty())
      throw not_supported("the statement gives no rows", kOnlyReads);
    return "SELECT " + std::to_string(sink.rows());
  }

 private:
  PeerControl& peers_;
  const std::string peer_;
  std::unique_ptr<PeerSession> session_;
  std::string text_;
  const Text kind_;
  std::vector<ResultColumn> columns_;
};

}  // namespace

std::optional<std::string> peer_of(std::span<const Token> tokens, const Relations& relations, PeerControl& peers,
                                   std::span<const View> views) {
  std::optional<std::string> peer;
  const Token* local = nullptr;
  for (const auto& relation : relations.all) {
    const Token& token = tokens[relation.begin];
    const std::string& first = relation.parts[0];
    const bool own = first == "peerd" || first == "peerdb" || first == "public";
    if (relation.parts.size() < 3 || own) {
      const bool view =
          std::any_of(views.begin(), views.end(), [&](const View& v) { return v.name == relation.parts.back(); });
      if (view && !relations.with_names.contains(first)) local = &token;
      continue;
    }
    if (!peer) {
      try {
        peers.get(first);
      } catch (Error& error) {
        if (error.text.code != ErrorCode::not_found) throw;
        if (error.text.hint.empty()) error.text.hint = "the first of three parts names a peer: SELECT name FROM peers";
        throw StatementError("42P01", error.text, token.begin);
      }
      peer = first;
    } else if (*peer != first) {
      throw not_supported("a statement can read one peer, not \"" + *peer + "\" and \"" + first + "\"", {},
                          token.begin);
    }
  }
  if (peer && local) {
    throw not_supported("a statement reads either peerd's views or one peer", "ask for one after the other",
                        local->begin);
  }
  return peer;
}

std::string peer_text(std::string_view sql, std::span<const Token> tokens, const Relations& relations,
                      const std::string& peer, std::span<const Parameter> parameters, std::string_view kind) {
  const auto reads = [&](std::size_t i) {
    return std::any_of(relations.all.begin(), relations.all.end(), [&](const Relation& relation) {
      if (!is_peer_relation(relation, peer)) return false;
      if (relation.begin == i) return true;
      // src.public.t.id in the SELECT list.
      if (i + 5 >= tokens.size() || !tokens[i].is_name() || tokens[i].folded() != peer) return false;
      return tokens[i + 1].is_symbol(".") && tokens[i + 2].is_name() && tokens[i + 2].folded() == relation.parts[1] &&
             tokens[i + 3].is_symbol(".") && tokens[i + 4].is_name() && tokens[i + 4].folded() == relation.parts[2];
    });
  };
  std::string text;
  std::size_t copied = tokens.front().begin;
  const auto copy_until = [&](std::size_t end, std::size_t go_on) {
    text += sql.substr(copied, end - copied);
    copied = go_on;
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool member = i > 0 && tokens[i - 1].is_symbol(".");
    if (tokens[i].kind == Token::Kind::parameter) {
      const std::size_t number = parameter_number(tokens[i]);
      copy_until(tokens[i].begin, tokens[i].end);
      text += number <= parameters.size() ? literal(parameters[number - 1], kind) : "NULL";
    } else if (!member && reads(i)) {
      copy_until(tokens[i].begin, tokens[i + 2].begin);
    }
  }
  copy_until(tokens.back().end, tokens.back().end);
  return text;
}

std::unique_ptr<Runnable> make_peer_select(PeerControl& peers, const std::string& peer, std::string text) {
  return std::make_unique<PeerSelect>(peers, peer, std::move(text), PeerSelect::Text::query);
}

std::unique_ptr<Runnable> make_peer_execute(PeerControl& peers, const std::string& peer, std::string text) {
  return std::make_unique<PeerSelect>(peers, peer, std::move(text), PeerSelect::Text::statement);
}

}  // namespace peerd::sql
