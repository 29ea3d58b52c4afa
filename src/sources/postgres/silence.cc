#include "postgres/silence.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

constexpr auto kAway = 1s;    ///< Between two reads: longer, and the reader was busy with something else.
constexpr auto kAsk = 10s;
constexpr auto kJudge = 20s;  ///< An answer takes a round trip, so ten seconds are plenty.

/// True when it is in the midst of something; false when it waits for its client, that is for us, or is not there.
bool at_work(const Connect& connect, int pid, const Wait& wait) {
  const postgres::Result found =
      connect(false, wait)->run("SELECT coalesce(wait_event_type, '') NOT IN ('Activity', 'Client') FROM pg_stat_activity WHERE pid = $1",
                                {{std::to_string(pid)}}, wait);
  return found.rows() > 0 && found.boolean(0, 0);
}

}  // namespace

void Silence::listening(Clock::Instant now) {
  if (now - listened_ > kAway) heard_ = true;
  listened_ = now;
}

Silence::Step Silence::after(Clock::Instant now) {
  listened_ = now;
  if (std::exchange(heard_, false)) {
    since_ = now;
    asked_ = false;
  }
  if (!asked_ && now - since_ >= kAsk) {
    asked_ = true;
    return Step::ask;
  }
  return now - since_ >= kJudge ? Step::judge : Step::none;
}

void Silence::judge(const Connect& connect, int pid, const std::stop_token& stop) {
  std::string why = "its walsender does not answer";
  try {
    if (at_work(connect, pid, Wait::at_most(5s, stop))) {
      heard_ = true;
      return;
    }
  } catch (const Error& error) {
    // A server that only has no room for another connection is alive, and says nothing of this one.
    if (error.text.code != ErrorCode::unreachable && error.text.code != ErrorCode::timeout) {
      heard_ = true;
      return;
    }
    why = error.text.message;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kJudge).count();
  throw Error(ErrorCode::unreachable, "nothing has come from the source for " + std::to_string(seconds) + " s: " + why,
              "the connection is taken for dead: check the network, proxies and firewalls on the way");
}

}  // namespace peerd
