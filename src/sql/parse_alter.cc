#include "parser.h"
#include "statement_error.h"

// ALTER PEER and ALTER MIRROR: a part of what is there.
namespace peerd::sql {
namespace {

Statement parse_alter_peer(TokenCursor& cursor) {
  AlterPeer alter;
  alter.if_exists = parse_if_exists(cursor);
  alter.name = cursor.expect_name("IF EXISTS or a peer's name").folded();
  if (!cursor.peek().is_word("SET") && !cursor.peek().is_word("RESET")) cursor.fail("SET or RESET");
  if (cursor.accept_word("SET")) parse_option_list(cursor, alter.set, alter.positions);
  const TokenCursor::Secret secret(cursor);
  if (cursor.accept_word("RESET")) alter.reset = parse_option_names(cursor);
  cursor.expect_end();
  return alter;
}

/// ADD TABLE mapping, … DROP TABLE table, … SET ( option = value, … ), in any order.
Statement parse_alter_mirror(TokenCursor& cursor) {
  AlterMirror alter;
  alter.if_exists = parse_if_exists(cursor);
  alter.name = cursor.expect_name("IF EXISTS or a mirror's name").folded();
  do {
    if (cursor.accept_words({"ADD", "TABLE"})) {
      do alter.change.add.push_back(parse_mapping(cursor, alter.notices));
      while (cursor.accept_symbol(","));
    } else if (cursor.accept_words({"DROP", "TABLE"})) {
      do alter.change.drop.push_back(parse_table(cursor, "a source table"));
      while (cursor.accept_symbol(","));
    } else if (cursor.accept_word("SET")) {
      parse_option_list(cursor, alter.change.set, alter.positions);
      if (alter.change.set.empty()) cursor.fail("an option before this");
    } else if (const std::size_t begin = cursor.peek().begin; cursor.accept_words({"RESUME", "TABLE"})) {
      throw not_supported("RESUME TABLE is not supported: the changes of a parked table were left out, and are not kept",
                          "RESYNC TABLE s.t OF " + alter.name + " copies the table anew, and it is followed again", begin);
    } else {
      cursor.fail("ADD TABLE, DROP TABLE or SET");
    }
  } while (!cursor.at_end());
  return alter;
}

}  // namespace

std::vector<std::string> parse_option_names(TokenCursor& cursor) {
  std::vector<std::string> names;
  cursor.expect_symbol("(");
  do {
    std::string name = cursor.expect_name("an option's name").folded();
    while (cursor.accept_symbol(".")) name += "." + cursor.expect_name("a name after the dot").folded();
    names.push_back(std::move(name));
  } while (cursor.accept_symbol(","));
  cursor.expect_symbol(")");
  return names;
}

Statement parse_alter(TokenCursor& cursor, std::size_t begin) {
  if (cursor.accept_word("PEER")) return parse_alter_peer(cursor);
  if (cursor.accept_word("MIRROR")) return parse_alter_mirror(cursor);
  if (cursor.accept_word("ALERT")) return parse_alter_alert(cursor);
  throw not_supported("ALTER is there for PEER, MIRROR and ALERT alone",
                      "ALTER MIRROR name ADD TABLE s.t:s.t, DROP TABLE s.u or SET (option = value)", begin);
}

}  // namespace peerd::sql
