// How much WAL a slot has kept over time, as module history has written it down for the slot's mirror.
#include <algorithm>
#include <array>

#include "figures.h"
#include "json.h"
#include "peerd/base/text.h"
#include "peerd/history/history.h"
#include "peer_rows.h"
#include "proto/figures.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

constexpr std::int64_t kMostPoints = 720;
constexpr double kGigabyte = 1e9;

struct Unit {
  std::string_view word;
  std::int64_t seconds;
};
constexpr std::array kUnits{Unit{"second", 1},   Unit{"minute", 60},     Unit{"hour", 3600},
                            Unit{"day", 86'400}, Unit{"week", 604'800}, Unit{"month", 2'592'000}};

/// "5 minutes", "1 hour": a number and a unit, as PeerDB's clients write an interval.
std::int64_t seconds_of(std::string_view text) {
  const auto blank = text.find(' ');
  const auto number = read_integer(text.substr(0, blank));
  std::string word = blank == std::string_view::npos ? "" : to_lower(text.substr(blank + 1));
  if (word.ends_with('s')) word.pop_back();
  const auto unit = std::ranges::find(kUnits, word, &Unit::word);
  if (number && *number > 0 && *number <= 1'000'000 && unit != kUnits.end()) return *number * unit->seconds;
  refuse_field("time_since", "time_since is no length of time",
               "write a number and a unit: 5 minutes, 1 hour, 1 day, 1 month");
}

}  // namespace

std::string slot_lag_history(Call& call) {
  peerdb_route::GetSlotLagHistoryRequest body;
  read_json(call.body, body);
  const std::int64_t since = seconds_of(body.time_since());
  call.deps.peers.get(body.peer_name());
  const std::int64_t now = unix_now();
  peerdb_route::GetSlotLagHistoryResponse reply;
  for (const auto& [slot, mirror] : mirrors_by_slot(call.deps.catalog, body.peer_name())) {
    if (slot != body.slot_name()) continue;
    const std::int64_t from = now - std::min(since, HistoryStore::kCoarseKept);
    const History history =
        history_of(call.deps.catalog, call.deps.mirrors.record(mirror).id, {from, now, kMostPoints}, now);
    for (std::size_t i = 0; i < history.at.size(); ++i) {
      if (!history.samples[i]) continue;
      auto& point = *reply.add_data();
      point.set_time(static_cast<double>(history.at[i]) * 1000);
      point.set_size(static_cast<double>(history.samples[i]->wal_kept_bytes) / kGigabyte);
    }
  }
  return write_json(reply);
}

}  // namespace peerd::rest
