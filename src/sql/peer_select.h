#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "peerd/control/control.h"
#include "relations.h"
#include "runnable.h"
#include "values.h"

namespace peerd::sql {

/// The peer whose tables the query reads (`peer.schema.table`); nullopt when it reads none of a peer. Throws
/// StatementError: 0A000 for two peers, or a peer and one of peerd's views; 42P01 for a name of three parts that begins
/// with no peer.
std::optional<std::string> peer_of(std::span<const Token> tokens, const Relations& relations, PeerControl& peers,
                                   std::span<const View> views);

/// The query as the peer gets it: the peer's name taken off, parameters as literals.
std::string peer_text(std::string_view sql, std::span<const Token> tokens, const Relations& relations,
                      const std::string& peer, std::span<const Parameter> parameters, std::string_view kind);

/// Runs it there. All columns are of type text, since a PeerSession tells names alone.
std::unique_ptr<Runnable> make_peer_select(PeerControl& peers, const std::string& peer, std::string text);

/// Runs whatever the text says there, which must give rows and only read: the peer's session is a read-only one.
std::unique_ptr<Runnable> make_peer_execute(PeerControl& peers, const std::string& peer, std::string text);

}  // namespace peerd::sql
