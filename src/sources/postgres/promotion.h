#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "peerd/changes/lsn.h"
#include "peerd/postgres/connection.h"

// A standby that was promoted: whether a mirror of its primary can go on there (docs/adr/0021).
namespace peerd {

/// Where `timeline` was left, by the history of a later one, as its file tells it; nullopt when it is no ancestor.
/// Pure.
std::optional<Lsn> left_at(std::string_view history, std::uint32_t timeline);

struct Promotion {
  std::uint32_t before = 0, now = 0;  ///< Timelines.
  Lsn reached;  ///< What target and spool hold was committed before it.
  Lsn from;     ///< Where the stream goes on.
};
/// Throws position_lost, with the reason. `replication`: a connection in replication mode, for the history;
/// `connection`: an ordinary one.
void check_promoted(postgres::Connection& replication, postgres::Connection& connection, const std::string& slot,
                    const Promotion& promotion, const Wait& wait);

/// Throws source_unfit (later): the server is a standby.
[[noreturn]] void throw_standby();
/// The server's, as its WAL is written on now; 0: it is a standby. Needs no right.
std::uint32_t timeline_of(postgres::Connection& connection, const Wait& wait);
/// That another connection leads to the server that was checked: not to one that has taken its address meanwhile.
/// Throws unreachable (later).
void require_timeline(postgres::Connection& connection, std::uint32_t timeline, const Wait& wait);

}  // namespace peerd
