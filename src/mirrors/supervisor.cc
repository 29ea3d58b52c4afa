#include "peerd/mirrors/supervisor.h"

#include <unistd.h>

#include <algorithm>

#include "mirror.h"
#include "parked.h"
#include "peerd/base/log.h"
#include "phase.h"
#include "slot_watch.h"
#include "spooled_stream.h"

namespace peerd {
namespace {

Step step_of(MirrorEvent event) {
  switch (event) {
    case MirrorEvent::pause:
    case MirrorEvent::pause_receiving: return Step::pause;
    case MirrorEvent::resume: return Step::resume;
    case MirrorEvent::drop:
    case MirrorEvent::drop_forced: return Step::drop;
  }
  throw Error(ErrorCode::internal, "unknown mirror event");
}

/// What a FAILED mirror waits for an operator to cure: its log's last error outlives the process.
void recall_error(Catalog& catalog, MirrorStatus& status) {
  const std::vector<LogRecord> lines = catalog.logs(status.id);
  const auto last = std::find_if(lines.rbegin(), lines.rend(), [](const LogRecord& line) { return line.level == "error"; });
  if (last == lines.rend()) return;
  status.last_error = ErrorText{.code = ErrorCode::peer_error, .message = last->message, .detail = last->detail, .hint = last->hint};
  status.last_error_at_us = last->at_us;
}

/// What the catalog knows of a mirror, before its thread has anything to add.
MirrorStatus first_status(Catalog& catalog, const MirrorRecord& record) {
  MirrorStatus status = status_of(record);
  const MirrorProgress progress = catalog.progress(record.id);
  if (progress.checkpoint) status.applied = status.confirmed = progress.checkpoint->lsn;
  // How far a query is copied, no position tells.
  if (!record.spec.of_query())
    for (const auto& note : progress.notes) status.horizon = std::max(status.horizon, note.horizon);
  status.horizon = shown_horizon(status.horizon, progress.tables);
  const std::vector<ChunkRecord> chunks = catalog.chunks(record.id);
  for (const MirrorTable& table : progress.tables) {
    TableStatus shown{.id = table.schema.id, .source = table.schema.qualified(), .target = table.target_name};
    for (const ChunkRecord& chunk : chunks) {
      if (chunk.chunk.table != table.schema.id) continue;
      ++shown.chunks_total;
      shown.chunks_done += chunk.done;
      shown.rows_copied += chunk.counts.rows;
    }
    if (const auto* const note = progress.note(table.schema.id)) shown.parked = note->parked;
    if (shown.parked) {
      status.last_error = told_of(shown.source, *shown.parked);
      status.last_error_at_us = shown.parked->since_us;
    }
    status.tables.push_back(std::move(shown));
  }
  if (record.state == MirrorState::failed) recall_error(catalog, status);
  return status;
}

class Mirrors : public Supervisor {
 public:
  Mirrors(Catalog& catalog, const Connectors& connectors, MirrorObserver& observer, Limits limits)
      : catalog_(catalog),
        world_{.catalog = catalog, .connectors = connectors, .observer = observer, .board = board_, .limits = limits,
               .owner = "pid " + std::to_string(getpid()), .mirrors = [this] { return board_.all().size(); },
               .condemn = [this](MirrorId mirror, const ErrorText& error) { condemn(mirror, error); }},
        watch_(world_) {}
  ~Mirrors() override { stop(Wait::at_most(std::chrono::seconds(9))); }

