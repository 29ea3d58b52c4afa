#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <span>

#include "parser.h"
#include "peerd/base/text.h"
#include "peerd/specs/table_pattern.h"
#include "statement_error.h"

// The statements that Postgres does not have. Names of peers and mirrors fold to lower case unless quoted; schemas,
// tables and columns in a mapping keep the case they are typed in, as PeerDB's scripts expect.
namespace peerd::sql {
namespace {

constexpr std::string_view kValue = "a value: 'text', a number, true or false";

IfExists parse_if_not_exists(TokenCursor& cursor) {
  return cursor.accept_words({"IF", "NOT", "EXISTS"}) ? IfExists::yes : IfExists::no;
}

/// WITH ( name = value, … ), when there is one.
void parse_options(TokenCursor& cursor, RawOptions& options, OptionPositions& positions) {
  if (cursor.accept_word("WITH")) parse_option_list(cursor, options, positions);
}

/// A part that holds a dot, a quote or a star stays quoted, as postgres::parse_qualified reads it. Of a pattern it is names
/// and stars that stand together.
std::string table_part(TokenCursor& cursor, std::string_view what) {
  std::string part;
  for (std::size_t end = cursor.peek().begin; part.empty() || cursor.peek().begin == end;) {
    const Token& token = cursor.peek();
    end = token.end;
    const bool digits = token.kind == Token::Kind::number && std::ranges::all_of(token.text, [](char c) { return c >= '0' && c <= '9'; });
    if (cursor.accept_symbol("*")) part += '*';
    else if (part.ends_with('*') && digits) part += cursor.take().text;
    else if (part.empty() || (part.ends_with('*') && token.is_name())) part += part_text(cursor.expect_name(what).text);
    else break;
  }
  return part;
}

/// PeerDB's clients quote "schema.table" as a whole; it is read as schema.table. A table of the schema public whose own
/// name holds a dot is written public."a.b".
bool quoted_whole(const TokenCursor& cursor) {
  const Token& token = cursor.peek();
  const std::size_t dot = token.text.find('.');
  return token.kind == Token::Kind::quoted && !cursor.peek(1).is_symbol(".") && !cursor.peek(1).is_symbol("*") && dot != std::string::npos && dot > 0 &&
         dot + 1 < token.text.size() && dot == token.text.rfind('.') && token.text.find('"') == std::string::npos;
}

std::vector<std::string> parse_columns(TokenCursor& cursor) {
  std::vector<std::string> columns;
  cursor.expect_symbol("[");
  while (!cursor.accept_symbol("]")) {
    columns.push_back(cursor.expect_name("a column's name or \"]\"").text);
    if (!cursor.peek().is_symbol("]") && !cursor.accept_symbol(",")) cursor.fail("\",\" or \"]\"");
  }
  return columns;
}

std::vector<std::string> parse_tables(TokenCursor& cursor) {
  std::vector<std::string> tables;
  cursor.expect_symbol("[");
  while (!cursor.accept_symbol("]")) {
    tables.push_back(parse_table(cursor, "a source table or \"]\""));
    if (!cursor.peek().is_symbol("]") && !cursor.accept_symbol(",")) cursor.fail("\",\" or \"]\"");
  }
  return tables;
}

/// A key of { … } and how its value is read. `peerdb`: what PeerDB's messages call it; "" = the same.
struct Key {
  std::string_view name, peerdb;
  std::function<void()> read;
  bool told = true;  ///< In the list of what is expected.
};

/// {key: value, …}, in any order, each key once.
void parse_keys(TokenCursor& cursor, std::string_view what, std::span<const Key> keys) {
  std::vector<std::string> names;
  for (const Key& key : keys)
    if (key.told) names.emplace_back(key.name);
  const std::string last = names.back();
  names.pop_back();
  const std::string expected = join(names, ", ") + " or " + last;
  std::set<std::string_view> seen;
  cursor.expect_symbol("{");
  while (!cursor.accept_symbol("}")) {
    const Token token = cursor.expect_name(expected);
    const std::string name = to_lower(token.text);
    const auto key = std::ranges::find_if(keys, [&](const Key& k) { return k.name == name || k.peerdb == name; });
    if (key == keys.end())
      throw StatementError("42601", "syntax error at or near \"" + token.text + "\": expected " + expected, {}, token.begin);
    if (!seen.insert(key->name).second) {
      throw StatementError("42601", "\"" + std::string(key->name) + "\" is given twice in " + std::string(what), {},
                           token.begin);
    }
    cursor.expect_symbol(":");
    key->read();
    if (!cursor.peek().is_symbol("}") && !cursor.accept_symbol(",")) cursor.fail("\",\" or \"}\"");
  }
}

/// 'text' or a word.
std::string parse_words(TokenCursor& cursor, std::string_view what) {
  const bool name = cursor.peek().kind == Token::Kind::word || cursor.peek().kind == Token::Kind::quoted;
  return name ? cursor.expect_name(what).text : cursor.expect_text(what);
}

int parse_place(TokenCursor& cursor) {
  constexpr std::string_view kWhat = "a number from 1 on";
  const std::size_t at = cursor.peek().begin;
  const std::string text = cursor.expect_value(kWhat).text;
  int place = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place);
  if (error != std::errc{} || end != text.data() + text.size() || place < 1)
    throw StatementError("42601", "syntax error at or near \"" + text + "\": expected " + std::string(kWhat), {}, at);
  return place;
}

bool parse_truth(TokenCursor& cursor) {
  const std::size_t at = cursor.peek().begin;
  const std::string text = to_lower(cursor.expect_value("true or false").text);
  if (text != "true" && text != "false")
    throw StatementError("42601", "syntax error at or near \"" + text + "\": expected true or false", {}, at);
  return text == "true";
}

/// {source: a, target: b, type: 'String', …}: what a mapping asks of one column.
ColumnSetting parse_setting(TokenCursor& cursor) {
  ColumnSetting column;
  const std::size_t begin = cursor.peek().begin;
  const Key keys[] = {
      {"source", "source_name", [&] { column.source = cursor.expect_name("a column's name").text; }},
      {"target", "destination_name", [&] { column.target = cursor.expect_name("a column's name").text; }},
      {"type", "destination_type", [&] { column.type = parse_words(cursor, "a type of the target, as 'text'"); }},
      {"ordering", "", [&] { column.ordering = parse_place(cursor); }},
      {"partitioning", "", [&] { column.partitioning = parse_place(cursor); }},
      {"nullable", "nullable_enabled", [&] { column.nullable = parse_truth(cursor); }},
  };
  parse_keys(cursor, "the settings of a column", keys);
  if (column.source.empty())
    throw StatementError("42601", "the settings of a column need its name", "{source: name, type: 'String'}", begin);
  return column;
}

std::vector<ColumnSetting> parse_settings(TokenCursor& cursor) {
  std::vector<ColumnSetting> columns;
  cursor.expect_symbol("[");
  while (!cursor.accept_symbol("]")) {
    columns.push_back(parse_setting(cursor));
    if (!cursor.peek().is_symbol("]") && !cursor.accept_symbol(",")) cursor.fail("\",\" or \"]\"");
  }
  return columns;
}

/// A star is a pattern's, and a pattern's target needs one.
void check_stars(const TableMapping& mapping, std::size_t begin) {
  if (is_pattern(mapping.source) == is_pattern(mapping.target)) return;
  const bool source = is_pattern(mapping.source);
  throw StatementError("42601", source ? "the target of pattern " + mapping.source + " has no *" : "target " + mapping.target + " has a *, and its source has none",
                       source ? "public.*:analytics.*; * in the target stands for the table's name" : "a name that holds a star is written in double quotes", begin);
}

/// {from: s.t, to: s.t, exclude: [c, d], columns: [{source: e, …}], engine: '…', partition_by: '…'}.
TableMapping parse_long_mapping(TokenCursor& cursor, std::vector<std::string>& notices) {
  TableMapping mapping;
  const std::size_t begin = cursor.peek().begin;
  const auto read_key = [&] {
    cursor.expect_name("a column's name");
    notices.push_back("the key of a mapping is not needed and not used: tables are copied by ctid ranges");
  };
  const Key keys[] = {
      {"from", "", [&] { mapping.source = parse_table(cursor, "a source table"); }},
      {"to", "", [&] { mapping.target = parse_table(cursor, "a target table"); }},
      {"key", "", read_key, false},
      {"exclude", "", [&] { mapping.exclude = parse_columns(cursor); }},
      {"except", "except_tables", [&] { mapping.except = parse_tables(cursor); }},
      {"columns", "", [&] { mapping.columns = parse_settings(cursor); }},
      {"engine", "", [&] { mapping.engine = parse_words(cursor, "a table engine, as 'text'"); }},
      {"partition_by", "partition_by_expr", [&] { mapping.partition_by = cursor.expect_text("an expression, as 'text'"); }},
  };
  parse_keys(cursor, "a mapping", keys);
  if (mapping.source.empty() || mapping.target.empty()) {
    throw StatementError("42601", "a mapping needs both from and to", "{from: schema.table, to: schema.table}", begin);
  }
  check_stars(mapping, begin);
  return mapping;
}

void parse_mappings(TokenCursor& cursor, CreateMirror& create) {
  cursor.expect_symbol("(");
  while (!cursor.accept_symbol(")")) {
    create.request.tables.push_back(parse_mapping(cursor, create.notices));
    if (cursor.peek().is_symbol(")")) continue;
    if (!cursor.accept_symbol(",")) cursor.fail("\",\" or \")\"");
  }
  if (create.request.tables.empty()) cursor.fail("at least one mapping in the parentheses before this");
}

}  // namespace

