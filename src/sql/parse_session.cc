#include "parser.h"
#include "peerd/base/text.h"
#include "statement_error.h"

// What drivers and psql send of themselves: transactions, settings, and the cleaning up of pools.
namespace peerd::sql {
namespace {

using Transaction = TransactionStatement::Kind;

/// The rest of BEGIN, COMMIT, SET TRANSACTION: modes that change nothing here.
void skip_modes(TokenCursor& cursor) {
  while (!cursor.at_end()) {
    if (!cursor.peek().is_name() && !cursor.peek().is_symbol(",")) cursor.fail("the end of the statement");
    cursor.take();
  }
}

std::optional<Statement> parse_transaction(TokenCursor& cursor) {
  auto is = [&](std::string_view word) { return cursor.accept_word(word); };
  if (is("BEGIN") || cursor.accept_words({"START", "TRANSACTION"})) {
    skip_modes(cursor);
    return TransactionStatement{Transaction::begin};
  }
  if (is("COMMIT") || is("END")) {
    skip_modes(cursor);
    return TransactionStatement{Transaction::commit};
  }
  if (is("ROLLBACK") || is("ABORT")) {
    if (!is("TRANSACTION")) is("WORK");
    if (!is("TO")) {
      skip_modes(cursor);
      return TransactionStatement{Transaction::rollback};
    }
    is("SAVEPOINT");
    cursor.expect_name("a savepoint's name");
    cursor.expect_end();
    return TransactionStatement{Transaction::rollback_to};
  }
  const bool savepoint = is("SAVEPOINT");
  if (!savepoint && !is("RELEASE")) return std::nullopt;
  if (!savepoint && cursor.peek(1).is_name()) cursor.expect_word("SAVEPOINT");
  cursor.expect_name("a savepoint's name");
  cursor.expect_end();
  return TransactionStatement{savepoint ? Transaction::savepoint : Transaction::release};
}

/// a.b, or the spelled names TIME ZONE, NAMES, TRANSACTION ISOLATION LEVEL, SESSION AUTHORIZATION.
std::string parse_setting(TokenCursor& cursor) {
  if (cursor.accept_words({"TIME", "ZONE"})) return "timezone";
  if (cursor.accept_words({"TRANSACTION", "ISOLATION", "LEVEL"})) return "transaction_isolation";
  if (cursor.accept_words({"SESSION", "AUTHORIZATION"})) return "session_authorization";
  std::string name = to_lower(cursor.expect_name("a setting's name").text);
  while (cursor.accept_symbol(".")) name += "." + to_lower(cursor.expect_name("a name after the dot").text);
  return name;
}

std::string parse_setting_value(TokenCursor& cursor) {
  std::string value;
  while (!cursor.at_end()) {
    if (!value.empty()) value += ", ";
    if (cursor.peek().is_name()) {
      value += cursor.take().text;
    } else {
      value += cursor.expect_value("a value").text;
    }
    if (!cursor.at_end() && !cursor.accept_symbol(",")) cursor.fail("\",\" or the end of the statement");
    if (cursor.at_end()) break;
  }
  return value;
}

Statement parse_set(TokenCursor& cursor) {
  SetStatement set;
  if (cursor.accept_words({"SESSION", "CHARACTERISTICS"}) || cursor.accept_word("TRANSACTION") ||
      cursor.accept_word("CONSTRAINTS")) {
    set.ignored = true;
    skip_modes(cursor);
    return set;
  }
  if (!cursor.peek(1).is_word("AUTHORIZATION") && !cursor.accept_word("SESSION")) cursor.accept_word("LOCAL");
  const bool names = cursor.accept_word("NAMES");
  const bool zone = cursor.peek().is_word("TIME") && cursor.peek(1).is_word("ZONE");
  const bool role = cursor.peek().is_word("ROLE") || cursor.peek(1).is_word("AUTHORIZATION");
  set.name = names ? "client_encoding" : parse_setting(cursor);
  if (!names && !zone && !role && !cursor.accept_symbol("=") && !cursor.accept_word("TO")) cursor.fail("TO or \"=\"");
  if (cursor.at_end()) cursor.fail("a value");
  set.to_default = cursor.accept_word("DEFAULT");
  if (!set.to_default) set.value = parse_setting_value(cursor);
  cursor.expect_end();
  return set;
}

Statement parse_deallocate(TokenCursor& cursor) {
  cursor.accept_word("PREPARE");
  ForgetStatement forget{ForgetStatement::What::all_prepared, {}, "DEALLOCATE ALL"};
  if (!cursor.accept_word("ALL")) {
    forget = {ForgetStatement::What::prepared, cursor.expect_name("a prepared statement's name").folded(),
              "DEALLOCATE"};
  }
  cursor.expect_end();
  return forget;
}

Statement parse_discard(TokenCursor& cursor) {
  for (const std::string_view what : {"ALL", "PLANS", "SEQUENCES", "TEMP", "TEMPORARY"}) {
    if (!cursor.accept_word(what)) continue;
    cursor.expect_end();
    const auto meant = what == "ALL" ? ForgetStatement::What::everything : ForgetStatement::What::nothing;
    return ForgetStatement{meant, {}, "DISCARD " + std::string(what == "TEMPORARY" ? "TEMP" : what)};
  }
  cursor.fail("ALL, PLANS, SEQUENCES or TEMP");
}

Statement parse_close(TokenCursor& cursor) {
  const Token& name = cursor.expect_name("a cursor's name or ALL");
  cursor.expect_end();
  if (!name.is_word("ALL"))
    throw StatementError("34000", "cursor \"" + name.folded() + "\" does not exist", {}, name.begin);
  return ForgetStatement{ForgetStatement::What::nothing, {}, "CLOSE CURSOR ALL"};
}

std::optional<Statement> parse_show_view(TokenCursor& cursor) {
  if (cursor.accept_words({"SHOW", "PEERS"})) {
    cursor.expect_end();
    return ShowView{"SELECT name, kind, options FROM peers ORDER BY name"};
  }
  if (cursor.accept_words({"SHOW", "ALERTS"})) {
    cursor.expect_end();
    return ShowView{"SELECT * FROM alerts ORDER BY config, mirror, cause"};
  }
  if (!cursor.accept_words({"SHOW", "MIRRORS"})) return std::nullopt;
  cursor.expect_end();
  return ShowView{
      "SELECT name, source, target, state, health, step, lag_bytes, last_error FROM mirrors ORDER BY name"};
}

}  // namespace

std::optional<Statement> parse_session_statement(TokenCursor& cursor) {
  if (auto statement = parse_transaction(cursor)) return statement;
  if (cursor.accept_word("SET")) return parse_set(cursor);
  if (auto view = parse_show_view(cursor)) return view;
  if (cursor.accept_word("SHOW") || cursor.peek().is_word("RESET")) {
    const bool reset = cursor.accept_word("RESET");
    std::string name = parse_setting(cursor);
    cursor.expect_end();
    return reset ? Statement(ResetStatement{std::move(name)}) : Statement(ShowStatement{std::move(name)});
  }
  if (cursor.accept_word("DEALLOCATE")) return parse_deallocate(cursor);
  if (cursor.accept_word("DISCARD")) return parse_discard(cursor);
  if (cursor.accept_word("CLOSE")) return parse_close(cursor);
  if (cursor.accept_word("UNLISTEN")) {
    while (!cursor.at_end()) cursor.take();
    return ForgetStatement{ForgetStatement::What::nothing, {}, "UNLISTEN"};
  }
  return std::nullopt;
}

}  // namespace peerd::sql
