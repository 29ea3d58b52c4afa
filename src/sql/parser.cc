#include "parser.h"

#include <array>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

constexpr std::array<std::string_view, 10> kVerbs = {"CREATE", "DROP",   "PAUSE", "RESUME", "SELECT",
                                                     "RESYNC", "DELETE", "SHOW",  "SET",    "EXECUTE"};
constexpr std::string_view kWrites =
    "peers and mirrors are made with CREATE PEER and CREATE MIRROR; the views peers, mirrors, mirror_tables, … are "
    "only read";

Statement parse_create(TokenCursor& cursor) {
  const Token start = cursor.peek();
  const bool replace = cursor.accept_words({"OR", "REPLACE"});
  if (cursor.accept_word("PEER")) return parse_create_peer(cursor, replace ? Replace::yes : Replace::no);
  if (cursor.accept_word("MIRROR")) {
    if (replace) {
      throw not_supported("CREATE OR REPLACE MIRROR is not supported yet", "DROP MIRROR and create it anew",
                          start.begin);
    }
    return parse_create_mirror(cursor);
  }
  if (cursor.accept_word("ALERT")) {
    if (replace) throw not_supported("CREATE OR REPLACE ALERT is not supported", "ALTER ALERT changes one", start.begin);
    return parse_create_alert(cursor);
  }
  static constexpr std::array<std::string_view, 8> kObjects = {"TABLE",    "VIEW",      "INDEX", "SCHEMA",
                                                               "DATABASE", "TEMPORARY", "TEMP",  "FUNCTION"};
  for (const auto object : kObjects) {
    if (cursor.peek().is_word(object)) {
      throw not_supported("CREATE " + std::string(object) + " is not supported", std::string(kWrites), start.begin);
    }
  }
  cursor.fail("PEER, MIRROR or ALERT");
}

Statement parse_drop(TokenCursor& cursor) {
  if (cursor.accept_word("PEER")) return parse_drop_peer(cursor);
  if (cursor.accept_word("MIRROR")) return parse_change_mirror(cursor, MirrorEvent::drop);
  if (cursor.accept_word("ALERT")) return parse_drop_alert(cursor);
  for (const std::string_view object : {"TABLE", "VIEW", "INDEX", "SCHEMA", "DATABASE", "FUNCTION"}) {
    if (cursor.peek().is_word(object)) {
      throw not_supported("DROP " + std::string(object) + " is not supported", std::string(kWrites),
                          cursor.peek().begin);
    }
  }
  cursor.fail("PEER, MIRROR or ALERT");
}

Statement parse_resync(TokenCursor& cursor) {
  ResyncMirror resync;
  if (cursor.accept_word("TABLE")) {
    do resync.tables.push_back(parse_table(cursor, "a source table"));
    while (cursor.accept_symbol(","));
    cursor.expect_word("OF");
  } else if (cursor.accept_word("MIRROR")) {
    resync.if_exists = parse_if_exists(cursor);
  } else {
    cursor.fail("MIRROR or TABLE");
  }
  resync.name = cursor.expect_name("a mirror's name").folded();
  if (!cursor.at_end() && cursor.peek().is_word("WITH"))
    throw not_supported("RESYNC takes no options", "leave WITH out", cursor.peek().begin);
  cursor.expect_end();
  return resync;
}

Statement parse_execute(TokenCursor& cursor, std::size_t begin) {
  if (cursor.accept_word("MIRROR")) {
    cursor.expect_name("a mirror's name");
    cursor.expect_end();
    throw not_supported("EXECUTE MIRROR is not supported yet", "mirrors by table mapping start by themselves", begin);
  }
  ExecuteOnPeer execute;
  execute.peer = cursor.expect_name("a peer's name or MIRROR").folded();
  const bool parenthesis = cursor.accept_symbol("(");
  execute.text = cursor.expect_text("the statement as $$text$$ or 'text'");
  if (parenthesis) cursor.expect_symbol(")");
  cursor.expect_end();
  return execute;
}

Statement parse_explain(TokenCursor& cursor, std::size_t begin) {
  if (!cursor.accept_words({"CREATE", "MIRROR"}))
    throw not_supported("EXPLAIN is there for CREATE MIRROR alone",
                        "EXPLAIN CREATE MIRROR … tells what stands against it, and makes nothing", begin);
  return ExplainMirror{std::get<CreateMirror>(parse_create_mirror(cursor))};
}

[[noreturn]] void refuse_unknown(const Token& token) {
  static constexpr std::array<std::string_view, 17> kPostgres = {
      "INSERT", "UPDATE", "TRUNCATE", "COPY",  "MERGE", "VACUUM", "ANALYZE", "GRANT",
      "REVOKE", "LOCK",   "PREPARE", "DECLARE",  "FETCH", "MOVE",  "LISTEN",  "NOTIFY", "CALL"};
  for (const auto word : kPostgres) {
    if (token.is_word(word))
      throw not_supported(std::string(word) + " is not supported", std::string(kWrites), token.begin);
  }
  std::string upper;
  for (const char c : token.text) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  const auto meant = token.kind == Token::Kind::word ? closest(upper, kVerbs) : std::string_view();
  const std::string hint = meant.empty()
                               ? "statements: CREATE PEER, CREATE MIRROR, CREATE ALERT, PAUSE/RESUME/RESYNC/DROP MIRROR, DROP PEER, SELECT"
                               : "did you mean " + std::string(meant);
  const bool silent = token.kind == Token::Kind::text;
  throw StatementError("42601",
                       silent ? "syntax error at or near a quoted string: expected a statement"
                              : "syntax error at or near \"" + token.text + "\": expected a statement",
                       hint, token.begin);
}

}  // namespace

IfExists parse_if_exists(TokenCursor& cursor) {
  return cursor.accept_words({"IF", "EXISTS"}) ? IfExists::yes : IfExists::no;
}

Statement parse_statement(std::span<const Token> tokens, std::span<const Parameter> values) {
  TokenCursor cursor(tokens, values);
  const Token& first = tokens.front();
  if (first.is_symbol("(")) return QueryStatement{};
  for (const std::string_view word : {"SELECT", "WITH", "VALUES", "TABLE"}) {
    if (first.is_word(word)) return QueryStatement{};
  }
  if (auto statement = parse_session_statement(cursor)) return *statement;
  if (cursor.accept_word("CREATE")) return parse_create(cursor);
  if (cursor.accept_word("ALTER")) return parse_alter(cursor, first.begin);
  if (cursor.accept_word("DROP")) return parse_drop(cursor);
  if (cursor.accept_word("DELETE")) return parse_delete(cursor);
  if (cursor.accept_word("TEST")) return parse_test(cursor);
  if (cursor.accept_word("RESYNC")) return parse_resync(cursor);
  if (cursor.accept_word("EXECUTE")) return parse_execute(cursor, first.begin);
  if (cursor.accept_word("EXPLAIN")) return parse_explain(cursor, first.begin);
  for (const auto event : {MirrorEvent::pause, MirrorEvent::resume}) {
    if (!cursor.accept_word(event == MirrorEvent::pause ? "PAUSE" : "RESUME")) continue;
    cursor.expect_word("MIRROR");
    return parse_change_mirror(cursor, event);
  }
  refuse_unknown(first);
}

}  // namespace peerd::sql