std::string parse_table(TokenCursor& cursor, std::string_view what) {
  if (quoted_whole(cursor)) {
    const std::vector<std::string> parts = split(cursor.take().text, '.');
    return part_text(parts[0]) + "." + part_text(parts[1]);
  }
  std::string name = table_part(cursor, what);
  while (cursor.accept_symbol(".")) name += "." + table_part(cursor, "a name after the dot");
  return name;
}

TableMapping parse_mapping(TokenCursor& cursor, std::vector<std::string>& notices) {
  if (cursor.peek().is_symbol("{")) return parse_long_mapping(cursor, notices);
  const std::size_t begin = cursor.peek().begin;
  TableMapping mapping;
  mapping.source = parse_table(cursor, "a mapping: schema.table:table or {from: …, to: …}");
  cursor.expect_symbol(":");
  mapping.target = parse_table(cursor, "a target table");
  check_stars(mapping, begin);
  return mapping;
}

void parse_option_list(TokenCursor& cursor, RawOptions& options, OptionPositions& positions) {
  cursor.expect_symbol("(");
  const TokenCursor::Secret secret(cursor);
  while (!cursor.accept_symbol(")")) {
    const Token& key = cursor.expect_name("an option's name or \")\"");
    std::string name = key.folded();
    const std::size_t at = key.begin;
    while (cursor.accept_symbol(".")) name += "." + cursor.expect_name("a name after the dot").folded();
    cursor.expect_symbol("=");
    RawOption value = cursor.expect_value(kValue);
    if (!options.emplace(name, std::move(value)).second) {
      throw StatementError("42601", "option \"" + name + "\" is given twice", {}, at);
    }
    positions.emplace(name, at);
    if (cursor.peek().is_symbol(")")) continue;
    if (!cursor.accept_symbol(",")) cursor.fail("\",\" or \")\"");
  }
}

