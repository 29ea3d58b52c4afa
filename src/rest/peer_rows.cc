#include "peer_rows.h"

#include <cstdlib>

#include "json.h"
#include "peerd/base/text.h"

namespace peerd::rest {
namespace {

constexpr std::chrono::seconds kLongest{20};  // As checking a peer.

/// "peer_name" -> "peerName".
std::string camel(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool capital = i > 0 && name[i - 1] == '_';
    if (name[i] != '_') out += static_cast<char>(capital ? name[i] - 'a' + 'A' : name[i]);
  }
  return out;
}

}  // namespace

void PeerRows::row(std::span<const std::optional<std::string_view>> cells) {
  rows_.emplace_back(cells.begin(), cells.end());
}

std::int64_t PeerRows::integer(std::size_t row, std::size_t column) const {
  return read_integer(text(row, column)).value_or(0);
}

double PeerRows::real(std::size_t row, std::size_t column) const {
  return std::strtod(text(row, column).c_str(), nullptr);
}

std::string query_text(const Call& call, std::string_view name) {
  const auto given = call.optional(name, call.optional(camel(name)));
  return given.empty() ? call.required(name) : std::string(given);
}

bool query_boolean(const Call& call, std::string_view name, bool otherwise) {
  const auto given = call.optional(name, call.optional(camel(name)));
  if (given.empty()) return otherwise;
  if (given != "true" && given != "false") {
    refuse_field(std::string(name), std::string(name) + " must be true or false");
  }
  return given == "true";
}

std::int64_t query_integer(const Call& call, std::string_view name, std::int64_t otherwise, std::int64_t least,
                           std::int64_t most) {
  const bool plain = !call.optional(name).empty();
  return call.integer(plain ? std::string(name) : camel(name), otherwise, least, most);
}

std::unique_ptr<PeerSession> source_session(Call& call, const std::string& peer) {
  const std::string kind = call.deps.peers.get(peer).kind;
  if (!call.deps.peers.connectors().of(kind).source) {
    refuse_field("peer_name", "peer \"" + peer + "\" is a " + kind + ", which cannot be a source",
                 "ask for a peer of those that peers/list has in sourceItems");
  }
  return call.deps.peers.session(peer);
}

PeerRows ask(PeerSession& session, const std::string& sql, const Call& call) {
  PeerRows rows;
  session.query(sql, rows, call.wait.shorter(kLongest));
  return rows;
}

}  // namespace peerd::rest
