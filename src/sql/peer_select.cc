#include "peer_select.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "statement_error.h"
#include "token_cursor.h"

namespace peerd::sql {
namespace {

bool is_peer_relation(const Relation& relation, const std::string& peer) {
  return relation.parts.size() >= 3 && relation.parts[0] == peer;
}

/// A value as a literal that every kind of peer reads alike.
std::string literal(const Parameter& parameter, std::string_view kind) {
  if (!parameter.text) return "NULL";
  if (is_integer(parameter.type)) {
    return "(" + std::to_string(std::get<std::int64_t>(to_sqlite(parameter))) + ")";
  }
  if (parameter.type == oid::kBool) return std::get<std::int64_t>(to_sqlite(parameter)) ? "TRUE" : "FALSE";
  const bool number =
      parameter.type == oid::kFloat4 || parameter.type == oid::kFloat8 || parameter.type == oid::kNumeric;
  if (number && parameter.text->find_first_not_of("0123456789.eE+-") == std::string::npos) {
    return "(" + *parameter.text + ")";
  }
  if (kind != "POSTGRES" && parameter.text->find('\\') != std::string::npos) {
    throw not_supported("a parameter with a backslash for a " + std::string(kind) + " peer is not supported",
                        "write the value into the statement as that server wants it");
  }
  return quote_literal(*parameter.text);
}

/// Passes a peer's rows on, or keeps only the columns' names.
class Forward final : public RowSink {
 public:
  Forward(ResultWriter* writer, std::vector<ResultColumn>& columns) : writer_(writer), columns_(columns) {}

  void columns(std::span<const std::string> names) override {
    columns_.clear();
    for (const auto& name : names) columns_.push_back({name, oid::kText});
    if (writer_) writer_->columns(columns_);
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

class PeerSelect final : public Runnable {
 public:
  PeerSelect(PeerControl& peers, const std::string& peer, std::string text)
      : session_(peers.session(peer)), text_(std::move(text)) {}

  std::vector<ResultColumn> columns(const Wait& wait) override {
    if (!columns_.empty()) return columns_;
    Forward sink(nullptr, columns_);
    session_->query("SELECT * FROM (" + text_ + "\n) AS peerd_describe LIMIT 0", sink, wait);
    return columns_;
  }

  std::optional<std::string> run(ResultWriter& writer, std::uint64_t most, const Wait& wait) override {
    if (most != 0) {
      throw not_supported("rows of a peer cannot be fetched in portions",
                          "fetch all rows at once (fetch size 0), or add LIMIT");
    }
    Forward sink(&writer, columns_);
    session_->query(text_, sink, wait);
    return "SELECT " + std::to_string(sink.rows());
  }

 private:
  std::unique_ptr<PeerSession> session_;
  std::string text_;
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
  return std::make_unique<PeerSelect>(peers, peer, std::move(text));
}

}  // namespace peerd::sql