  void adopt_all() override {
    for (const MirrorRecord& record : catalog_.mirrors()) adopt(record);
  }
  void start(MirrorId mirror) override {
    const auto record = catalog_.mirror(mirror);
    if (!record) throw Error(ErrorCode::not_found, "the mirror is not in the catalog");
    adopt(*record);
  }
  void request(MirrorId mirror, MirrorEvent event) override;
  void change(const MirrorRecord& mirror, const MirrorSpec& spec) override;
  void resync(MirrorId mirror, std::span<const TableId> tables) override;
  bool await(MirrorId mirror, MirrorState state, const Wait& wait) override;
  std::vector<std::string> left_behind(MirrorId mirror) override { return board_.take_left(mirror); }
  void show_new_tables(MirrorId mirror, std::vector<NewTable> tables) override {
    board_.update(mirror, [&](MirrorStatus& status) { status.new_tables = std::move(tables); });
  }
  MirrorStatus status(MirrorId mirror) const override {
    if (auto found = board_.get(mirror)) return *found;
    throw Error(ErrorCode::not_found, "the mirror does not exist");
  }
  std::vector<MirrorStatus> statuses() const override { return board_.all(); }
  bool stop(const Wait& wait) override;

 private:
  void adopt(const MirrorRecord& record);
  void require_receivable(const MirrorRecord& record);
  void tell_pause(const MirrorRecord& mirror, bool receives, const std::string& reason);
  void condemn(MirrorId mirror, const ErrorText& error) {
    Lock lock(mutex_);
    if (const auto found = mirrors_.find(mirror); found != mirrors_.end()) found->second->condemn(error);
  }

