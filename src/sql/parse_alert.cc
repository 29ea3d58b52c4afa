#include "parser.h"
#include "peerd/base/text.h"
#include "statement_error.h"

// CREATE, ALTER, DROP and TEST ALERT: who is told what is wrong with mirrors (docs/alerts.md).
namespace peerd::sql {
namespace {

std::int64_t parse_id(TokenCursor& cursor) {
  constexpr std::string_view kWhat = "an alert's number: SELECT config FROM alerts";
  const std::size_t at = cursor.peek().begin;
  const RawOption value = cursor.expect_value(kWhat);
  const auto id = value.kind == RawOption::Kind::boolean ? std::nullopt : read_integer(value.text);
  if (!id) throw StatementError("42601", "syntax error: expected " + std::string(kWhat), {}, at);
  return *id;
}

/// MIRROR m, n or ALL MIRRORS, behind FOR.
std::vector<std::string> parse_mirrors(TokenCursor& cursor) {
  std::vector<std::string> mirrors;
  if (cursor.accept_words({"ALL", "MIRRORS"})) return mirrors;
  if (!cursor.accept_word("MIRROR") && !cursor.accept_word("MIRRORS")) cursor.fail("MIRROR or ALL MIRRORS");
  do mirrors.push_back(cursor.expect_name("a mirror's name").folded());
  while (cursor.accept_symbol(","));
  return mirrors;
}

}  // namespace

Statement parse_create_alert(TokenCursor& cursor) {
  CreateAlert create;
  cursor.expect_word("TO");
  create.service = to_lower(cursor.expect_name("slack, webhook, pagerduty or email").text);
  if (cursor.accept_word("FOR")) create.mirrors = parse_mirrors(cursor);
  cursor.expect_word("WITH");
  parse_option_list(cursor, create.fields, create.positions);
  const TokenCursor::Secret secret(cursor);  // What stands behind may be the rest of a value whose quotes are wrong.
  cursor.expect_end();
  return create;
}

Statement parse_alter_alert(TokenCursor& cursor) {
  AlterAlert alter;
  alter.if_exists = parse_if_exists(cursor);
  alter.id = parse_id(cursor);
  do {
    if (cursor.accept_word("FOR")) {
      alter.mirrors = parse_mirrors(cursor);
    } else if (cursor.accept_word("SET")) {
      parse_option_list(cursor, alter.set, alter.positions);
    } else if (cursor.accept_word("RESET")) {
      alter.reset = parse_option_names(cursor);
    } else {
      const TokenCursor::Secret secret(cursor);
      cursor.fail("FOR, SET or RESET");
    }
  } while (!cursor.at_end());
  return alter;
}

Statement parse_drop_alert(TokenCursor& cursor) {
  DropAlert drop;
  drop.if_exists = parse_if_exists(cursor);
  drop.id = parse_id(cursor);
  cursor.expect_end();
  return drop;
}

Statement parse_test(TokenCursor& cursor) {
  cursor.expect_word("ALERT");
  const TestAlert test{parse_id(cursor)};
  cursor.expect_end();
  return test;
}

}  // namespace peerd::sql
