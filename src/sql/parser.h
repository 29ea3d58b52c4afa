#pragma once

#include <span>

#include "statement.h"
#include "token_cursor.h"

namespace peerd::sql {

/// Reads one statement, given without its semicolon. Throws StatementError: 42601 with position and what was expected;
/// 0A000 for what Postgres or PeerDB know and peerd does not do. REQUIRES: `tokens` not empty.
Statement parse_statement(std::span<const Token> tokens, std::span<const Parameter> values = {});

// Parts of it, each called behind its first words.
Statement parse_create_peer(TokenCursor& cursor, Replace replace);
Statement parse_create_mirror(TokenCursor& cursor);
Statement parse_alter(TokenCursor& cursor, std::size_t begin);
/// ( name = value, … ). Names may hold dots: properties.linger.ms, properties."linger.ms".
void parse_option_list(TokenCursor& cursor, RawOptions& options, OptionPositions& positions);
/// schema.table:table or {from: …, to: …}.
TableMapping parse_mapping(TokenCursor& cursor, std::vector<std::string>& notices);
/// s.t or t; what it must be is control's to say.
std::string parse_table(TokenCursor& cursor, std::string_view what);
Statement parse_drop_peer(TokenCursor& cursor);
Statement parse_change_mirror(TokenCursor& cursor, MirrorEvent event);
Statement parse_create_alert(TokenCursor& cursor);
Statement parse_alter_alert(TokenCursor& cursor);
Statement parse_drop_alert(TokenCursor& cursor);
Statement parse_test(TokenCursor& cursor);
/// ( name, … ), as RESET has them.
std::vector<std::string> parse_option_names(TokenCursor& cursor);
Statement parse_delete(TokenCursor& cursor);
/// BEGIN, SET, SHOW, RESET, DISCARD, DEALLOCATE, CLOSE, UNLISTEN; nullopt when the statement is none of them.
std::optional<Statement> parse_session_statement(TokenCursor& cursor);
/// [IF EXISTS], [IF NOT EXISTS].
IfExists parse_if_exists(TokenCursor& cursor);

}  // namespace peerd::sql