Statement parse_create_peer(TokenCursor& cursor, Replace replace) {
  CreatePeer create;
  create.replace = replace;
  if (replace == Replace::no) create.if_not_exists = parse_if_not_exists(cursor);
  create.name =
      cursor.expect_name(replace == Replace::yes ? "a peer's name" : "IF NOT EXISTS or a peer's name").folded();
  cursor.expect_word("FROM");
  create.kind = to_upper(cursor.expect_name("a kind of peer, such as POSTGRES").text);
  if (!cursor.at_end() && !cursor.peek().is_word("WITH")) cursor.fail("WITH or the end of the statement");
  parse_options(cursor, create.options, create.positions);
  const TokenCursor::Secret secret(cursor);  // What stands behind may be the rest of a value whose quotes are wrong.
  cursor.expect_end();
  return create;
}

Statement parse_create_mirror(TokenCursor& cursor) {
  CreateMirror create;
  const std::size_t begin = cursor.peek().begin;
  create.if_not_exists = parse_if_not_exists(cursor);
  create.request.name = cursor.expect_name("IF NOT EXISTS or a mirror's name").folded();
  cursor.expect_word("FROM");
  create.request.source = cursor.expect_name("the source peer's name").folded();
  cursor.expect_word("TO");
  create.request.target = cursor.expect_name("the target peer's name").folded();
  if (cursor.accept_word("FOR")) {
    create.positions.emplace("query", cursor.peek().begin);
    create.request.query = cursor.expect_text("the query as $$text$$");
    if (!cursor.at_end() && !cursor.peek().is_word("WITH")) cursor.fail("WITH or the end of the statement");
    parse_options(cursor, create.request.options, create.positions);
    cursor.expect_end();
    return create;
  }
  cursor.expect_word("WITH");
  if (cursor.accept_words({"SCHEMA", "MAPPING"})) {
    throw not_supported("SCHEMA MAPPING is not supported yet", "name each table: WITH TABLE MAPPING (s.t:s.t, s.u:s.u)",
                        begin);
  }
  cursor.expect_word("TABLE");
  cursor.expect_word("MAPPING");
  parse_mappings(cursor, create);
  if (!cursor.at_end() && !cursor.peek().is_word("WITH")) cursor.fail("WITH or the end of the statement");
  parse_options(cursor, create.request.options, create.positions);
  cursor.expect_end();
  return create;
}

