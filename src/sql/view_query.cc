#include "peerd/sql/view_query.h"

#include "local_select.h"
#include "parser.h"
#include "peer_select.h"
#include "relations.h"

namespace peerd {
namespace sql {
namespace {

constexpr std::size_t kMostRows = 1000, kMostBytes = 16 << 20;
constexpr std::chrono::seconds kLongest{10};

/// Leaves a run that has found all rows that are wanted: what is left of it would be for nothing.
struct Enough {};

class Collector final : public ResultWriter {
 public:
  explicit Collector(ViewQueryRows& into) : into_(into) {}
  void columns(std::span<const ResultColumn> columns) override {
    for (const auto& column : columns) into_.columns.push_back({column.name, std::string(type_name(column.type))});
  }
  void row(Cells cells) override {
    for (const auto& cell : cells) bytes_ += cell ? cell->size() : 0;
    if (into_.rows.size() == kMostRows || bytes_ > kMostBytes) {
      into_.truncated = true;
      throw Enough{};
    }
    into_.rows.emplace_back(cells.begin(), cells.end());
  }
  void notice(const Report&) override {}
  void parameter_status(std::string_view, std::string_view) override {}

 private:
  ViewQueryRows& into_;
  std::size_t bytes_ = 0;
};

/// The query's tokens. Throws StatementError for all that is not one SELECT.
std::span<const Token> only_select(std::span<const Token> tokens) {
  const auto statements = split_statements(tokens);
  if (statements.size() != 1) throw StatementError("42601", "one SELECT is expected", "send one statement at a time");
  const auto select = statements.front();
  for (const Token& token : select) {
    if (token.kind == Token::Kind::parameter) {
      throw StatementError("42P02", "there is no parameter $" + token.text, {}, token.begin);
    }
  }
  if (!std::holds_alternative<QueryStatement>(parse_statement(select))) {
    throw not_supported("only a SELECT is answered here", "the SQL port takes the other statements",
                        select.front().begin);
  }
  if (const Token* write = find_write(select)) {
    throw not_supported("a query that writes or locks is not supported", "a SELECT here only reads", write->begin);
  }
  return select;
}

SessionFacts facts_of_nobody() {
  return {"PostgreSQL " + server_version(), "peerd", "peerd", 0, [](const std::string&) { return std::nullopt; }, {}};
}

ViewQueryRows run_query(PeerControl& peers, MirrorControl& mirrors, Catalog& catalog, const std::string& text,
                        const Wait& wait) {
  if (!valid_utf8(text)) throw StatementError("22021", "invalid byte sequence for encoding \"UTF8\"");
  const auto tokens = tokenize(text);
  const auto select = only_select(tokens);
  const auto local = views(peers, mirrors, catalog);
  if (const auto peer = peer_of(select, find_relations(select), peers, local)) {
    throw not_supported("rows of peer \"" + *peer + "\" are not read here",
                        "ask for peerd's own views; the SQL port reads peers", select.front().begin);
  }
  ViewQueryRows found;
  Collector collector(found);
  try {
    make_local_select(local, select, {}, facts_of_nobody())->run(collector, 0, wait);
  } catch (const Enough&) {  // All that is wanted is there.
  }
  return found;
}

}  // namespace
}  // namespace sql

ViewQuery make_view_query(PeerControl& peers, MirrorControl& mirrors, Catalog& catalog) {
  return [&](const std::string& text, const Wait& wait) {
    try {
      return sql::run_query(peers, mirrors, catalog, text, wait.shorter(sql::kLongest));
    } catch (const sql::StatementError& error) {
      const std::size_t position =
          error.at == sql::StatementError::kNowhere ? 0 : sql::character_position(text, error.at);
      throw ViewQueryRefused(error.text, error.sqlstate, position);
    }
  };
}

}  // namespace peerd
