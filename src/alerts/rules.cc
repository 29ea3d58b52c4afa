#include "rules.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {
namespace {

using Says = Finding::Says;
using std::chrono::duration_cast;
using std::chrono::seconds;

/// A mirror that goes on after a rest is behind by all of it, and may be there in no time.
constexpr seconds kSettling{60};
constexpr std::string_view kLook = "SELECT step, last_error, last_error_hint FROM mirrors";

std::string in_mb(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MB"; }
std::string in_seconds(Clock::Instant::duration time) { return std::to_string(duration_cast<seconds>(time).count()) + " s"; }

struct Judge {
  const MirrorStatus& mirror;
  const MirrorTrail& trail;
  const AlertThresholds& thresholds;
  Clock::Instant now;

  /// The source has answered lately: what the status tells of it is of now.
  bool fresh() const { return trail.slot_seen && now - *trail.slot_seen <= seconds(60); }
  bool in(MirrorState state) const { return mirror.state == state; }
  bool ends() const { return in(MirrorState::terminating) || in(MirrorState::terminated); }
  /// Nobody expects anything of it: an operator has stopped it, or it has not begun.
  bool rests() const {
    return in(MirrorState::paused) || in(MirrorState::pausing) || in(MirrorState::setup) || in(MirrorState::snapshot) ||
           in(MirrorState::completed);
  }
  std::string named(const std::string& text) const { return "mirror " + mirror.name + " " + text; }
  std::string last_error() const { return mirror.last_error ? mirror.last_error->message : mirror.reason; }
  std::string last_hint() const { return mirror.last_error ? mirror.last_error->hint : std::string(); }

  Finding failed() const {
    if (!in(MirrorState::failed)) return {"failed", Says::over, {}, {}};
    const std::string hint = last_hint();
    return {"failed", Says::holds, named("has failed and waits for you: ") + last_error(),
            hint.empty() ? "cure the cause, then RESUME MIRROR " + mirror.name : hint};
  }

  Finding retrying() const {
    if (!thresholds.retrying || (in(MirrorState::paused) && !mirror.receives)) return {"retrying", Says::over, {}, {}};
    if (in(MirrorState::failed)) return {"retrying", Says::unknown, {}, {}};  // That is told, and is not better.
    if (!mirror.failing || !trail.failing_since) return {"retrying", trail.worked ? Says::over : Says::unknown, {}, {}};
    const auto since = now - *trail.failing_since;
    if (since < *thresholds.retrying) return {"retrying", Says::unknown, {}, {}};
    return {"retrying", Says::holds, named("has failed and tried again for ") + in_seconds(since) + ": " + last_error(), last_hint()};
  }

  /// Over only once it is a fifth below, so that a figure near its threshold does not call twice a minute.
  template <typename Figure>
  Says against(Figure figure, Figure most) const {
    if (figure >= most) return Says::holds;
    return figure < most - most / 5 || figure == Figure{} ? Says::over : Says::unknown;
  }

  Finding lag_seconds() const {
    const auto lag = std::max(mirror.lag_time, mirror.position_lag);
    if (!thresholds.lag || rests()) return {"lag_seconds", Says::over, {}, {}};
    if (!fresh() || !in(MirrorState::running)) return {"lag_seconds", Says::unknown, {}, {}};
    const Says says = against<std::chrono::milliseconds>(lag, *thresholds.lag);
    const bool settled = trail.running_since && now - *trail.running_since >= kSettling;
    return {"lag_seconds", says == Says::holds && !settled ? Says::unknown : says,
            named("is ") + in_seconds(lag) + " behind its source, more than " + in_seconds(*thresholds.lag), std::string(kLook)};
  }

  Finding lag_bytes() const {
    if (!thresholds.lag_bytes || rests()) return {"lag_bytes", Says::over, {}, {}};
    if (!fresh() || !in(MirrorState::running)) return {"lag_bytes", Says::unknown, {}, {}};
    return {"lag_bytes", against(mirror.lag_bytes(), *thresholds.lag_bytes),
            named("is ") + in_mb(mirror.lag_bytes()) + " of WAL behind its source, more than " + in_mb(*thresholds.lag_bytes), std::string(kLook)};
  }

  Finding wal_kept() const {
    if (!thresholds.wal_kept_bytes) return {"wal_kept", Says::over, {}, {}};
    if (!fresh() || ends()) return {"wal_kept", Says::unknown, {}, {}};
    return {"wal_kept", against(mirror.wal_kept_bytes, *thresholds.wal_kept_bytes),
            named("keeps ") + in_mb(mirror.wal_kept_bytes) + " of WAL at peer " + mirror.source + ", more than " + in_mb(*thresholds.wal_kept_bytes),
            in(MirrorState::paused) ? "RESUME MIRROR " + mirror.name + ", or drop it: the source's disk fills" : std::string(kLook)};
  }

  /// Beyond it the spool takes what comes, where there is one, and at its end the slot may be given up.
  Finding wal_budget() const {
    if (!thresholds.budget_percent) return {"wal_budget", Says::over, {}, {}};
    if (!fresh() || ends() || mirror.wal_budget_bytes == 0) return {"wal_budget", Says::unknown, {}, {}};
    const std::uint64_t most = mirror.wal_budget_bytes / 100 * *thresholds.budget_percent;
    return {"wal_budget", against(mirror.wal_kept_bytes, std::max<std::uint64_t>(most, 1)),
            named("keeps ") + in_mb(mirror.wal_kept_bytes) + " of WAL at peer " + mirror.source + ", more than " +
                std::to_string(*thresholds.budget_percent) + " % of its budget of " + in_mb(mirror.wal_budget_bytes),
            in(MirrorState::paused) ? "RESUME MIRROR " + mirror.name + ", or let it receive: PAUSE MIRROR " + mirror.name + " WITH (receive = true)"
                                    : "with spool = 'when_needed' it receives beyond the budget into its spool; " + std::string(kLook)};
  }

  Finding spool_full() const {
    if (mirror.spool_full.empty()) return {"spool_full", Says::over, {}, {}};
    return {"spool_full", Says::holds,
            named("receives nothing more, and its source keeps WAL, ") + in_mb(mirror.wal_kept_bytes) + " by now: " + mirror.spool_full,
            "let the target take changes" + std::string(in(MirrorState::paused) ? " (RESUME MIRROR " + mirror.name + ")" : "") +
                ", or ALTER MIRROR " + mirror.name + " SET (spool_max_bytes = …); its option on_spool_full says what follows"};
  }

  /// A table that is parked stays so, whatever the mirror does meanwhile.
  Finding parked() const {
    std::string names;
    const TableStatus* first = nullptr;
    for (const TableStatus& table : mirror.tables) {
      if (!table.parked) continue;
      if (first == nullptr) first = &table;
      names += (names.empty() ? "" : ", ") + table.source;
    }
    if (first == nullptr) return {"table_parked", Says::over, {}, {}};
    return {"table_parked", Says::holds, named("goes on without ") + names + ", whose changes are left out: " + first->parked->reason, first->parked->hint};
  }

  /// What a pattern names is asked for, or cannot be added.
  Finding new_tables() const {
    if (mirror.new_tables.empty()) return {"new_tables", Says::over, {}, {}};
    std::string names;
    for (const NewTable& table : mirror.new_tables) names += (names.empty() ? "" : ", ") + table.source;
    return {"new_tables", Says::holds, named("does not have what its patterns name: ") + names + ": " + mirror.new_tables.front().reason,
            mirror.new_tables.front().hint};
  }

  Finding slot_lost() const {
    if (!fresh() || ends()) return {"slot_lost", Says::unknown, {}, {}};
    const bool gone = !trail.slot->exists;
    if (!gone && trail.slot->wal_status != "lost") return {"slot_lost", Says::over, {}, {}};
    return {"slot_lost", Says::holds,
            named("has lost its slot ") + quote_identifier(trail.slot->slot) + " at peer " + mirror.source + ": it is " + (gone ? "gone" : "lost"),
            "it cannot go on without a gap: RESYNC MIRROR " + mirror.name + " makes another and copies the tables anew"};
  }

  Finding slot_unreserved() const {
    if (!fresh() || ends()) return {"slot_unreserved", Says::unknown, {}, {}};
    // That it is lost now is no end of it.
    if (!trail.slot->exists || trail.slot->wal_status == "lost") return {"slot_unreserved", Says::unknown, {}, {}};
    if (trail.slot->wal_status != "unreserved") return {"slot_unreserved", Says::over, {}, {}};
    return {"slot_unreserved", Says::holds, named("may lose WAL that it needs at any moment: its slot at peer ") + mirror.source + " is unreserved",
            "let it catch up, or raise max_slot_wal_keep_size at the source"};
  }

  /// An idle mirror has nothing to bring, whatever the time.
  Finding stalled() const {
    if (!thresholds.stalled || rests()) return {"stalled", Says::over, {}, {}};
    if (!fresh() || !in(MirrorState::running)) return {"stalled", Says::unknown, {}, {}};
    if (mirror.lag_bytes() == 0 || mirror.position_lag.count() == 0) return {"stalled", Says::over, {}, {}};
    if (mirror.failing || !trail.applied_since) return {"stalled", Says::unknown, {}, {}};
    const auto still = now - *trail.applied_since;
    // `still` begins anew with a failure, too, which brings nothing.
    const bool moves = trail.moved_at && now - *trail.moved_at < *thresholds.stalled;
    if (still < *thresholds.stalled) return {"stalled", moves ? Says::over : Says::unknown, {}, {}};
    return {"stalled", mirror.position_lag >= *thresholds.stalled ? Says::holds : Says::unknown,
            named("has brought nothing for ") + in_seconds(still) + " though " + std::to_string(mirror.lag_bytes()) +
                " bytes of WAL wait: " + mirror.step,
            std::string(kLook)};
  }
};

}  // namespace

std::vector<Finding> judge_mirror(const MirrorStatus& mirror, const MirrorTrail& trail, const AlertThresholds& thresholds, Clock::Instant now) {
  const Judge judge{mirror, trail, thresholds, now};
  return {judge.failed(),     judge.retrying(),  judge.lag_seconds(),     judge.lag_bytes(), judge.wal_kept(), judge.wal_budget(),
          judge.spool_full(), judge.parked(),    judge.new_tables(),      judge.slot_lost(), judge.slot_unreserved(), judge.stalled()};
}

std::string_view severity_of(std::string_view cause) {
  const bool grave = cause == "failed" || cause == "slot_lost" || cause == "slot_unreserved" || cause == "stalled" || cause == "spool_full" ||
                     cause == "table_parked";
  return grave ? "critical" : "warning";
}

}  // namespace peerd