Statement parse_drop_peer(TokenCursor& cursor) {
  DropPeer drop;
  drop.if_exists = parse_if_exists(cursor);
  drop.name = cursor.expect_name("a peer's name").folded();
  cursor.expect_end();
  return drop;
}

Statement parse_change_mirror(TokenCursor& cursor, MirrorEvent event) {
  ChangeMirror change;
  change.event = event;
  change.if_exists = parse_if_exists(cursor);
  change.name = cursor.expect_name("a mirror's name").folded();
  if (event == MirrorEvent::drop && cursor.accept_word("FORCE")) change.event = MirrorEvent::drop_forced;
  if (event == MirrorEvent::pause) parse_options(cursor, change.options, change.positions);
  cursor.expect_end();
  return change;
}

Statement parse_delete(TokenCursor& cursor) {
  const Token start = cursor.peek();
  const bool peers = cursor.accept_words({"FROM", "PUBLIC"})
                         ? cursor.accept_symbol(".") && cursor.accept_word("PEERS")
                         : cursor.accept_words({"FROM", "PEERS"}) || cursor.accept_words({"FROM", "ONLY", "PEERS"});
  const std::string hint = "DELETE FROM peers WHERE name = 'x' drops a peer; DROP MIRROR m drops a mirror";
  if (!peers) throw not_supported("DELETE is not supported but for one peer by its name", hint, start.begin);
  DropPeer drop;
  drop.as_delete = true;
  drop.if_exists = IfExists::yes;
  if (!cursor.accept_word("WHERE")) {
    throw not_supported("DELETE FROM peers without WHERE is not supported", hint, cursor.peek().begin);
  }
  const Token& column = cursor.expect_name("name");
  if (column.folded() != "name") {
    throw not_supported("peers are deleted by name alone, not by \"" + column.text + "\"", hint, column.begin);
  }
  if (!cursor.accept_symbol("=") && !cursor.accept_symbol("==")) cursor.fail("\"=\"");
  drop.name = cursor.expect_text("the peer's name as 'text'");
  cursor.expect_end();
  return drop;
}

}  // namespace peerd::sql
