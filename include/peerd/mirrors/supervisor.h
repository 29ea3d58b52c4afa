#pragma once

#include <memory>
#include <span>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/connectors.h"
#include "peerd/mirrors/mirror_observer.h"
#include "peerd/mirrors/mirror_status.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// pause_receiving goes on receiving into the mirror's spool. drop_forced leaves behind what cannot be removed; left_behind()
/// says what that was.
enum class MirrorEvent : std::uint8_t { pause, pause_receiving, resume, drop, drop_forced };
inline bool pauses(MirrorEvent event) { return event == MirrorEvent::pause || event == MirrorEvent::pause_receiving; }
inline bool drops(MirrorEvent event) { return event == MirrorEvent::drop || event == MirrorEvent::drop_forced; }

/// All mirrors of this process. control calls it; thread-safe. Owns every Mirror and its threads.
/// A request is checked against state_table, stored in the catalog, then acted on: when it returns, the
/// change survives kill -9. What the state does not allow throws wrong_state with the table's sentence, a mirror that cannot
/// receive while it is paused the reason and the cure.
class Supervisor {
 public:
  struct Limits {
    std::uint64_t memory_bytes = 300ull << 20;        ///< PEERD_MEMORY_MB: shared by all queues of this process.
    std::chrono::milliseconds retry_max{60'000};      ///< PEERD_RETRY_MAX_MS: the longest back-off.
    std::string spools{};                             ///< The directory of all mirrors' spools; "": none can have one.
  };
  virtual ~Supervisor() = default;                    ///< stop(), if not yet called.
  virtual void adopt_all() = 0;                       ///< At start: leases and runs what the catalog holds.
  virtual void start(MirrorId mirror) = 0;            ///< Stored in SETUP; returns before SETUP is done.
  virtual void request(MirrorId mirror, MirrorEvent event) = 0;  ///< Returns once stored.
  /// Other tables or options of a mirror; returns once stored. One that works takes them up at once, a new table's copy
  /// first; another one when it is resumed.
  virtual void change(const MirrorRecord& mirror, const MirrorSpec& spec) = 0;
  /// RESYNC of these of its tables; returns once stored. A failed mirror goes on with it, a paused one when it is resumed.
  virtual void resync(MirrorId mirror, std::span<const TableId> tables) = 0;
  /// For PAUSE, DROP and tests: true when it got there. False on another end (then status().last_error says why).
  virtual bool await(MirrorId mirror, MirrorState state, const Wait& wait) = 0;
  /// After a forced drop: what of the mirror could not be removed, a sentence each. Tells it once.
  virtual std::vector<std::string> left_behind(MirrorId) { return {}; }
  /// What MirrorStatus::new_tables is from now on.
  virtual void show_new_tables(MirrorId, std::vector<NewTable>) {}
  virtual MirrorStatus status(MirrorId mirror) const = 0;        ///< Throws not_found.
  virtual std::vector<MirrorStatus> statuses() const = 0;        ///< By name.
  /// Asks all mirrors to stop, joins them. False when some thread was still busy at wait.until: its
  /// name is logged and main leaves with _exit, which loses nothing.
  virtual bool stop(const Wait& wait) = 0;

  static std::unique_ptr<Supervisor> make(Catalog& catalog, const Connectors& connectors, MirrorObserver& observer, Limits limits);
};

}  // namespace peerd