  Catalog& catalog_;
  StatusBoard board_;
  MirrorWorld world_;
  Mutex mutex_;
  bool stopping_ PEERD_GUARDED_BY(mutex_) = false;
  std::map<MirrorId, std::unique_ptr<Mirror>> mirrors_ PEERD_GUARDED_BY(mutex_);
  SlotWatch watch_;
};

void Mirrors::adopt(const MirrorRecord& record) {
  board_.put(first_status(catalog_, record));
  Lock lock(mutex_);
  if (stopping_) throw Error(ErrorCode::wrong_state, "peerd is stopping");
  std::erase_if(mirrors_, [](const auto& entry) { return entry.second->ended(); });
  mirrors_[record.id] = std::make_unique<Mirror>(world_, record);
}

void Mirrors::require_receivable(const MirrorRecord& record) {
  if (const auto why = why_not_receive(record, catalog_.progress(record.id), world_.limits.spools)) throw Error(*why);
}

/// Of a mirror that is paused already, and otherwise from now on.
void Mirrors::tell_pause(const MirrorRecord& mirror, bool receives, const std::string& reason) {
  board_.update(mirror.id, [&](MirrorStatus& status) { status.reason = reason; });
  catalog_.log(mirror.id, {.level = "info",
                           .message = receives ? "paused, goes on receiving into its spool" : "paused, receives nothing any more",
                           .detail = {}, .hint = {}});
}

void Mirrors::request(MirrorId mirror, MirrorEvent event) {
  const Step step = step_of(event);
  // The mirror's own thread moves states too: when it was quicker, the request is checked against the new state.
  for (int tries = 0;; ++tries) {
    const auto record = catalog_.mirror(mirror);
    if (!record) throw Error(ErrorCode::not_found, "the mirror does not exist");
    const Transition row = transition(record->state, step);
    if (row.outcome == Transition::Outcome::refused)
      throw Error(ErrorCode::wrong_state, "cannot " + std::string(to_string(step)) + " mirror \"" + record->spec.name + "\": " + std::string(row.sentence));
    const bool receives = event == MirrorEvent::pause_receiving;
    if (receives) require_receivable(*record);
    const bool otherwise = pauses(event) && row.outcome == Transition::Outcome::already && record->receives != receives;
    if (row.outcome == Transition::Outcome::already && step != Step::drop && !otherwise) return;
    const MirrorState to = row.to.value_or(record->resume_to);
    try {
      if (row.outcome == Transition::Outcome::moves) {
        catalog_.move(mirror, record->state, to, row.sentence, pauses(event) ? std::optional(receives) : std::nullopt);
        announce(world_, mirror, record->state, to, row.sentence);
      } else if (otherwise) {
        catalog_.move(mirror, record->state, to, pause_reason(receives), receives);
        tell_pause(*record, receives, pause_reason(receives));
      }
    } catch (const Error& error) {
      if (error.text.code != ErrorCode::wrong_state || tries > 10) throw;
      continue;
    }
    board_.update(mirror, [](MirrorStatus& status) { status.failing = false; });
    break;
  }
  Lock lock(mutex_);
  if (const auto found = mirrors_.find(mirror); found != mirrors_.end()) {
    if (event == MirrorEvent::drop_forced) found->second->force();
    found->second->wake();
  }
}

void Mirrors::change(const MirrorRecord& mirror, const MirrorSpec& spec) {
  const Transition row = transition(mirror.state, Step::change);
  if (row.outcome == Transition::Outcome::refused)
    throw Error(ErrorCode::wrong_state, "cannot change mirror \"" + spec.name + "\": " + std::string(row.sentence));
  catalog_.change_mirror(mirror.id, spec);
  Lock lock(mutex_);
  if (const auto found = mirrors_.find(mirror.id); found != mirrors_.end()) found->second->wake();
}

void Mirrors::resync(MirrorId mirror, std::span<const TableId> tables) {
  for (int tries = 0;; ++tries) {
    const auto record = catalog_.mirror(mirror);
    if (!record) throw Error(ErrorCode::not_found, "the mirror does not exist");
    const std::string cannot = "cannot resync mirror \"" + record->spec.name + "\": ";
    const Transition row = transition(record->state, Step::resync);
    if (row.outcome == Transition::Outcome::refused) throw Error(ErrorCode::wrong_state, cannot + std::string(row.sentence));
    const bool at_work = record->state == MirrorState::snapshot || record->state == MirrorState::running;
    if (!at_work && record->resume_to == MirrorState::setup)
      throw Error(ErrorCode::wrong_state, cannot + "it has not been set up yet", "RESUME MIRROR " + record->spec.name + " sets it up");
    catalog_.ask_resync(mirror, tables);
    if (row.outcome == Transition::Outcome::already) break;
    try {
      catalog_.move(mirror, record->state, *row.to, row.sentence);
    } catch (const Error& error) {
      if (error.text.code != ErrorCode::wrong_state || tries > 10) throw;
      continue;
    }
    announce(world_, mirror, record->state, *row.to, row.sentence);
    board_.update(mirror, [](MirrorStatus& status) { status.failing = false; });
    break;
  }
  Lock lock(mutex_);
  if (const auto found = mirrors_.find(mirror); found != mirrors_.end()) found->second->wake();
}

bool Mirrors::await(MirrorId mirror, MirrorState state, const Wait& wait) {
  bool reached = false;
  board_.await(
      mirror,
      [&](const std::optional<MirrorStatus>& status) {
        reached = status ? status->state == state : state == MirrorState::terminated;
        const bool stuck = status && (status->state == MirrorState::failed ||
                                      (status->state == MirrorState::terminating && status->failing));
        return reached || !status || stuck;
      },
      wait);
  if (wait.stop.stop_requested()) throw Stopped{};
  return reached;
}

bool Mirrors::stop(const Wait& wait) {
  watch_.ask_stop();
  {
    Lock lock(mutex_);
    stopping_ = true;
    for (auto& [id, mirror] : mirrors_) mirror->ask_stop();
  }
  while (true) {
    std::string busy;
    {
      Lock lock(mutex_);
      std::erase_if(mirrors_, [](const auto& entry) { return entry.second->ended(); });
      if (mirrors_.empty()) return true;
      for (const auto& [id, mirror] : mirrors_) busy += (busy.empty() ? "" : ", ") + mirror->name();
    }
    if (wait.expired()) {
      log(LogLevel::error, "mirror threads are still busy: " + busy);
      return false;
    }
    std::stop_token none;
    system_clock().sleep_until(std::min(wait.until, std::chrono::steady_clock::now() + std::chrono::milliseconds(10)), none);
  }
}

}  // namespace

std::unique_ptr<Supervisor> Supervisor::make(Catalog& catalog, const Connectors& connectors, MirrorObserver& observer, Limits limits) {
  return std::make_unique<Mirrors>(catalog, connectors, observer, limits);
}

}  // namespace peerd
