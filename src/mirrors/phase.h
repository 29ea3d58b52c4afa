#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <span>

#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/mirror_observer.h"
#include "peerd/sources/query_source.h"
#include "peerd/sources/source.h"
#include "peerd/targets/target.h"
#include "status_board.h"

namespace peerd {

/// What one attempt at a mirror's phase works with, whatever it copies. Made by Mirror for each attempt, with fresh connections
/// and a fresh lease, so that whatever an earlier attempt left running at the target is fenced. Outlives the phase.
struct MirrorContext {
  MirrorRecord record;
  Lease lease;
  Catalog& catalog;
  Target& target;
  StatusBoard& board;
  MirrorObserver& observer;
  std::string MirrorStatus::*said = &MirrorStatus::step;  ///< Where its steps are shown.

  void step(std::string words) const {
    board.update(record.id, [&](MirrorStatus& status) { status.*said = std::move(words); });
  }
  /// Counts values that did not fit at the target, and logs the first of each column. From any thread.
  void count_unfit(const MirrorTable& table, std::span<const UnfitValues> found) const;
  /// Shows these tables, each by its name, with what was counted of it so far.
  void show_tables(const std::vector<MirrorTable>& tables) const;
};

/// Of a mirror of tables.
struct PhaseContext : MirrorContext {
  Source& source;
  std::size_t batch_bytes, queue_bytes;  ///< This mirror's share of PEERD_MEMORY_MB.

  // For a stream that goes on receiving while its target fails.
  std::string spool_directory{};  ///< The mirror's own; "": this process has nowhere to keep one.
  struct Renewed {
    Lease lease;
    std::unique_ptr<Target> target;
  };
  std::function<Renewed()> renew{};  ///< Another lease and another Target: what an attempt left at the target is fenced.
  /// Tells everybody that the target has failed, and is tried again after the delay.
  std::function<void(const ErrorText&, std::chrono::milliseconds delay)> tell_failure{};
  std::chrono::milliseconds retry_most{60'000};
  /// For who works beside the phase, on another thread.
  std::function<std::unique_ptr<Source>()> another_source{};
};

/// Of a mirror of a query.
struct QueryContext : MirrorContext {
  QuerySource& source;
};

/// For the log and mirror_logs.
void tell(const MirrorContext& context, const std::string& message);
/// The same as a warning, with what to do about it.
void warn(const MirrorContext& context, const std::string& message, const std::string& hint);

/// Deadlines of single calls. A phase has none: it ends by success, by a failure, or by its stop.
/// For opening a server's door: one that hangs is a failure to be shown, and the next attempt knocks again.
inline Wait prompt(const std::stop_token& stop) { return Wait::at_most(std::chrono::seconds(30), stop); }
inline Wait brief(const std::stop_token& stop) { return Wait::at_most(std::chrono::minutes(1), stop); }
inline Wait patient(const std::stop_token& stop) { return Wait::at_most(std::chrono::minutes(10), stop); }
/// For what may rightly last as long as the data is large or somebody's transaction runs.
inline Wait unbounded(const std::stop_token& stop) { return Wait::at_most(std::chrono::hours(24 * 365), stop); }

/// What a writer that is stopped has for the batch in hand.
inline constexpr std::chrono::milliseconds kStopGrace{5000};

/// What a mirror's consistency waits for: its highest horizon, or, while a table's rows are still to be read once more, what no
/// position ever reaches.
inline Lsn shown_horizon(Lsn highest, std::span<const MirrorTable> tables) {
  const bool unread = std::ranges::any_of(tables, [](const MirrorTable& t) { return t.notes.read_again != Lsn{}; });
  return unread ? Lsn{~0ull} : highest;
}

/// SETUP: publication, slot, the tables' shapes. Every step is stored before the next and harmless when repeated.
void set_up(PhaseContext& context, const std::stop_token& stop);

/// SNAPSHOT: plans what is not planned, copies what is not copied. On return every table is copied and has its horizon.
/// `working` is called after each chunk, from any worker: failures before it are over.
void copy_tables(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working);

/// RUNNING: streams until `stop`, then finishes or, after 5 s, abandons the apply in hand. Returns on a stop, and when it is to
/// be called again to stream otherwise, through the spool or past it; throws else.
/// `working` is called after each batch that was applied, and of a stream that stays quiet: failures before it are over.
void stream_changes(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working);

/// PAUSED, and receives: all that comes goes into the spool, and nothing of it to the target. Returns on a stop. As
/// stream_changes() else.
void receive_changes(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working);

}  // namespace peerd
