#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"
#include "peerd/base/option_table.h"
#include "peerd/catalog/alert_store.h"
#include "peerd/changes/chunk.h"
#include "peerd/mirrors/mirror_observer.h"
#include "peerd/mirrors/mirror_status.h"

namespace peerd {

struct AlertPlan;    // A configuration as it was read: src/alerts/alert_plan.h.
struct AlertNotice;  // What is said: src/alerts/notice.h.

/// How a mirror has gone since this process began, beside its status.
struct MirrorTrail {
  bool worked = false;                                ///< Something of it worked since the last failure, or the start.
  std::optional<Clock::Instant> failing_since;        ///< Without a success in between.
  std::optional<SlotStatus> slot;
  std::optional<Clock::Instant> slot_seen;            ///< When the source last answered.
  Lsn applied;
  std::optional<Clock::Instant> applied_since;        ///< For how long it has stood there while it streamed.
  std::optional<Clock::Instant> moved_at;             ///< When it was last seen to go on.
  std::optional<Clock::Instant> running_since;        ///< Without a pause or failure in between.
};

/// Tells operators, by the ways that they have configured, what is wrong with their mirrors: one message for each
/// cause, and one when it is over (docs/alerts.md). What was told is kept in the catalog, so a restart repeats nothing
/// and forgets nothing; a message that nobody takes is tried again. The daemon owns it; it outlives the mirrors, and
/// start() .. stop() lie within their lives. Nothing that a receiver or the catalog does here can keep a mirror
/// waiting: as an observer it notes and returns, and everything else happens on its own thread or the caller's.
class Alerts final : public MirrorObserver {
 public:
  using Statuses = std::function<std::vector<MirrorStatus>()>;
  /// Gives one message to a receiver. Throws Error when it was not taken; `taken`: by whom of several it was, who are
  /// passed over the next time.
  using Send = std::function<void(const AlertPlan&, const AlertNotice&, std::set<std::string>& taken, const Wait&)>;
  Alerts(AlertStore& store, Clock& clock);             ///< Sends for real.
  Alerts(AlertStore& store, Clock& clock, Send send);  ///< For tests.
  ~Alerts() override;

  /// Begins the thread: a round every two seconds. `statuses` outlives stop(). Every mirror of the catalog is among
  /// them.
  void start(Statuses statuses);
  void ask_to_stop();           ///< Ends what is being sent, and returns.
  void stop();                  ///< Idempotent; the same, and joins.
  bool stop(const Wait& wait);  ///< The same; false when it does not end in time.
  /// One round: what holds is compared with what was told, and what has to be told is sent. Called by the thread, or by
  /// tests. Nobody is asked for `statuses` while there is no configuration.
  void round(const Statuses& statuses, const std::stop_token& stop) noexcept;

  // What operators ask. Thread-safe.
  std::vector<AlertConfig> list();  ///< Secrets as "".
  /// -1 makes one, unless the same is there; an id replaces that one, whose secrets stay where they come empty. Returns
  /// its id. Throws invalid_option naming the field, not_found.
  std::int64_t put(AlertConfig config);
  /// put(-1) of a configuration whose fields are given one by one, as SQL has them: a list is a text with commas.
  std::int64_t make(std::string service_type, const RawOptions& fields, std::vector<std::string> mirrors);
  /// Some fields of one that is there, as put() would store it, and its mirrors where they are given. Throws not_found, invalid_option.
  void change(std::int64_t id, const RawOptions& set, std::span<const std::string> reset,
              const std::optional<std::vector<std::string>>& mirrors);
  void drop(std::int64_t id);  ///< Throws not_found.
  /// Sends one message that says it is a test. Throws not_found, or what came in the way.
  void test(std::int64_t id, const Wait& wait);

  void moved(MirrorId mirror, MirrorState from, MirrorState to, std::string_view reason) noexcept override;
  void chunk_done(MirrorId mirror, const ChunkRecord&) noexcept override { worked(mirror); }
  void batch_done(MirrorId mirror, const BatchRecord&) noexcept override { worked(mirror); }
  void slot_seen(MirrorId mirror, const SlotStatus& slot) noexcept override;
  void failed(MirrorId mirror, const ErrorText& error, Verdict verdict) noexcept override;
  void recovered(MirrorId mirror) noexcept override { worked(mirror); }

 private:
  using Key = std::tuple<std::int64_t, std::string, std::string>;  ///< Configuration, mirror, cause.
  /// A message that was refused, by some or by all of a configuration's channels: it waits, and others go before it.
  struct Refused {
    std::string message{};          ///< Of a cause, or of its end.
    std::set<std::string> taken{};  ///< By whom it was.
    Clock::Instant pause_until{};
    unsigned times = 0;
  };
  /// Of a configuration, since this process began.
  struct Receiver {
    AlertConfig config{};
    Clock::Instant pause_until{};  ///< It does not answer.
    unsigned failures = 0;
    bool refuses = false;          ///< What was told last was refused.
    std::map<Key, Refused> refused{};
  };
  std::int64_t put_alone(AlertConfig config) PEERD_REQUIRES(changing_);
  void drop_gone(const std::vector<AlertConfig>& configs);
  std::vector<AlertPlan> read_plans(const std::vector<AlertConfig>& configs);
  void tell_anew(std::int64_t config);
  void rest() noexcept;
  void worked(MirrorId mirror) noexcept;
  void run(const std::stop_token& stop);
  void load();
  std::vector<std::pair<MirrorStatus, MirrorTrail>> with_trails(const std::vector<MirrorStatus>& mirrors);
  void judge(const AlertPlan& plan, const std::vector<std::pair<MirrorStatus, MirrorTrail>>& mirrors);
  void end_of_gone(const std::vector<MirrorStatus>& mirrors);
  bool is_heard(const OpenCause& cause) const;
  void end(OpenCause cause);
  void keep(const OpenCause& cause);
  void forget(const OpenCause& cause);
  void store() noexcept;
  std::optional<OpenCause> next_due(const AlertPlan& plan) const;
  void tell(const std::vector<AlertPlan>& plans, const std::stop_token& stop);
  void tell_one(const AlertPlan& plan, const OpenCause& cause, const std::stop_token& stop);
  void note_told(const AlertPlan& plan, OpenCause cause);
  void note_failure(const AlertPlan& plan, const OpenCause& cause, const Error& error);

  // Constant after construction.
  AlertStore& store_;
  Clock& clock_;
  const Send send_;
  // Of the one thread that rounds.
  Statuses statuses_;
  bool loaded_ = false, failing_ = false, full_ = false;
  std::map<Key, OpenCause> open_;             ///< As the catalog has them, but for these:
  std::set<Key> unstored_;                    ///< A catalog that takes nothing keeps nobody from being told.
  std::int64_t last_told_ = 0;                ///< The configuration whose turn was last.
  std::map<std::int64_t, Receiver> receivers_;
  Mutex changing_;  ///< A change is read, made and written by one operator at a time.
  // Guarded by mutex_.
  Mutex mutex_;
  std::map<MirrorId, MirrorTrail> trails_ PEERD_GUARDED_BY(mutex_);
  std::thread thread_;
  std::future<void> finished_;  ///< It has nothing more to do.
  std::stop_source stop_;
};

}  // namespace peerd
